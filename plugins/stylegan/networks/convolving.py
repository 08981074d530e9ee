"""The convolutions inside a styled layer, as linear maps between scaled maps, each with its adjoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from .blurring import TAPS, blur

Operation = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Maps ``(N, I, H, W)``, a weight and a bias -> maps ``(N, O, H', W')``."""
Transpose = Callable[[Tensor, Tensor], Tensor]
"""Maps ``(N, O, H', W')`` and the same weight -> maps ``(N, I, H, W)``."""
SMALL = 8 * 8, 16 * 16
"""Pixels of maps, from and to, that ``doubling`` does by itself,"""
WIDE = 256
"""and channels on both sides, from which that pays (measured on two cores)."""


class Convolution(Protocol):
    """What ``frozen`` needs of a convolution. Neither method records anything for gradients."""

    def scaled(self, x: Tensor, styles: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        """``convolution(x * styles) * scale + bias``.

        ``(N, I, H, W)``, ``(N, I)``, ``(N, O)`` and ``(O,)``, of the type of ``x`` -> ``(N, O, H', W')``.
        """

    def adjoint(self, grad: Tensor, scale: Tensor, styles: Tensor | None) -> Tensor:
        """The gradient for ``x``, of ``grad`` for what ``scaled`` gives; without ``styles`` that for ``x * styles``."""


@dataclass(frozen=True)
class Direct:
    """torch's own convolution."""

    operation: Operation
    transpose: Transpose
    swapped: bool
    """Whether the weight lies ``(I, O, k, k)``."""
    weight: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """``(N, I, H, W)`` -> ``(N, O, H', W')``, with any gradient."""
        return self.operation(x, self.weight, None)

    def scaled(self, x: Tensor, styles: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        if dwarfed(self.weight, x):
            return self.operation(x, self._steered(scale, styles), bias)
        y = self.operation(x * spread(styles, x), self.weight, None)
        return torch.addcmul(bias[:, None, None], y, spread(scale, x), out=y)

    def adjoint(self, grad: Tensor, scale: Tensor, styles: Tensor | None) -> Tensor:
        if dwarfed(self.weight, grad):
            return self.transpose(grad, self._steered(scale, styles))
        grad_x = self.transpose(grad * spread(scale, grad), self.weight)
        return grad_x if styles is None else grad_x.mul_(spread(styles, grad))

    def _steered(self, scale: Tensor, styles: Tensor | None) -> Tensor:
        """The weight for one picture that is not scaled itself."""
        outs = spread(scale, self.weight)[0, :, None]
        both = outs if styles is None else outs * spread(styles, self.weight)[0]
        return self.weight * (both.transpose(0, 1) if self.swapped else both)


@dataclass(frozen=True)
class Filtered:
    """Doubling with ``weight (I, O, 3, 3)``, then the filter ``kernel (4, 4)``, which is symmetric, times 4."""

    weight: Tensor
    kernel: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """``(N, I, H, W)`` -> ``(N, O, 2H, 2W)``, with any gradient."""
        return blur(F.conv_transpose2d(x, self.weight, stride=2), 4 * self.kernel, pad=1)

    def scaled(self, x: Tensor, styles: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        if dwarfed(self.weight, x):
            doubled = doubling(x, self._steered(styles))
        else:
            doubled = doubling(x * spread(styles, x), self.weight)
        if len(x) == 1:  # scales and bias go into the filter, which saves passes over the maps
            return blur(doubled, self._filters(scale), pad=1, bias=bias)
        y = blur(doubled, 4 * self.kernel, pad=1)
        return torch.addcmul(bias[:, None, None], y, spread(scale, x), out=y)

    def adjoint(self, grad: Tensor, scale: Tensor, styles: Tensor | None) -> Tensor:
        if len(grad) == 1:
            blurred = blur(grad, self._filters(scale), pad=2)
        else:
            blurred = blur(grad, 4 * self.kernel, pad=2).mul_(spread(scale, grad))
        if styles is not None and dwarfed(self.weight, grad):
            return F.conv2d(blurred, self._steered(styles), stride=2)
        grad_x = F.conv2d(blurred, self.weight, stride=2)
        return grad_x if styles is None else grad_x.mul_(spread(styles, grad))

    def _filters(self, scale: Tensor) -> Tensor:
        return 4 * self.kernel * scale[0, :, None, None, None]

    def _steered(self, styles: Tensor) -> Tensor:
        return self.weight * spread(styles, self.weight)[0, :, None]


def dwarfed(weight: Tensor, maps: Tensor) -> bool:
    """Whether scaling the weight is cheaper than scaling the maps: for one large picture."""
    return len(maps) == 1 and maps.numel() > weight.numel()


def doubling(x: Tensor, weight: Tensor) -> Tensor:
    """A transposed convolution of stride 2: ``(N, I, H, W)`` and ``(I, O, 3, 3)`` -> ``(N, O, 2H + 1, 2W + 1)``.

    Of small maps of many channels on a CPU it is found as one product of matrices, all taps at once, whose parts are
    then laid over each other: quicker than torch's own by a third.
    """
    n, ins, height, width = x.shape
    last = all(each.is_contiguous(memory_format=torch.channels_last) for each in (x, weight))
    suits = SMALL[0] <= height * width <= SMALL[1] and min(weight.shape[:2]) >= WIDE
    if x.device.type != "cpu" or not last or not suits:
        return F.conv_transpose2d(x, weight, stride=2)
    taps = weight.permute(0, 2, 3, 1).reshape(ins, -1)
    parts = (x.permute(0, 2, 3, 1).reshape(-1, ins) @ taps).view(n, height, width, 3, 3, -1)
    y = x.new_zeros(n, 2 * height + 1, 2 * width + 1, weight.shape[1])
    for row in range(3):
        for column in range(3):
            y[:, row : row + 2 * height : 2, column : column + 2 * width : 2] += parts[:, :, :, row, column]
    return y.permute(0, 3, 1, 2)


def spread(factors: Tensor, maps: Tensor) -> Tensor:
    """``(N, C)`` -> ``(N, C, 1, 1)``, of the type of ``maps``."""
    return factors.to(maps.dtype)[:, :, None, None]


def same(weight: Tensor) -> Direct:
    """3x3, the size kept; ``weight (O, I, 3, 3)``."""
    return Direct(
        lambda x, weight, bias: F.conv2d(x, weight, bias, padding=1),
        lambda grad, weight: F.conv_transpose2d(grad, weight, padding=1),
        False,
        weight,
    )


def folded(weight: Tensor) -> Direct:
    """Doubling, with the filter in the weights: ``(I, O, 6, 6)``, of ``fold_filter``."""
    return Direct(
        lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, stride=2, padding=2),
        lambda grad, weight: F.conv2d(grad, weight, stride=2, padding=2),
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
