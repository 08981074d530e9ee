"""The networks of pix2pix (Isola et al. 2017, appendix 6.1): U-Net, ResNet and PatchGAN.

Input and output are images ``(N, 3, H, W)`` in [-1, 1]. Transposed or strided convolutions are 4x4, stride 2, padding
1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import i2i

from .convolutions import Double, Halve
from .options import Pix2PixOptions

NetworkT = TypeVar("NetworkT", bound=nn.Module)

Norm = Literal["batch", "instance", "plain"]
"""``batch``: BatchNorm. ``instance``: InstanceNorm with gain and bias, which equals ``batch`` at batch size 1.
``plain``: InstanceNorm without them, as in CycleGAN's networks."""
Dropout = Literal["paper", "common", "none"]
"""Decoder levels with dropout 0.5. ``paper``: the innermost three, as in the paper and the authors' code.
``common``: the three above the innermost, as in pytorch-CycleGAN-and-pix2pix."""


class InstanceNorm(nn.InstanceNorm2d):
    """Instance normalisation that is as fast as batch normalisation on a CPU.

    torch copies channels-last feature maps twice; batch normalisation of one image at a time is the same function.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or torch.compiler.is_compiling() or torch._C._get_tracing_state():
            return super().forward(x)
        images = [F.batch_norm(p, None, None, self.weight, self.bias, True, 0.0, self.eps) for p in x.split(1)]
        return images[0] if len(images) == 1 else torch.cat(images)


def normalisation(kind: Norm, channels: int) -> nn.Module:
    """Create the normalisation layer of a kind."""
    return nn.BatchNorm2d(channels) if kind == "batch" else InstanceNorm(channels, affine=kind == "instance")


def encoder_widths(levels: int, width: int) -> list[int]:
    """Return the channels of each level: twice those of the previous one, up to eight times the width."""
    return [width * min(2**level, 8) for level in range(levels)]


def dropout_levels(where: Dropout, widths: Sequence[int]) -> set[int]:
    """Return the decoder levels with dropout, counted from 0, the outermost.

    Only levels with the full width have dropout, so shallow networks have fewer than three.
    """
    levels = len(widths)
    wanted = {"paper": range(levels - 3, levels), "common": range(levels - 4, levels - 1), "none": range(0)}[where]
    return {level for level in wanted if level > 0 and widths[level - 1] == widths[-1]}


class UNet(nn.Module):
    """An encoder that downsamples ``levels`` times, a decoder that upsamples as often, and skip connections.

    Input height and width must be multiples of ``2**levels``. With ``stem``, a 3x3 convolution first computes ``width``
    channels at full resolution; that costs four times as much as the same depth without.
    """

    def __init__(
        self,
        levels: int = 8,
        width: int = 64,
        norm: Norm = "batch",
        dropout: Dropout = "paper",
        stem: bool = False,
        inputs: int = 3,
        outputs: int = 3,
    ) -> None:
        super().__init__()
        widths = encoder_widths(levels + 1, width)[1:] if stem else encoder_widths(levels, width)
        self.multiple = 2**levels
        bias = norm == "plain"
        self.stem = nn.Conv2d(inputs, width, 3, padding=1) if stem else None
        self.down = nn.ModuleList()
        for level, channels in enumerate(widths):
            before = widths[level - 1] if level else (width if stem else inputs)
            layers: list[nn.Module] = [nn.LeakyReLU(0.2)] if level or stem else []
            innermost = level == levels - 1
            normed = not innermost and (level > 0 or stem)
            layers.append(Halve(before, channels, bias))
            if normed:  # the innermost feature map may be 1x1, which a normalisation would set to zero
                layers.append(normalisation(norm, channels))
            self.down.append(nn.Sequential(*layers))
        dropped = dropout_levels(dropout, widths)
        self.up = nn.ModuleList()
        for level in range(levels):
            before = widths[level] * (1 if level == levels - 1 else 2)
            outermost = level == 0 and not stem
            after = outputs if outermost else (widths[level - 1] if level else width)
            layers = [nn.ReLU(), Double(before, after, bias or outermost)]
            if not outermost:
                layers.append(normalisation(norm, after))
            if level in dropped:
                layers.append(nn.Dropout(0.5))
            self.up.append(nn.Sequential(*layers))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(2 * width, outputs, 3, padding=1)) if stem else None

    def forward(self, x: Tensor) -> Tensor:
        """Generate ``(N, outputs, H, W)`` from ``(N, inputs, H, W)``."""
        skips = [self.stem(x)] if self.stem else []
        for down in self.down:
            skips.append(down(skips[-1] if skips else x))
        y = skips.pop()
        for up in reversed(self.up):
            y = up(y)
            if skips:
                y = torch.cat([skips.pop(), y], dim=1)
        return torch.tanh(self.head(y) if self.head else y)


class ResNet(nn.Module):
    """Two downsampling layers, ``blocks`` residual blocks, two upsampling layers (Johnson et al. 2016; CycleGAN)."""

    multiple = 4

    def __init__(
        self, blocks: int = 9, width: int = 64, norm: Norm = "instance", inputs: int = 3, outputs: int = 3
    ) -> None:
        super().__init__()
        bias = norm == "plain"
        layers: list[nn.Module] = [
            nn.ReflectionPad2d(3),
            nn.Conv2d(inputs, width, 7, bias=bias),
            normalisation(norm, width),
            nn.ReLU(),
        ]
        for channels in (width, 2 * width):
            convolution = nn.Conv2d(channels, 2 * channels, 3, 2, 1, bias=bias)
            layers += [convolution, normalisation(norm, 2 * channels), nn.ReLU()]
        layers += [ResidualBlock(4 * width, norm) for _ in range(blocks)]
        for channels in (4 * width, 2 * width):
            convolution_up = nn.ConvTranspose2d(channels, channels // 2, 3, 2, 1, output_padding=1, bias=bias)
            layers += [convolution_up, normalisation(norm, channels // 2), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """Generate ``(N, outputs, H, W)`` from ``(N, inputs, H, W)``."""
        y: Tensor = self.layers(x)
        return y


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with reflection padding, added to their input."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        bias = norm == "plain"
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=bias),
            normalisation(norm, channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=bias),
            normalisation(norm, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` -> the same shape."""
        y: Tensor = x + self.layers(x)
        return y


