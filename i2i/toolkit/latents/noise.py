"""Noise maps that are optimised together with a latent; each sample has its own, regularised to stay noise.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (2020), appendix D, per sample.
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
"""Resolution of the coarsest pyramid level at which neighbours are correlated, pixels."""


def noise_maps(generator: Generator, count: int) -> dict[str, Tensor]:
    """Return the generator's noise maps for ``count`` samples, ``(count, 1, r, r)``; empty without effect."""
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
    """Return the noise regularisation loss ``(N,)`` of maps ``(N, 1, r, r)``.

    It is the squared mean of the products of neighbouring pixels, summed over both axes, all pyramid levels and all
    maps; nearly 0 for white noise. At least one map is needed.
    """
    terms = []
    for plane in maps.values():
        while True:
            for axis in (2, 3):
                terms.append((plane * plane.roll(1, axis)).mean(dim=(1, 2, 3)).square())
            if plane.shape[2] <= COARSEST:
                break
            plane = F.avg_pool2d(plane, 2)
    return torch.stack(terms).sum(dim=0)


@torch.no_grad()
def normalise_map(plane: Tensor) -> None:
    """Give each map of ``(N, 1, r, r)`` the mean 0 and the root mean square 1, in place."""
    plane -= plane.mean(dim=(1, 2, 3), keepdim=True)
    plane *= plane.square().mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12).rsqrt()


def normalise_noise(variables: Mapping[str, Tensor]) -> None:
    """Normalise the noise maps among variables in place: all but the latent, which is named ``w``."""
    for name, variable in variables.items():
        if name != "w":
            normalise_map(variable)
