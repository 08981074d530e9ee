"""The convolutional trunk of the encoder and the text network: feature maps of an image at three scales.

Images are edited along the gradients of these networks, so gradients must be smooth: downsampling uses 4 x 4
convolutions of stride 2, which use every pixel equally often and leave no grid artefacts, and the activations are SiLU
(Ramachandran et al., "Searching for Activation Functions", 2017).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DownsamplingBlock(nn.Sequential):
    """``(N, before, H, W)`` -> ``(N, after, H / 2, W / 2)``: convolution, normalisation and SiLU."""

    def __init__(self, before: int, after: int) -> None:
        convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(after), nn.SiLU())


class SiLUResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and a short cut (He et al. 2016): ``(N, C, H, W)`` -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm0 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm1.weight)  # initially the identity, which trains faster (Goyal et al. 2017)

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(self.norm0(self.conv0(x)))
        return F.silu(x + self.norm1(self.conv1(y)))


class FaceTrunk(nn.Module):
    """Images ``(N, 3, 64, 64)`` in [-1, 1] -> feature maps at 16, 8 and 4 pixels.

    Args:
        widths: Channels of the four stages, at 32, 16, 8 and 4 pixels.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        befores = (3, *widths[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(DownsamplingBlock(before, after), SiLUResidualBlock(after))
            for before, after in zip(befores, widths, strict=True)
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = []
        x = images.contiguous(memory_format=torch.channels_last)  # the fastest format on CPUs and GPUs
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps[1], maps[2], maps[3]
