"""Statistics of a generator's latent codes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from ...api.generator import Generator

SAMPLES, SEED = 4096, 0
"""Number of z from which principal components are estimated, and the seed of their random numbers."""
LEAST_STD = 1e-3
"""Least standard deviation of a principal component, as a fraction of the largest."""


def component_std(generator: Generator) -> float:
    """Return the standard deviation of one component of w; ``w_std`` is that of all ``w_dim`` components together."""
    return generator.w_std / math.sqrt(generator.w_dim)


@dataclass(frozen=True)
class PrincipalComponents:
    """The principal components of all w of a generator, each in its own standard deviation.

    The components of w depend on each other: most vectors that differ from the mean of w by one standard deviation in
    each of them are far from all w, and a step of equal size in each leads away from them. In principal components that
    is not so (Zhu et al., "Improved StyleGAN Embedding: Where are the Good Latents?", 2020, section 3.2, who also undo
    the last activation of the mapping network).
    """

    mean: Tensor
    """``(w_dim,)``."""
    axes: Tensor
    """Unit vectors as rows, ``(K, w_dim)``."""
    std: Tensor
    """Standard deviation of each, ``(K,)``."""

    @classmethod
    @torch.no_grad()
    def estimate(cls, generator: Generator, classes: Tensor | None = None) -> PrincipalComponents:
        """Estimate them from samples of z; the same each time.

        Args:
            classes: One class for all, one-hot ``(1, c_dim)``; None for all of a generator that has classes.
        """
        random = torch.Generator().manual_seed(SEED)
        z = torch.randn(SAMPLES, generator.z_dim, generator=random).to(generator.w_mean)
        if classes is None and generator.c_dim:
            classes = torch.eye(generator.c_dim, device=z.device)[torch.arange(SAMPLES) % generator.c_dim]
        w = generator.map(z, None if classes is None else classes.expand(SAMPLES, -1))[:, 0]
        mean = w.mean(dim=0)
        _, lengths, axes = torch.linalg.svd(w - mean, full_matrices=False)
        std = lengths / math.sqrt(SAMPLES)
        return cls(mean, axes, std.clamp_min(LEAST_STD * float(std[0])))

    def from_w(self, w: Tensor) -> Tensor:
        """Return the components ``(..., K)`` of ``w (..., w_dim)``."""
        return (w - self.mean) @ self.axes.T / self.std

    def to_w(self, components: Tensor) -> Tensor:
        """Return the w ``(..., w_dim)`` of ``components (..., K)``."""
        return self.mean + self.to_difference(components)

    def to_difference(self, components: Tensor) -> Tensor:
        """Return the difference of two w, ``(..., w_dim)``, from that of their ``components (..., K)``."""
        return (components * self.std) @ self.axes