class PatchGAN(nn.Module):
    """A discriminator of overlapping patches: one logit for each patch.

    Patches of 16, 34, 70, 142 or 286 pixels for 1 to 5 ``layers`` of stride 2.
    """

    def __init__(self, layers: int = 3, width: int = 64, norm: Norm = "batch", channels: int = 6) -> None:
        super().__init__()
        bias = norm == "plain"
        widths = encoder_widths(layers + 1, width)
        stages: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for level in range(1, layers + 1):
            stride = 1 if level == layers else 2
            stages.append(nn.Conv2d(widths[level - 1], widths[level], 4, stride, 1, bias=bias))
            stages += [normalisation(norm, widths[level]), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*stages, nn.Conv2d(widths[-1], 1, 4, 1, 1))

    def forward(self, *images: Tensor) -> Tensor:
        """Compute logits ``(N, 1, h, w)`` of a pair of images ``(N, 3, H, W)``; 30x30 for 256x256 and 3 layers."""
        logits: Tensor = self.layers(torch.cat(images, dim=1) if len(images) > 1 else images[0])
        return logits


def initialise(network: NetworkT, deviation: float = 0.02) -> NetworkT:
    """Initialise weights with N(0, 0.02), gains with N(1, 0.02) and biases with 0, as in the paper."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, deviation)
        elif isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d) and module.weight is not None:
            nn.init.normal_(module.weight, 1.0, deviation)
        if isinstance(bias := getattr(module, "bias", None), nn.Parameter):
            nn.init.zeros_(bias)
    return network


@contextmanager
def training_behaviour(network: nn.Module) -> Iterator[None]:
    """Within: dropout is active, batch normalisation uses batch statistics; running statistics do not change."""
    layers = [module for module in network.modules() if isinstance(module, nn.Dropout | nn.BatchNorm2d)]
    for layer in layers:
        layer.train()
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.eval()
            layer.track_running_stats = True


def build_generator(options: Pix2PixOptions, inputs: int = 3, outputs: int = 3) -> UNet | ResNet:
    """Build the generator of the options, with these numbers of channels; its weights are not initialised.

    Raises:
        UsageError: the size does not suit the depth.
    """
    if options.generator == "resnet9":
        network: UNet | ResNet = ResNet(9, options.width, options.norm, inputs, outputs)
    else:
        stem = options.generator == "unet-full"
        levels = options.levels or (5 if stem else _levels_for(options.size))
        network = UNet(levels, options.width, options.norm, options.dropout, stem, inputs, outputs)
    if options.size % network.multiple:
        nearest = max(round(options.size / network.multiple), 1) * network.multiple
        raise i2i.UsageError(
            f"--size {options.size} does not suit this generator, which downsamples "
            f"{network.multiple.bit_length() - 1} times: give a multiple of {network.multiple}, such as {nearest}."
        )
    return network


def _levels_for(size: int) -> int:
    """Return as many levels as the size allows, 5 to 8; with fewer than 5 the receptive field would be too small."""
    levels = (size & -size).bit_length() - 1
    return min(max(levels, 5), 8)
