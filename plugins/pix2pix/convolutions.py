"""4x4 convolutions of stride 2 as matrix products, for the deep levels of a U-Net on a CPU at half precision.

There a layer has millions of weights for a few pixels, and general convolution routines spend their time rearranging
the weights. With pixels as rows and channels last, each pass is one matrix product that reads the weights in place:
several times faster with the same arithmetic. Elsewhere these are the convolutions of torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

MAX_PIXELS = 1024
"""Largest number of pixels of the smaller feature map, over the whole batch, for the matrix product (measured)."""


def windows(x: Tensor) -> Tensor:
    """Return the 4x4 windows at stride 2 of a feature map with one pixel of padding.

    ``(N, C, H, W)`` channels last -> ``(N * H/2 * W/2, 16 * C)``, each row in the order (row, column, channel).
    """
    n, c, h, w = x.shape
    padded = x.new_zeros(n, h + 2, w + 2, c)
    padded[:, 1:-1, 1:-1] = x.permute(0, 2, 3, 1)
    image, row, column, channel = padded.stride()
    strides = (image, 2 * row, 2 * column, row, column, channel)
    return padded.as_strided((n, h // 2, w // 2, 4, 4, c), strides).reshape(n * h * w // 4, 16 * c)


def overlay(rows: Tensor, n: int, h: int, w: int) -> Tensor:
    """Add up 4x4 windows at stride 2, cropping one pixel of padding: the adjoint of ``windows``.

    ``(N * h * w, 16 * C)`` -> ``(N, C, 2h, 2w)`` channels last.
    """
    cells = rows.view(n, h, w, 2, 2, 2, 2, -1).permute(0, 1, 4, 2, 6, 3, 5, 7)  # n, i, row, j, column, down, right, c
    blocks = rows.new_zeros(n, h + 1, 2, w + 1, 2, cells.shape[-1])
    for down in (0, 1):
        for right in (0, 1):
            blocks[:, down : down + h, :, right : right + w] += cells[..., down, right, :]
    return blocks.view(n, 2 * h + 2, 2 * w + 2, -1)[:, 1:-1, 1:-1].permute(0, 3, 1, 2)


def pixels(x: Tensor) -> Tensor:
    """``(N, C, H, W)`` -> ``(N * H * W, C)``."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def matrix(weight: Tensor) -> Tensor:
    """``(A, B, 4, 4)`` -> ``(A, 16 * B)``, a view where the weight lies channels last."""
    return weight.permute(0, 2, 3, 1).reshape(weight.shape[0], -1)


def unmatrix(rows: Tensor, shape: torch.Size) -> Tensor:
    """Invert ``matrix``."""
    return rows.view(shape[0], 4, 4, shape[1]).permute(0, 3, 1, 2)


class _Halve(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        n, _, h, w = x.shape
        taken, weights = windows(x.bfloat16()), matrix(weight).bfloat16()
        ctx.save_for_backward(taken, weights)
        ctx.shapes = (x.shape, x.dtype, weight.shape)
        return (taken @ weights.T).view(n, h // 2, w // 2, -1).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        taken, weights = ctx.saved_tensors
        (n, _, h, w), dtype, shape = ctx.shapes
        rows = pixels(gradient).bfloat16()
        to_x = overlay(rows @ weights, n, h // 2, w // 2).to(dtype) if ctx.needs_input_grad[0] else None
        to_weight = unmatrix((rows.T @ taken).float(), shape) if ctx.needs_input_grad[1] else None
        return to_x, to_weight


class _Double(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        n, _, h, w = x.shape
        rows, weights = pixels(x).bfloat16(), matrix(weight).bfloat16()
        ctx.save_for_backward(rows, weights)
        ctx.shapes = (x.shape, x.dtype, weight.shape)
        return overlay(rows @ weights, n, h, w)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        rows, weights = ctx.saved_tensors
        (n, c, h, w), dtype, shape = ctx.shapes
        taken = windows(gradient.bfloat16())
        to_x = (taken @ weights.T).view(n, h, w, c).permute(0, 3, 1, 2).to(dtype) if ctx.needs_input_grad[0] else None
        to_weight = unmatrix((rows.T @ taken).float(), shape) if ctx.needs_input_grad[1] else None
        return to_x, to_weight


def _as_product(layer: nn.Conv2d | nn.ConvTranspose2d, small: int) -> bool:
    half = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    return half and layer.weight.device.type == "cpu" and layer.bias is None and small <= MAX_PIXELS


class Halve(nn.Conv2d):
    """A 4x4 convolution of stride 2 and padding 1: ``(N, A, H, W)`` -> ``(N, B, H/2, W/2)``."""

    def __init__(self, before: int, after: int, bias: bool) -> None:
        super().__init__(before, after, 4, 2, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        if not h % 2 and not w % 2 and _as_product(self, n * h * w // 4):
            y: Tensor = _Halve.apply(x, self.weight)
            return y
        return super().forward(x)


class Double(nn.ConvTranspose2d):
    """A transposed 4x4 convolution of stride 2 and padding 1: ``(N, A, H, W)`` -> ``(N, B, 2H, 2W)``."""

    def __init__(self, before: int, after: int, bias: bool) -> None:
        super().__init__(before, after, 4, 2, 1, bias=bias)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        n, _, h, w = x.shape
        if _as_product(self, n * h * w):
            y: Tensor = _Double.apply(x, self.weight)
            return y
        return super().forward(x, output_size)
