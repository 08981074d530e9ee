"""Networks of encoders from images to latents, and their convolutional trunk.

Images are edited along the gradients of these networks, so gradients must be smooth: downsampling uses 4 x 4
convolutions of stride 2, which use every pixel equally often and leave no grid artefacts, and the activations are SiLU
(Ramachandran et al., "Searching for Activation Functions", 2017).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (0.5, 0.75, 1, 2, 3, 4.5)
"""Channels of the trunk at 128, 64, 32, 16, 8 and 4 pixels, relative to the width of the network."""
LEVEL = 2
"""Channels of the merged feature maps, relative to the width."""
HIDDEN = {"main": 8, "coarse": 3, "middle": 3, "fine": 4}
"""Width of the hidden layer of each head, relative to the width."""
DOWNSAMPLINGS = {"main": 0, "coarse": 0, "middle": 1, "fine": 2}
"""Number of downsampling convolutions of each head, down to 4 x 4 pixels."""
LAST_LAYER = {"coarse": 3 / 18, "middle": 7 / 18}
"""Where each level ends, as a fraction of the layers; in e4e layers 0 to 2 of 18 are coarse, 3 to 6 middle."""


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


class ImageTrunk(nn.Module):
    """Images ``(N, 3, S, S)`` -> feature maps of the last three of its stages, each of half the size of the one before.

    Args:
        widths: Channels of the stages, at S / 2, S / 4, ... pixels; at least three.
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
        return maps[-3], maps[-2], maps[-1]


class LayerHead(nn.Module):
    """A head: feature maps ``(N, level, S, S)`` -> layers of w ``(N, rows, w_dim)``.

    Args:
        level: Channels of the feature maps.
        downsamplings: Number of downsampling convolutions, down to 4 x 4 pixels.
        hidden: Width of the hidden layer.
        rows: Number of layers of w.
        silent: Whether the last linear layer is initialised with 0.
    """

    def __init__(self, level: int, downsamplings: int, hidden: int, rows: int, w_dim: int, silent: bool) -> None:
        super().__init__()
        self.rows = rows
        self.shrink = nn.Sequential()
        for _ in range(downsamplings):
            self.shrink.extend([nn.Conv2d(level, level, 4, stride=2, padding=1), nn.SiLU()])
        self.hidden = nn.Linear(level * 16, hidden)
        self.linear = nn.Linear(hidden, rows * w_dim)
        if silent:
            nn.init.zeros_(self.linear.weight)
            nn.init.zeros_(self.linear.bias)

    def forward(self, level: Tensor) -> Tensor:
        x = F.silu(self.hidden(self.shrink(level).flatten(1)))
        rows: Tensor = self.linear(x).unflatten(1, (self.rows, -1))
        return rows


class PyramidEncoder(nn.Module):
    """Images ``(N, 3, size, size)`` in [-1, 1] -> latents ``(N, num_ws, w_dim)``: e4e, made small.

    As in Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", 2021: feature maps at three scales, merged
    from coarse to fine; a head for one latent code of W; and heads for the difference of each further layer from it,
    coarse layers from coarse maps. Unlike there, layers of one scale share their head except its last linear layer,
    latent codes are in units of the standard deviation of w, and the maps have 16, 8 and 4 pixels whatever the size of
    the image, so that a CPU can train it.

    Args:
        size: Height and width of the images, pixels: 32, 64, 128 or 256.
        width: Channels of the trunk at 32 pixels.

    Attributes:
        free: Number of layers that may differ from the first one, with it; all of them unless it is set.
        w_mean: Mean of w of the generator, ``(w_dim,)``.
        w_scale: Standard deviation of one element of w, a scalar.
    """

    free: Tensor
    w_mean: Tensor
    w_scale: Tensor

    def __init__(self, num_ws: int, w_dim: int, size: int, width: int) -> None:
        super().__init__()
        self.num_ws, self.w_dim, self.size = num_ws, w_dim, size
        widths = [round(width * factor) for factor in WIDTHS[-int(math.log2(size // 4)) :]]
        level = LEVEL * width
        self.trunk = ImageTrunk(widths)
        self.side = nn.ModuleDict(
            {
                name: nn.Conv2d(own, level, 1)
                for name, own in zip(("fine", "middle", "coarse"), widths[-3:], strict=True)
            }
        )
        # Differences between layers are initialised with 0: training starts in W.
        self.heads = nn.ModuleDict(
            {
                name: LayerHead(level, DOWNSAMPLINGS[name], HIDDEN[name] * width, count, w_dim, silent=name != "main")
                for name, count in _rows_of_heads(num_ws).items()
                if count > 0
            }
        )
        self.register_buffer("free", torch.tensor(num_ws), persistent=False)
        self.register_buffer("w_mean", torch.zeros(w_dim))
        self.register_buffer("w_scale", torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        fine, middle, coarse = self.trunk(images)
        levels = {"coarse": self.side["coarse"](coarse)}
        levels["main"] = levels["coarse"]
        levels["middle"] = _upsample(levels["coarse"]) + self.side["middle"](middle)
        levels["fine"] = _upsample(levels["middle"]) + self.side["fine"](fine)
        rows = [head(levels[name]) for name, head in self.heads.items()]
        main = rows[0].float()
        # The first layer is a latent code of W; each further one is a difference from it.
        layers = torch.arange(self.num_ws, device=main.device)[:, None]
        deltas = torch.cat([torch.zeros_like(main), *(row.float() for row in rows[1:])], dim=1)
        latents: Tensor = self.w_mean + self.w_scale * (main + deltas * (layers < self.free))
        return latents


def _rows_of_heads(num_ws: int) -> dict[str, int]:
    """Return the number of layers of w that each head makes, which are ``num_ws`` together."""
    coarse, middle = (min(num_ws, max(round(share * num_ws), at)) for at, share in enumerate(LAST_LAYER.values(), 1))
    return {"main": 1, "coarse": coarse - 1, "middle": middle - coarse, "fine": num_ws - middle}


def _upsample(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
