"""An encoder of e4e's kind (Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", 2021), made small.

As there: feature maps at three scales, merged from coarse to fine; a head for one latent code of W; and heads for the
difference of each further layer from it, coarse layers from coarse maps, which are freed one by one in training. Unlike
there, layers of one scale share their head except its last linear layer, latent codes are in units of the standard
deviation of w, and the maps have 16, 8 and 4 pixels whatever the size of the image, so that a CPU can train it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from i2i.toolkit.weights.state_dicts import load_frozen_network

WIDTHS = (0.5, 0.75, 1, 2, 3, 4.5)
"""Channels of the trunk at 128, 64, 32, 16, 8 and 4 pixels, relative to the width of the network."""
LEVEL = 2
"""Channels of the merged feature maps, relative to the width."""
HIDDEN = {"main": 8, "coarse": 3, "middle": 3, "fine": 4}
"""Width of the hidden layer of each head, relative to the width."""
LAST_LAYER = {"coarse": 3 / 18, "middle": 7 / 18}
"""Where each level ends, as a fraction of the layers; in e4e layers 0 to 2 of 18 are coarse, 3 to 6 middle."""
THUMBNAIL = 16
"""Height and width of the generator's mean image, by which it is recognised, pixels."""


class ResidualStage(nn.Module):
    """``(N, before, H, W)`` -> ``(N, after, H / 2, W / 2)``: a convolution of stride 2, then a residual block.

    The downsampling convolution is 4 x 4, so that every pixel is used equally often.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(after)
        self.first = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(after)
        self.second = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(after)
        nn.init.zeros_(self.second_norm.weight)  # initially the identity, which trains faster (Goyal et al. 2017)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.norm(self.down(x)))
        return F.silu(x + self.second_norm(self.second(F.silu(self.first_norm(self.first(x))))))


class LayerHead(nn.Module):
    """A head: feature maps ``(N, level, S, S)`` -> layers of w ``(N, rows, w_dim)``.

    Args:
        level: Channels of the feature maps.
        shrinking: Number of downsampling convolutions, down to 4 x 4 pixels.
        hidden: Width of the hidden layer.
        rows: Number of layers of w.
        silent: Whether the last linear layer is initialised with 0.
    """

    def __init__(self, level: int, shrinking: int, hidden: int, rows: int, w_dim: int, silent: bool) -> None:
        super().__init__()
        self.rows = rows
        self.shrink = nn.Sequential()
        for _ in range(shrinking):
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
    """Images ``(N, 3, size, size)`` in [-1, 1] -> latents ``(N, num_ws, w_dim)`` of one generator.

    Attributes:
        shape: ``num_ws``, ``w_dim``, ``size`` and ``width``, int64 ``(4,)``, by which a file is read.
        free: Number of layers that may differ from the first one, with it; all of them after training.
        w_mean: Mean of w of the generator, ``(w_dim,)``.
        w_scale: Standard deviation of one element of w, a scalar.
        mean_image: The generator's image of ``w_mean``, ``(3, 16, 16)``.
    """

    shape: Tensor
    free: Tensor
    w_mean: Tensor
    w_scale: Tensor
    mean_image: Tensor

    def __init__(self, num_ws: int, w_dim: int, size: int, width: int) -> None:
        super().__init__()
        self.num_ws, self.w_dim, self.size = num_ws, w_dim, size
        widths = [round(width * factor) for factor in WIDTHS[-int(math.log2(size // 4)) :]]
        level = LEVEL * width
        self.stages = nn.ModuleList(
            ResidualStage(before, after) for before, after in zip((3, *widths[:-1]), widths, strict=True)
        )
        self.side = nn.ModuleDict(
            {
                name: nn.Conv2d(own, level, 1)
                for name, own in zip(("fine", "middle", "coarse"), widths[-3:], strict=True)
            }
        )
        shrinkings = {"main": 0, "coarse": 0, "middle": 1, "fine": 2}
        # Differences between layers are initialised with 0: training starts in W.
        self.heads = nn.ModuleDict(
            {
                name: LayerHead(level, shrinkings[name], HIDDEN[name] * width, count, w_dim, silent=name != "main")
                for name, count in _rows_of_heads(num_ws).items()
                if count > 0
            }
        )
        self.register_buffer("shape", torch.tensor([num_ws, w_dim, size, width]))
        self.register_buffer("free", torch.tensor(num_ws))
        self.register_buffer("w_mean", torch.zeros(w_dim))
        self.register_buffer("w_scale", torch.ones(()))
        self.register_buffer("mean_image", torch.zeros(3, THUMBNAIL, THUMBNAIL))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> PyramidEncoder:
        """Build the network whose state dict is ``tensors``; frozen, in evaluation mode, float32.

        Raises:
            i2i.I2IError: the tensors are those of another network.
        """
        shape = tensors.get("shape", torch.tensor([1, 1, 32, 4])).flatten().tolist()
        if len(shape) != 4 or not _plausible(*map(int, shape)):
            shape = [1, 1, 32, 4]  # the tensors then do not fit, and the loader says so
        network = cls(*map(int, shape))
        wanted = "take a run of 'i2i train encoder', or the file that 'i2i export' made of one"
        load_frozen_network(network, tensors, "trained encoder", wanted)
        return network.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        maps, x = [], images.contiguous(memory_format=torch.channels_last)  # the fastest format on CPUs and GPUs
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        fine, middle, coarse = maps[-3:]
        levels = {"coarse": self.side["coarse"](coarse)}
        levels["main"] = levels["coarse"]
        levels["middle"] = _upsample(levels["coarse"]) + self.side["middle"](middle)
        levels["fine"] = _upsample(levels["middle"]) + self.side["fine"](fine)
        rows = [head(levels[name]) for name, head in self.heads.items()]
        main = rows[0].float()
        # The first layer is a latent code of W; each further one is a difference from it.
        layers = torch.arange(self.num_ws, device=main.device)[:, None]
        deltas = torch.cat([torch.zeros_like(main), *(row.float() for row in rows[1:])], dim=1)
        return self.w_mean + self.w_scale * (main + deltas * (layers < self.free))


def _rows_of_heads(num_ws: int) -> dict[str, int]:
    """Return the number of layers of w that each head makes, which are ``num_ws`` together."""
    coarse, middle = (min(num_ws, max(round(share * num_ws), at)) for at, share in enumerate(LAST_LAYER.values(), 1))
    return {"main": 1, "coarse": coarse - 1, "middle": middle - coarse, "fine": num_ws - middle}


def _plausible(num_ws: int, w_dim: int, size: int, width: int) -> bool:
    """Return whether a file may claim these sizes: a wrong one must not fill the memory."""
    return 1 <= num_ws <= 64 and 1 <= w_dim <= 4096 and size in (32, 64, 128, 256) and 4 <= width <= 512


def _upsample(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
