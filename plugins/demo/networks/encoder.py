"""An encoder of e4e's kind (Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", 2021), made small.

As there: feature maps at three scales, merged from coarse to fine; a head for one latent code of W; and heads for the
difference of each further layer from it, coarse layers from coarse maps. Unlike there, layers of one scale share their
head except its last linear layer, and latent codes are in units of the standard deviation of w.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from i2i.toolkit.weights.state_dicts import load_frozen_network

from .trunk import FaceTrunk

WIDTHS = (32, 64, 96, 144)
"""Channels of the trunk at 32, 16, 8 and 4 pixels."""
LEVEL = 64
"""Channels of the merged feature maps."""
HIDDEN = {"main": 256, "coarse": 96, "middle": 96, "fine": 128}
"""Width of the hidden layer of each head."""
LAST_LAYER = {"coarse": 3 / 18, "middle": 7 / 18}
"""Where each level ends, as a fraction of the layers; in e4e layers 0 to 2 of 18 are coarse, 3 to 6 middle."""


class LatentHead(nn.Module):
    """A head: feature maps ``(N, 64, S, S)`` -> layers of w ``(N, rows, w_dim)``.

    Args:
        shrinking: Number of downsampling convolutions, down to 4 x 4 pixels.
        hidden: Width of the hidden layer.
        rows: Number of layers of w.
        silent: Whether the last linear layer is initialised with 0.
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


class EncoderNetwork(nn.Module):
    """Aligned images ``(N, 3, 64, 64)`` in [-1, 1] -> latents ``(N, num_ws, w_dim)``.

    Attributes:
        w_mean: Mean of w of the generator, ``(w_dim,)``.
        w_scale: Standard deviation of one element of w, a scalar.
    """

    w_mean: Tensor
    w_scale: Tensor

    def __init__(self, num_ws: int, w_dim: int) -> None:
        super().__init__()
        self.num_ws = num_ws
        self.trunk = FaceTrunk(WIDTHS)
        self.side = nn.ModuleDict(
            {
                name: nn.Conv2d(width, LEVEL, 1)
                for name, width in zip(("fine", "middle", "coarse"), WIDTHS[1:], strict=True)
            }
        )
        ends = [max(round(share * num_ws), at) for at, share in enumerate(LAST_LAYER.values(), start=1)]
        rows = {"main": 1, "coarse": ends[0] - 1, "middle": ends[1] - ends[0], "fine": num_ws - ends[1]}
        downsamplings = {"main": 0, "coarse": 0, "middle": 1, "fine": 2}
        # Differences between layers are initialised with 0: training starts in W.
        self.heads = nn.ModuleDict(
            {
                name: LatentHead(downsamplings[name], HIDDEN[name], count, w_dim, silent=name != "main")
                for name, count in rows.items()
                if count > 0
            }
        )
        self.register_buffer("w_mean", torch.zeros(w_dim))
        self.register_buffer("w_scale", torch.ones(()))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> EncoderNetwork:
        """Build the network whose state dict, in any precision, is ``tensors``; frozen, in evaluation mode, float32.

        Raises:
            i2i.I2IError: the tensors are those of another network.
        """
        w_dim = len(tensors["w_mean"]) if "w_mean" in tensors else 1
        rows = sum(len(bias) for key, bias in tensors.items() if key.endswith(".linear.bias")) // w_dim
        network = cls(max(rows, 4), w_dim)
        load_frozen_network(network, tensors, "encoder of the demo networks", "install the package again")
        return network.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        fine, middle, coarse = self.trunk(images)
        levels = {"coarse": self.side["coarse"](coarse)}
        levels["main"] = levels["coarse"]
        levels["middle"] = _upsample(levels["coarse"]) + self.side["middle"](middle)
        levels["fine"] = _upsample(levels["middle"]) + self.side["fine"](fine)
        rows = [head(levels[name]) for name, head in self.heads.items()]
        main = rows[0]
        # The first layer is a latent code of W; each further one is a difference from it.
        latents = torch.cat([main, *(main + row for row in rows[1:])], dim=1)
        return self.w_mean + self.w_scale * latents


def _upsample(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
