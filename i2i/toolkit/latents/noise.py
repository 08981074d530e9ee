"""Noise maps that are optimised along with a latent: each picture has its own, kept looking like noise.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (2020), appendix D; here each picture's maps
count for themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from ...api.generator import StyleGenerator

if TYPE_CHECKING:
    from torch import Tensor

    from ...api.generator import Generator

COARSEST = 8
"""Side of the coarsest level at which likeness of neighbours is looked for, pixels."""


def maps_for(generator: Generator, count: int) -> dict[str, Tensor]:
    """The generator's noise for each of ``count`` pictures, ``(count, 1, r, r)``; empty where it changes no picture."""
    maps = generator.noise_maps if isinstance(generator, StyleGenerator) else {}
    if not maps:
        return {}
    mean = generator.w_mean.expand(1, generator.num_ws, -1)
    with torch.no_grad():
        ones = {name: torch.ones_like(plane) for name, plane in maps.items()}
        if torch.equal(generator.render(mean, ones), generator.render(mean, "none")):
            return {}
    return {name: plane.repeat(count, 1, 1, 1) for name, plane in maps.items()}


def regularisation(maps: Mapping[str, Tensor]) -> Tensor:
    """How much neighbours in maps ``(N, 1, r, r)`` are alike, over all levels of their pyramids: ``(N,)``.

    The squared mean of the products of neighbours, summed over both directions, all levels and all maps; of noise it is
    nearly 0. At least one map is needed.
    """
    found = []
    for plane in maps.values():
        while True:
            for axis in (2, 3):
                found.append((plane * plane.roll(1, axis)).mean(dim=(1, 2, 3)).square())
            if plane.shape[2] <= COARSEST:
                break
            plane = F.avg_pool2d(plane, 2)
    return torch.stack(found).sum(dim=0)


@torch.no_grad()
def normalise(plane: Tensor) -> None:
    """Centre each picture's map ``(N, 1, r, r)`` and give it the root mean square 1, in place."""
    plane -= plane.mean(dim=(1, 2, 3), keepdim=True)
    plane *= plane.square().mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12).rsqrt()
