"""Noise maps that are optimised along with a latent: each picture has its own, kept looking like noise.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (2020), appendix D; here each picture's maps
count for themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

COARSEST = 8
"""Side of the coarsest level at which likeness of neighbours is looked for, pixels."""


def maps_for(generator: Any, count: int) -> dict[str, Tensor]:
    """The generator's noise for each of ``count`` pictures, ``(count, 1, r, r)``; empty where it changes none."""
    maps: dict[str, Tensor] = generator.noise_maps
    if not maps:
        return {}
    mean = generator.w_mean.expand(1, generator.num_ws, -1)
    with torch.no_grad():
        plain = generator.render(mean, "none")
        if torch.equal(generator.render(mean, {name: torch.ones_like(plane) for name, plane in maps.items()}), plain):
            return {}
    return {name: plane.repeat(count, 1, 1, 1) for name, plane in maps.items()}


def likeness(maps: Mapping[str, Tensor], count: int) -> Tensor:
    """How much neighbours in maps ``(count, 1, r, r)`` are alike, over all levels of their pyramids: ``(count,)``."""
    total = torch.zeros(count)
    for plane in maps.values():
        while True:
            for axis in (2, 3):
                total = total.to(plane) + (plane * plane.roll(1, axis)).mean(dim=(1, 2, 3)).square()
            if plane.shape[2] <= COARSEST:
                break
            plane = F.avg_pool2d(plane, 2)
    return total


@torch.no_grad()
def normalise(plane: Tensor) -> None:
    """Centre each picture's map ``(N, 1, r, r)`` and give it the root mean square 1, in place."""
    plane -= plane.mean(dim=(1, 2, 3), keepdim=True)
    plane *= plane.square().mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12).rsqrt()
