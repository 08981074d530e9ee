"""An encoder of e4e's kind (Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", 2021), made small.

As there: maps at three scales, joined from coarse to fine; a head that gives one latent of W for the whole picture; and
heads for what each further row differs from it, coarse rows from coarse maps. Unlike there, rows of one scale share
their head but for its last layer, and latents are in units of the generator's spread, so that the network's numbers
are of the order of 1.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from i2i.toolkit.weights.state_dicts import load_frozen_network

from .trunk import Trunk

WIDTHS = (32, 64, 96, 144)
"""Channels of the trunk at 32, 16, 8 and 4 pixels."""
LEVEL = 64
"""Channels of the joined maps."""
HIDDEN = {"main": 256, "coarse": 96, "middle": 96, "fine": 128}
"""Numbers between a level's map and its rows."""
MOST = {"coarse": 3 / 18, "middle": 7 / 18}
"""The share of rows that a level ends at; e4e has rows 0 to 2 of 18 from the coarsest, 3 to 6 from the middle one."""


class Head(nn.Module):
    """A level's map ``(N, 64, S, S)`` -> ``(N, rows, w_dim)``.

    Args:
        shrinking: Halvings until 4 x 4 pixels are left.
        hidden: Numbers between the map and the rows.
        silent: Whether all rows are 0 until it has learnt.
    """

    def __init__(self, shrinking: int, hidden: int, rows: int, w_dim: int, silent: bool) -> None:
        super().__init__()
        self.rows = rows
        self.shrink = nn.Sequential()
        for _ in range(shrinking):
            self.shrink.extend([nn.Conv2d(LEVEL, LEVEL, 4, stride=2, padding=1), nn.SiLU()])
        self.hidden = nn.Linear(LEVEL * 16, hidden)
        self.linear = nn.Linear(hidden, rows * w_dim)
        if silent:
            nn.init.zeros_(self.linear.weight)
            nn.init.zeros_(self.linear.bias)

    def forward(self, level: Tensor) -> Tensor:
        x = F.silu(self.hidden(self.shrink(level).flatten(1)))
        rows: Tensor = self.linear(x).unflatten(1, (self.rows, -1))
        return rows


class Encoder(nn.Module):
    """Aligned pictures ``(N, 3, 64, 64)`` in [-1, 1] -> latents ``(N, num_ws, w_dim)``.

    Attributes:
        w_mean: The generator's, ``(w_dim,)``: what a latent is counted from.
        w_scale: The root mean square of one number of w about its mean, a tensor of no dimension.
    """

    w_mean: Tensor
    w_scale: Tensor

    def __init__(self, num_ws: int, w_dim: int) -> None:
        super().__init__()
        self.num_ws = num_ws
        self.trunk = Trunk(WIDTHS)
        self.side = nn.ModuleDict(
            {
                name: nn.Conv2d(width, LEVEL, 1)
                for name, width in zip(("fine", "middle", "coarse"), WIDTHS[1:], strict=True)
            }
        )
        ends = [max(round(share * num_ws), at) for at, share in enumerate(MOST.values(), start=1)]
        rows = {"main": 1, "coarse": ends[0] - 1, "middle": ends[1] - ends[0], "fine": num_ws - ends[1]}
        halvings = {"main": 0, "coarse": 0, "middle": 1, "fine": 2}
        # Differences between rows are silent at first: the first pictures are made from one latent of W.
        self.heads = nn.ModuleDict(
            {
                name: Head(halvings[name], HIDDEN[name], count, w_dim, silent=name != "main")
                for name, count in rows.items()
                if count > 0
            }
        )
        self.register_buffer("w_mean", torch.zeros(w_dim))
        self.register_buffer("w_scale", torch.ones(()))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Encoder:
        """The network whose state dict, in any precision, is ``tensors``; frozen, in evaluation mode, in float32.

        Raises:
            i2i.I2IError: they are another network's.
        """
        w_dim = len(tensors["w_mean"]) if "w_mean" in tensors else 1
        rows = sum(len(bias) for key, bias in tensors.items() if key.endswith(".linear.bias")) // w_dim
        network = cls(max(rows, 4), w_dim)
        load_frozen_network(network, tensors, "encoder of the embedded world", "install the package again")
        return network.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> Tensor:
        fine, middle, coarse = self.trunk(pictures)
        levels = {"coarse": self.side["coarse"](coarse)}
        levels["main"] = levels["coarse"]
        levels["middle"] = _enlarged(levels["coarse"]) + self.side["middle"](middle)
        levels["fine"] = _enlarged(levels["middle"]) + self.side["fine"](fine)
        rows = [head(levels[name]) for name, head in self.heads.items()]
        main = rows[0]
        # The first row is a latent of W; each further one is a difference from it.
        latents = torch.cat([main, *(main + row for row in rows[1:])], dim=1)
        return self.w_mean + self.w_scale * latents


def _enlarged(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
