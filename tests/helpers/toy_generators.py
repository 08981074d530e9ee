"""A generator whose every number can be foretold, for the tests of sampling and conversion."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import i2i
from i2i import Contents

MEAN = (0.5, -0.25, 0.125)


class Bands(i2i.Generator):
    """Row i of w is the colour of the i-th band of the picture; w is the first numbers of z, plus the mean."""

    name = "bands"
    summary = "Stripes."
    z_dim, w_dim, num_ws, resolution = 4, 3, 6, 12

    @classmethod
    def read(cls, contents: Contents) -> i2i.Weights | None:
        tree = contents.tree
        if cls is not Bands or not isinstance(tree, dict) or "bands.shift" not in tree:
            return None
        tensors = {name: stored.tensor().float() for name, stored in tree.items()}
        return i2i.Weights(cls.name, tensors, {"width": 2})

    def __init__(self, weights: i2i.Weights | None, device: i2i.Device) -> None:
        self.shift = torch.zeros(3) if weights is None else weights.tensors["bands.shift"]
        if self.shift.shape != (3,):
            raise i2i.I2IError("bands.shift has the wrong shape; get the file again.")
        self.device = device
        self.batches: list[int] = []

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        assert z.dtype == torch.float32 and (c is not None) == bool(self.c_dim)
        away = z[:, None, :3].repeat(1, self.num_ws, 1)
        if c is not None:
            away = away + c.argmax(dim=1)[:, None, None]
        away[:, :cutoff] *= truncation
        return self.w_mean + away

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        self.batches.append(len(w))
        bands = (w + self.shift).transpose(1, 2).repeat_interleave(self.resolution // self.num_ws, dim=2)
        return bands[..., None].repeat(1, 1, 1, self.resolution)[:, : self.channels]

    @property
    def w_mean(self) -> Tensor:
        return torch.tensor(MEAN)


class Classes(Bands):
    name = "classes"
    c_dim = 3


class Grey(Bands):
    name = "grey"
    channels = 1


class Broken(Bands):
    """Fails at the third picture, as ``error`` says."""

    name = "broken"
    error: BaseException | None = None

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        pictures = super().render(w, noise)
        if sum(self.batches) > 2 and self.error is None:
            return pictures * torch.nan
        if sum(self.batches) > 2 and self.error is not None:
            raise self.error
        return pictures
