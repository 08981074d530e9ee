"""A styled convolution whose weights do not learn: what drawing, inverting and dragging spend their time in.

A chain of ordinary operations allocates a map for each of scaling, demodulation, noise, bias and activation, and keeps
most of them for the backward pass. On a CPU, memory that is new costs more than the arithmetic on it. Here everything
works in place on what the convolution gave, and only the result is kept: a leaky ReLU and a scale can be undone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .convolving import Convolution, spread
from .layers import SLOPE


class Frozen(Function):
    """``leaky_relu(convolution(x * styles) * scale + noise + bias)``, once differentiable.

    Args:
        x: ``(N, I, H, W)``, of the type that is computed in; the result is of it too.
        convolution: With frozen weights of that type.
        styles, scale: ``(N, I)`` and ``(N, O)``.
        bias: ``(O,)``; gets no gradient.
        noise: ``(N or 1, 1, H', W')``, or None.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, convolution: Convolution, styles: Tensor, scale: Tensor, bias: Tensor, noise: Tensor | None
    ) -> Tensor:
        y = convolution.scaled(x, styles, scale, bias.to(x.dtype))
        if noise is not None:
            y.add_(noise.to(y.dtype))
        F.leaky_relu_(y, SLOPE)
        ctx.convolution = convolution
        ctx.save_for_backward(x, styles, scale, bias, noise, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, styles, scale, bias, noise, y = ctx.saved_tensors
        grad = _laid_like(grad, y)
        inner = torch.ops.aten.leaky_relu_backward(grad, y, SLOPE, True)
        grad_x = grad_styles = grad_scale = grad_noise = None
        if ctx.needs_input_grad[3]:
            # Of v = maps * scale + noise + bias: sum(dv * v) = sum(grad * y), as both carry the same slope.
            along = channel_dot(grad, y) - bias * inner.sum(dim=(2, 3), dtype=torch.float32)
            if noise is not None:
                along -= _dot_plane(inner, noise)
            grad_scale = along / scale
        if noise is not None and ctx.needs_input_grad[5]:
            grad_noise = inner.sum(dim=1, keepdim=True, dtype=torch.float32)
            grad_noise = grad_noise if len(noise) > 1 else grad_noise.sum(dim=0, keepdim=True)
        if ctx.needs_input_grad[2]:
            grad_x = _laid_like(ctx.convolution.adjoint(inner, scale, None), x)
            grad_styles = channel_dot(grad_x, x)
            grad_x.mul_(spread(styles, x))
        elif ctx.needs_input_grad[0]:
            grad_x = _laid_like(ctx.convolution.adjoint(inner, scale, styles), x)
        return grad_x, None, grad_styles, grad_scale, None, grad_noise


def channel_dot(a: Tensor, b: Tensor) -> Tensor:
    """The sum of ``a * b`` over rows and columns: ``(N, C, H, W)`` twice -> ``(N, C)`` float32."""
    if a.device.type != "cpu" or a.dtype != torch.float32:
        return (a * b).sum(dim=(2, 3), dtype=torch.float32)
    # The gradient of a batch normalisation's gain is this sum, and is found without a map for the products.
    zero, one = a.new_zeros(a.shape[1]), a.new_ones(a.shape[1])
    gain = torch.ops.aten.native_batch_norm_backward
    wanted = [False, True, False]
    pairs = zip(a.split(1), b.split(1), strict=True)
    return torch.stack([gain(each, other, None, zero, one, None, None, False, 0.0, wanted)[1] for each, other in pairs])


def _dot_plane(maps: Tensor, plane: Tensor) -> Tensor:
    """The sum of ``maps (N, C, H, W)`` times ``plane (N or 1, 1, H, W)``: ``(N, C)`` float32."""
    rows = maps.permute(0, 2, 3, 1).flatten(1, 2)
    return (plane.to(maps.dtype).flatten(2) @ rows)[:, 0].float()


def _laid_like(x: Tensor, other: Tensor) -> Tensor:
    last = other.is_contiguous(memory_format=torch.channels_last)
    return x.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
