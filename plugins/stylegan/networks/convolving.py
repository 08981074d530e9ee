"""The convolutions inside a styled layer, as linear maps between scaled maps, each with its adjoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from .blurring import TAPS, blur

Operation = Callable[[Tensor, Tensor], Tensor]
"""Maps ``(N, I, H, W)`` and a weight -> maps ``(N, O, H', W')``."""


class Convolution(Protocol):
    """What ``frozen`` needs of a convolution. Neither method records anything for gradients."""

    def scaled(self, x: Tensor, styles: Tensor, scale: Tensor) -> Tensor:
        """``convolution(x * styles) * scale``: ``(N, I, H, W)``, ``(N, I)`` and ``(N, O)`` -> ``(N, O, H', W')``."""

    def adjoint(self, grad: Tensor, scale: Tensor) -> Tensor:
        """The gradient for ``x * styles``, of ``grad`` for ``convolution(x * styles) * scale``."""


@dataclass(frozen=True)
class Direct:
    """torch's own convolution."""

    operation: Operation
    transpose: Operation
    swapped: bool
    """Whether the weight lies ``(I, O, k, k)``."""
    weight: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """``(N, I, H, W)`` -> ``(N, O, H', W')``, with any gradient."""
        return self.operation(x, self.weight)

    def scaled(self, x: Tensor, styles: Tensor, scale: Tensor) -> Tensor:
        if self._dwarfed_by(x):
            ins, outs = spread(styles, x)[0], spread(scale, x)[0]
            both = ins[:, None] * outs if self.swapped else outs[:, None] * ins
            return self.operation(x, self.weight * both)
        return self.operation(x * spread(styles, x), self.weight).mul_(spread(scale, x))

    def adjoint(self, grad: Tensor, scale: Tensor) -> Tensor:
        outs = spread(scale, grad)
        if self._dwarfed_by(grad):
            return self.transpose(grad, self.weight * (outs[0] if self.swapped else outs[0, :, None]))
        return self.transpose(grad * outs, self.weight)

    def _dwarfed_by(self, maps: Tensor) -> bool:
        """Whether scaling the weights is the cheaper side: for one large picture."""
        return len(maps) == 1 and maps.numel() > self.weight.numel()


def spread(factors: Tensor, maps: Tensor) -> Tensor:
    """``(N, C)`` -> ``(N, C, 1, 1)``, of the type of ``maps``."""
    return factors.to(maps.dtype)[:, :, None, None]


def same(weight: Tensor) -> Direct:
    """3x3, the size kept; ``weight (O, I, 3, 3)``."""
    return Direct(
        lambda x, weight: F.conv2d(x, weight, padding=1),
        lambda grad, weight: F.conv_transpose2d(grad, weight, padding=1),
        False,
        weight,
    )


def folded(weight: Tensor) -> Direct:
    """Doubling, with the filter in the weights: ``(I, O, 6, 6)``, of ``fold_filter``."""
    return Direct(
        lambda x, weight: F.conv_transpose2d(x, weight, stride=2, padding=2),
        lambda grad, weight: F.conv2d(grad, weight, stride=2, padding=2),
        True,
        weight,
    )


def filtered(weight: Tensor, kernel: Tensor) -> Direct:
    """Doubling with ``weight (I, O, 3, 3)``, then the filter ``kernel (4, 4)``, which is symmetric, times 4."""
    return Direct(
        lambda x, weight: blur(F.conv_transpose2d(x, weight, stride=2), 4 * kernel, pad=1),
        lambda grad, weight: F.conv2d(blur(grad, 4 * kernel, pad=2), weight, stride=2),
        True,
        weight,
    )


def fold_filter(weight: Tensor) -> Tensor:
    """One transposed convolution for a 3x3 one of stride 2 and the filter that follows it.

    ``(O, I, 3, 3)`` -> ``(I, O, 6, 6)``.
    """
    taps = torch.tensor(TAPS, dtype=weight.dtype, device=weight.device) / (sum(TAPS) / 2)
    square = torch.outer(taps, taps)[None, None]
    outs, ins = weight.shape[:2]
    flat = F.conv_transpose2d(weight.reshape(outs * ins, 1, 3, 3), square)
    return flat.view(outs, ins, 6, 6).transpose(0, 1)
