"""Networks of the trainers: the ResNet generator of CycleGAN and PatchGAN discriminators."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ResNetGenerator(nn.Module):
    """Two downsampling convolutions, residual blocks, two upsampling convolutions (Johnson et al. 2016).

    Height and width of the input must be multiples of ``multiple``.
    """

    multiple = 4

    def __init__(self, inputs: int, outputs: int, width: int, blocks: int) -> None:
        """Build it for ``inputs`` and ``outputs`` channels; ``width`` is the channels of the first layer."""
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(inputs, width, 7, padding=3, padding_mode="reflect"), *_normalised(width)),
            *(nn.Conv2d(width, 2 * width, 3, 2, 1), *_normalised(2 * width)),
            *(nn.Conv2d(2 * width, 4 * width, 3, 2, 1), *_normalised(4 * width)),
            *(ResidualBlock(4 * width) for _ in range(blocks)),
            *(nn.ConvTranspose2d(4 * width, 2 * width, 3, 2, 1, output_padding=1), *_normalised(2 * width)),
            *(nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1), *_normalised(width)),
            *(nn.Conv2d(width, outputs, 7, padding=3, padding_mode="reflect"), nn.Tanh()),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Turn ``(N, inputs, H, W)`` into ``(N, outputs, H, W)`` in [-1, 1]."""
        y: Tensor = self.layers(x)
        return y


class ResidualBlock(nn.Module):
    """Two convolutions whose output is added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"), *_normalised(width)),
            *(nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"), nn.InstanceNorm2d(width)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x + layers(x)``, ``(N, width, H, W)``."""
        y: Tensor = x + self.layers(x)
        return y


def _normalised(width: int) -> tuple[nn.Module, nn.Module]:
    return nn.InstanceNorm2d(width), nn.ReLU(inplace=True)


class PatchDiscriminator(nn.Module):
    """A PatchGAN (Isola et al. 2017): a logit for each patch of an image. Three layers see patches of 70 px."""

    def __init__(self, inputs: int, width: int, layers: int) -> None:
        """Build it for ``inputs`` channels, with so many downsampling layers."""
        super().__init__()
        stages = [nn.Sequential(nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(0.2))]
        before = width
        for number in range(1, layers + 1):
            after, stride = width * min(2**number, 8), 2 if number < layers else 1
            convolution = nn.Conv2d(before, after, 4, stride, 1)
            stages.append(nn.Sequential(convolution, nn.InstanceNorm2d(after), nn.LeakyReLU(0.2)))
            before = after
        self.stages = nn.ModuleList([*stages, nn.Conv2d(before, 1, 4, 1, 1)])

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the output of each layer for ``x (N, inputs, H, W)``; the last one is the logits ``(N, 1, h, w)``."""
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs


def least_squares(logits: Tensor, real: bool) -> Tensor:
    """Return the loss of LSGAN (Mao et al. 2017): the mean squared distance of the logits from 1 or 0."""
    return (logits.float() - float(real)).square().mean()


def initialise(network: nn.Module) -> nn.Module:
    """Draw the weights of all convolutions from a normal distribution of standard deviation 0.02; biases are 0."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                torch.nn.init.zeros_(layer.bias)
    return network
