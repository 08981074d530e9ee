"""The network of encoder4editing (Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", 2021).

A residual trunk with squeeze and excitation (IR-SE50: Deng et al. 2019; Hu et al. 2018), a feature pyramid of three
levels, and for every layer of the latent code a head that maps a level to 512 numbers. Key names are those of the
authors' checkpoints without their ``encoder.``.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCKS = (3, 4, 14, 3)
"""Blocks in each group of the trunk; the first of a group downsamples by 2."""
TAPS = (6, 20, 23)
"""Blocks whose outputs the pyramid uses: at 1/4, 1/8 and 1/16 of the resolution."""
COARSE, MIDDLE = 3, 7
"""Layers below the first number use the coarsest level, layers below the second the middle one."""
REDUCTION = 16


class SqueezeExcitation(nn.Module):
    """Squeeze and excitation: channels weighted by a function of their means, ``(N, C, H, W)`` -> the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // REDUCTION, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // REDUCTION, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(means))))


class BottleneckBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut: ``(N, C, H, W)`` -> ``(N, channels, H / stride, W / stride)``."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module
        if channels_in == channels:
            self.shortcut_layer = nn.MaxPool2d(1, stride)  # kernel 1: subsamples
        else:
            convolution = nn.Conv2d(channels_in, channels, 1, stride, bias=False)
            self.shortcut_layer = nn.Sequential(convolution, nn.BatchNorm2d(channels))
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(channels_in),
            nn.Conv2d(channels_in, channels, 3, padding=1, bias=False),
            nn.PReLU(channels),
            nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            SqueezeExcitation(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.res_layer(x) + self.shortcut_layer(x)
        return y


class EqualLinear(nn.Module):
    """A linear layer with equalised learning rate, as in StyleGAN: weights are divided by the root of the width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight / math.sqrt(self.weight.shape[1]), self.bias)


class StyleHead(nn.Module):
    """A head: downsamples a level ``(N, C, size, size)`` to one layer of the latent code ``(N, C)``."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.convs = nn.Sequential()
        for _ in range(int(math.log2(size))):
            self.convs.extend([nn.Conv2d(channels, channels, 3, stride=2, padding=1), nn.LeakyReLU(0.01)])
        self.linear = EqualLinear(channels)

    def forward(self, x: Tensor) -> Tensor:
        style: Tensor = self.linear(self.convs(x).flatten(1))
        return style


class E4ENetwork(nn.Module):
    """Images ``(N, 3, 256, 256)`` in [-1, 1] -> latent codes ``(N, num_ws, 512)``, relative to the mean.

    Images of 192 x 256 (height x width), which the encoder of cars takes, end in one pixel as well.

    Args:
        num_ws: Layers of a latent code.
        width: Channels of the trunk's first group; w_dim is eight times as large.
    """

    latent_avg: Tensor | None

    def __init__(self, num_ws: int, width: int = 64) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width)
        )
        blocks, channels_in = [], width
        for group, count in enumerate(BLOCKS):
            for number in range(count):
                blocks.append(BottleneckBlock(channels_in, width << group, stride=1 if number else 2))
                channels_in = width << group
        self.body = nn.Sequential(*blocks)
        sizes = [16 if row < COARSE else 32 if row < MIDDLE else 64 for row in range(num_ws)]
        self.styles = nn.ModuleList(StyleHead(channels_in, size) for size in sizes)
        self.latlayer1 = nn.Conv2d(channels_in // 2, channels_in, 1)
        self.latlayer2 = nn.Conv2d(channels_in // 4, channels_in, 1)
        self.register_buffer("latent_avg", None)

    def forward(self, images: Tensor) -> Tensor:
        x, taps = self.input_layer(images), []
        for number, block in enumerate(self.body):
            x = block(x)
            if number in TAPS:
                taps.append(x)
        fine, middle, coarse = taps
        middle = _upsample_like(coarse, middle) + self.latlayer1(middle)
        fine = _upsample_like(middle, fine) + self.latlayer2(fine)
        levels = [coarse] * COARSE + [middle] * (MIDDLE - COARSE) + [fine] * len(self.styles)
        first, *others = (style(level) for style, level in zip(self.styles, levels, strict=False))
        # The first layer is a latent code of W; each further one is a difference from it.
        return torch.stack([first, *(first + other for other in others)], dim=1)


def _upsample_like(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=True)
