"""Adam (Kingma and Ba 2015) for variables whose first dimension is the batch, from which samples may be removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Decay of the moving averages of the gradient and of its square, and the least denominator."""


class Adam:
    """Adam as in ``torch.optim``, whose state cannot lose samples and whose first use takes seconds of imports."""

    def __init__(
        self, variables: Mapping[str, Tensor], betas: tuple[float, float] = BETAS, keep_direction: bool = False
    ) -> None:
        """Prepare the moments of variables ``(N, ...)``, by name.

        Args:
            keep_direction: Divide a step by the root mean square of the gradients of all components of a variable of a
                sample, so that it keeps their direction; as published, each component by its own.
        """
        self._keep_direction = keep_direction
        self._means = {name: torch.zeros_like(variable) for name, variable in variables.items()}
        self._squares = {name: torch.zeros_like(variable) for name, variable in variables.items()}
        self._betas, self._steps = betas, 0

    @torch.no_grad()
    def step(self, variables: Mapping[str, Tensor], gradients: Mapping[str, Tensor], rates: Sequence[float]) -> None:
        """Update the variables in place; ``rates`` are the learning rates in the order of ``variables``."""
        self._steps += 1
        first, second = (1 - beta**self._steps for beta in self._betas)
        for (name, variable), rate in zip(variables.items(), rates, strict=True):
            gradient = gradients[name]
            self._means[name].lerp_(gradient, 1 - self._betas[0])
            self._squares[name].mul_(self._betas[1]).addcmul_(gradient, gradient, value=1 - self._betas[1])
            squares = self._squares[name]
            if self._keep_direction:
                squares = squares.flatten(1).mean(dim=1).view(-1, *[1] * (squares.ndim - 1))
            denominator = (squares / second).sqrt_().add_(EPSILON)
            variable.addcdiv_(self._means[name], denominator, value=-rate / first)

    def select(self, samples: Tensor) -> None:
        """Keep the state of some samples only: ``samples (n,)`` int64, indices into the current batch."""
        self._means = {name: mean[samples] for name, mean in self._means.items()}
        self._squares = {name: square[samples] for name, square in self._squares.items()}
