"""The convolutions of a styled layer as linear operators with scaled input and output, each with its adjoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from .resampling import TAPS, blur

Operation = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Feature maps ``(N, I, H, W)``, a weight and a bias -> feature maps ``(N, O, H', W')``."""
Transpose = Callable[[Tensor, Tensor], Tensor]
"""Feature maps ``(N, O, H', W')`` and the same weight -> feature maps ``(N, I, H, W)``."""
MATRIX_PIXELS = 8 * 8, 16 * 16
"""Smallest and largest number of pixels for which ``upsampling_convolution`` uses its own matrix product."""
MATRIX_CHANNELS = 256
"""Fewest input and output channels for it; with fewer, torch is faster (measured on two cores)."""


class Convolution(Protocol):
    """What ``FrozenStyledConv`` needs of a convolution; neither method records operations for autograd."""

    def scaled(self, x: Tensor, styles: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        """Compute ``convolution(x * styles) * scale + bias``.

        Args:
            x: ``(N, I, H, W)``.
            styles: ``(N, I)``.
            scale: ``(N, O)``.
            bias: ``(O,)``, of the type of ``x``.

        Returns:
            ``(N, O, H', W')``.
        """

    def adjoint(self, grad: Tensor, scale: Tensor, styles: Tensor | None) -> Tensor:
        """Compute the gradient of ``x`` from ``grad``, that of the result of ``scaled``.

        Without ``styles``, return the gradient of ``x * styles``.
        """


@dataclass(frozen=True)
class DirectConvolution:
    """A convolution or transposed convolution of torch."""

    operation: Operation
    transpose: Transpose
    swapped: bool
    """Whether the weight is ``(I, O, k, k)`` and not ``(O, I, k, k)``."""
    weight: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Compute ``(N, O, H', W')`` from ``(N, I, H, W)``; autograd records it."""
        return self.operation(x, self.weight, None)

    def scaled(self, x: Tensor, styles: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        if weight_is_smaller(self.weight, x):
            return self.operation(x, self._modulated_weight(scale, styles), bias)
        y = self.operation(x * per_channel(styles, x), self.weight, None)
        return torch.addcmul(bias[:, None, None], y, per_channel(scale, x), out=y)

    def adjoint(self, grad: Tensor, scale: Tensor, styles: Tensor | None) -> Tensor:
        if weight_is_smaller(self.weight, grad):
            return self.transpose(grad, self._modulated_weight(scale, styles))
        grad_x = self.transpose(grad * per_channel(scale, grad), self.weight)
        return grad_x if styles is None else grad_x.mul_(per_channel(styles, grad))

    def _modulated_weight(self, scale: Tensor, styles: Tensor | None) -> Tensor:
        """Return the weight with styles and scale folded in, for a batch of one image."""
        outs = per_channel(scale, self.weight)[0, :, None]
        both = outs if styles is None else outs * per_channel(styles, self.weight)[0]
        return self.weight * (both.transpose(0, 1) if self.swapped else both)


@dataclass(frozen=True)
class FilteredConvolution:
    """Upsampling by 2: a transposed convolution, then a filter.

    Args:
        weight: ``(I, O, 3, 3)``.
        kernel: ``(4, 4)``, symmetric; it is multiplied by 4.
    """

    weight: Tensor
    kernel: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Compute ``(N, O, 2H, 2W)`` from ``(N, I, H, W)``; autograd records it."""
        return blur(F.conv_transpose2d(x, self.weight, stride=2), 4 * self.kernel, pad=1)

    def scaled(self, x: Tensor, styles: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        if weight_is_smaller(self.weight, x):
            upsampled = upsampling_convolution(x, self._modulated_weight(styles))
        else:
            upsampled = upsampling_convolution(x * per_channel(styles, x), self.weight)
        if len(x) == 1:  # scales and bias are folded into the filter, which saves passes over the feature maps
            return blur(upsampled, self._filters(scale), pad=1, bias=bias)
        y = blur(upsampled, 4 * self.kernel, pad=1)
        return torch.addcmul(bias[:, None, None], y, per_channel(scale, x), out=y)

    def adjoint(self, grad: Tensor, scale: Tensor, styles: Tensor | None) -> Tensor:
        if len(grad) == 1:
            blurred = blur(grad, self._filters(scale), pad=2)
        else:
            blurred = blur(grad, 4 * self.kernel, pad=2).mul_(per_channel(scale, grad))
        if styles is not None and weight_is_smaller(self.weight, grad):
            return F.conv2d(blurred, self._modulated_weight(styles), stride=2)
        grad_x = F.conv2d(blurred, self.weight, stride=2)
        return grad_x if styles is None else grad_x.mul_(per_channel(styles, grad))

    def _filters(self, scale: Tensor) -> Tensor:
        return 4 * self.kernel * scale[0, :, None, None, None]

    def _modulated_weight(self, styles: Tensor) -> Tensor:
        return self.weight * per_channel(styles, self.weight)[0, :, None]


def weight_is_smaller(weight: Tensor, maps: Tensor) -> bool:
    """Return whether scaling the weight is cheaper than scaling the feature maps: for one large image."""
    return len(maps) == 1 and maps.numel() > weight.numel()


def upsampling_convolution(x: Tensor, weight: Tensor) -> Tensor:
    """Compute a transposed convolution of stride 2, ``(N, O, 2H + 1, 2W + 1)``.

    On a CPU, small feature maps with many channels are computed as one matrix product for all taps, whose parts are
    then added at their positions: a third faster than torch.

    Args:
        x: ``(N, I, H, W)``.
        weight: ``(I, O, 3, 3)``.
    """
    n, ins, height, width = x.shape
    channels_last = all(each.is_contiguous(memory_format=torch.channels_last) for each in (x, weight))
    suitable = MATRIX_PIXELS[0] <= height * width <= MATRIX_PIXELS[1] and min(weight.shape[:2]) >= MATRIX_CHANNELS
    if x.device.type != "cpu" or not channels_last or not suitable:
        return F.conv_transpose2d(x, weight, stride=2)
    taps = weight.permute(0, 2, 3, 1).reshape(ins, -1)
    parts = (x.permute(0, 2, 3, 1).reshape(-1, ins) @ taps).view(n, height, width, 3, 3, -1)
    y = x.new_zeros(n, 2 * height + 1, 2 * width + 1, weight.shape[1])
    for row in range(3):
        for column in range(3):
            y[:, row : row + 2 * height : 2, column : column + 2 * width : 2] += parts[:, :, :, row, column]
    return y.permute(0, 3, 1, 2)


def per_channel(factors: Tensor, maps: Tensor) -> Tensor:
    """Reshape factors ``(N, C)`` to ``(N, C, 1, 1)``, in the type of ``maps``."""
    return factors.to(maps.dtype)[:, :, None, None]


def same_size(weight: Tensor) -> DirectConvolution:
    """Create a 3x3 convolution that keeps height and width; ``weight (O, I, 3, 3)``."""
    return DirectConvolution(
        lambda x, weight, bias: F.conv2d(x, weight, bias, padding=1),
        lambda grad, weight: F.conv_transpose2d(grad, weight, padding=1),
        False,
        weight,
    )


def folded_upsampling(weight: Tensor) -> DirectConvolution:
    """Create an upsampling convolution with the filter in its weight ``(I, O, 6, 6)``, from ``fold_filter``."""
    return DirectConvolution(
        lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, stride=2, padding=2),
        lambda grad, weight: F.conv2d(grad, weight, stride=2, padding=2),
        True,
        weight,
    )


def fold_filter(weight: Tensor) -> Tensor:
    """Fold the filter after a transposed 3x3 convolution of stride 2 into its weight.

    ``(O, I, 3, 3)`` -> ``(I, O, 6, 6)``.
    """
    taps = torch.tensor(TAPS, dtype=weight.dtype, device=weight.device) / (sum(TAPS) / 2)
    square = torch.outer(taps, taps)[None, None]
    outs, ins = weight.shape[:2]
    flat = F.conv_transpose2d(weight.reshape(outs * ins, 1, 3, 3), square)
    return flat.view(outs, ins, 6, 6).transpose(0, 1)
