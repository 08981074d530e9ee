"""Adam (Kingma and Ba 2015) on variables whose first dimension is photos, of which some may leave on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

BETAS, EPSILON = (0.9, 0.999), 1e-8


class Adam:
    """As ``torch.optim.Adam``, whose state cannot be thinned out, and whose first use takes seconds of imports."""

    def __init__(self, variables: Mapping[str, Tensor]) -> None:
        self._means = {name: torch.zeros_like(each) for name, each in variables.items()}
        self._squares = {name: torch.zeros_like(each) for name, each in variables.items()}
        self._steps = 0

    @torch.no_grad()
    def step(self, variables: Mapping[str, Tensor], gradients: Mapping[str, Tensor], rates: Sequence[float]) -> None:
        """Move the variables, in place; ``rates`` in their order."""
        self._steps += 1
        first, second = (1 - beta**self._steps for beta in BETAS)
        for (name, each), rate in zip(variables.items(), rates, strict=True):
            gradient = gradients[name]
            self._means[name].lerp_(gradient, 1 - BETAS[0])
            self._squares[name].mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
            spread = (self._squares[name] / second).sqrt_().add_(EPSILON)
            each.addcdiv_(self._means[name], spread, value=-rate / first)

    def keep(self, rows: Tensor) -> None:
        """Forget all photos but these."""
        self._means = {name: each[rows] for name, each in self._means.items()}
        self._squares = {name: each[rows] for name, each in self._squares.items()}
