"""A baseline implementation of a drag step, with the operations of published code, on our weights.

The whole synthesis, weights of each sample convolved in groups (``plain_stylegan2.py``); features enlarged to the size
of the image; the mask held over all of them; handles searched one after the other, each answer read back.
"""

from __future__ import annotations

from typing import Any

import torch
from plain_stylegan2 import PlainSynthesis
from torch import Tensor
from torch.nn import functional as F


class PlainDrag:
    """A drag of handles ``(x, y)`` in an image of R x R pixels."""

    def __init__(
        self,
        generator: Any,
        w: Tensor,
        handles: list[tuple[int, int]],
        targets: list[tuple[int, int]],
        mask: Tensor,
        rate: float,
        mask_weight: float,
        rows: int = 6,
        layer: int = 128,
    ) -> None:
        """``mask (1, 1, R, R)`` is 1 where the image may change; ``generator`` lends its weights."""
        self.synthesis, self.size = PlainSynthesis(generator.network.synthesis), generator.resolution
        self.rows, self.layer, self.mask, self.mask_weight = rows, layer, mask, mask_weight
        self.r1, self.r2 = round(3 * self.size / 512), round(12 * self.size / 512)
        self.handles, self.targets = list(handles), targets
        self.w = w.clone().requires_grad_()
        self.rest = w[:, rows:].clone()
        self.optimizer = torch.optim.Adam([self.w], lr=rate)
        self.first: Tensor | None = None
        self.looks: list[Tensor] = []

    def step(self) -> float:
        """One step; gives its loss."""
        _, maps = self.synthesis(torch.cat([self.w[:, : self.rows], self.rest], dim=1), keep=self.layer)
        assert maps is not None
        maps = F.interpolate(maps, (self.size, self.size), mode="bilinear")
        if self.first is None:
            self.first = maps.detach()
            self.looks = [self.first[0, :, y, x] for x, y in self.handles]
        with torch.no_grad():
            self.handles = [
                self._found(maps, *place, look) for place, look in zip(self.handles, self.looks, strict=True)
            ]
        loss = maps.new_zeros(())
        for (x, y), (u, v) in zip(self.handles, self.targets, strict=True):
            loss = loss + self._pull(maps, x, y, u, v)
        kept = 1 - self.mask
        loss = loss + self.mask_weight * F.l1_loss(maps * kept, self.first * kept)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def _found(self, maps: Tensor, x: int, y: int, look: Tensor) -> tuple[int, int]:
        """The nearest neighbour of a handle's look around it."""
        up, left = max(y - self.r2, 0), max(x - self.r2, 0)
        patch = maps[0, :, up : y + self.r2 + 1, left : x + self.r2 + 1]
        index = (patch - look[:, None, None]).norm(dim=0).argmin().item()
        return left + index % patch.shape[2], up + index // patch.shape[2]

    def _pull(self, maps: Tensor, x: int, y: int, u: int, v: int) -> Tensor:
        """Motion supervision of one handle."""
        direction = torch.tensor([u - x, v - y], dtype=torch.float32, device=maps.device)
        if direction.norm() <= 1:
            return maps.new_zeros(())
        across, along = torch.arange(self.size, device=maps.device), torch.arange(self.size, device=maps.device)
        rows, columns = torch.where((along[:, None] - y) ** 2 + (across[None] - x) ** 2 < self.r1**2)
        places = torch.stack([columns, rows], dim=1) + direction / direction.norm()
        grid = (places / (self.size - 1) * 2 - 1)[None, None]
        there = F.grid_sample(maps, grid, align_corners=True)[0, :, 0]
        return F.l1_loss(there, maps[0, :, rows, columns].detach())
