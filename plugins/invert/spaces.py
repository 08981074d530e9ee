"""Where a latent is sought: z, w, or a row of w for each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

import i2i

from .methods import Method

if TYPE_CHECKING:
    from torch import Tensor

CANDIDATES = 1000
"""Of so many z the one whose w lies nearest to the start is taken: the mapping network has no inverse."""


class Space:
    """Numbers that are optimised, one row of them for each photo, and the w that they stand for."""

    def __init__(self, generator: Any, method: Method) -> None:
        self.generator, self.kind, self.method = generator, method.space, method
        self.spread = generator.w_std / generator.w_dim**0.5
        """Standard deviation of one number of w."""

    @property
    def unit(self) -> float:
        """Standard deviation of one of the numbers that are optimised."""
        return 1.0 if self.kind == "z" else float(self.spread)

    def enter(self, w: Tensor) -> Tensor:
        """The numbers for ``w (N, num_ws, w_dim)``, or for what lies nearest to it: ``(N, rows, dim)``."""
        if self.kind == "w+":
            return w.clone()
        row = w.mean(dim=1, keepdim=True)
        return row if self.kind == "w" else self._nearest(row)

    def w(self, numbers: Tensor) -> Tensor:
        """``(N, rows, dim)`` -> ``(N, num_ws, w_dim)``, differentiable."""
        if self.kind == "z":
            mapped: Tensor = self.generator.map(numbers[:, 0], self._classes(len(numbers)))
            return mapped
        rows: int = self.generator.num_ws
        return numbers.expand(-1, rows, -1)

    def away(self, w: Tensor) -> Tensor:
        """The mean squared distance of w from the mean of all w, in its standard deviations: ``(N,)``."""
        apart: Tensor = (w - self.generator.w_mean) / self.spread
        return apart.square().mean(dim=(1, 2))

    def _nearest(self, row: Tensor) -> Tensor:
        drawn = torch.randn(CANDIDATES, self.generator.z_dim, generator=seeded(self.method.seed)).to(row)
        found = self.generator.map(drawn, self._classes(CANDIDATES))[:, 0]
        return drawn[torch.cdist(row[:, 0], found).argmin(dim=1)][:, None]

    def _classes(self, count: int) -> Tensor | None:
        """One-hot ``(count, c_dim)``, or None for a generator without classes."""
        return classes(self.generator, self.method.label, count)


def classes(generator: Any, label: int | None, count: int) -> Tensor | None:
    """The class of ``--label``, one-hot ``(count, c_dim)``; None for a generator without classes.

    Raises:
        UsageError: the generator has classes, and this is none of them.
    """
    if not generator.c_dim:
        return None
    if label is None or label >= generator.c_dim:
        given = "z stands for a w only together with a class" if label is None else f"--label {label}: there is none"
        raise i2i.UsageError(f"{given}; give --label, from 0 to {generator.c_dim - 1}.")
    return torch.eye(generator.c_dim, device=generator.device)[label].expand(count, -1)


def seeded(seed: int) -> torch.Generator:
    """Random numbers that are the same for every photo, and on every device."""
    return torch.Generator().manual_seed(seed)
