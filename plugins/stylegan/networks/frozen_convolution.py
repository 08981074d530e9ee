"""A styled convolution with frozen weights as one autograd function: the hot spot of rendering, inversion and drag.

Separate operations allocate a feature map for each of scaling, demodulation, noise, bias and activation, and save most
of them for the backward pass. On a CPU, new memory costs more than the arithmetic. Here all of them work in place on
the output of the convolution, and only the result is saved: the leaky ReLU and the scale can be inverted.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from i2i.toolkit.latents.frozen_layers import channel_dot

from .convolutions import Convolution, per_channel
from .equalised_layers import SLOPE


class FrozenStyledConv(Function):
    """``leaky_relu(convolution(x * styles) * scale + noise + bias)``, once differentiable.

    Args:
        x: ``(N, I, H, W)``; the result has its type.
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
        grad = _in_format_of(grad, y)
        inner = torch.ops.aten.leaky_relu_backward(grad, y, SLOPE, True)
        grad_x = grad_styles = grad_scale = grad_noise = None
        if ctx.needs_input_grad[3]:
            # Of v = maps * scale + noise + bias: sum(dv * v) = sum(grad * y), as both carry the same slope.
            v_dot = channel_dot(grad, y) - bias * inner.sum(dim=(2, 3), dtype=torch.float32)
            if noise is not None:
                v_dot -= _noise_dot(inner, noise)
            grad_scale = v_dot / scale
        if noise is not None and ctx.needs_input_grad[5]:
            grad_noise = inner.sum(dim=1, keepdim=True, dtype=torch.float32)
            grad_noise = grad_noise if len(noise) > 1 else grad_noise.sum(dim=0, keepdim=True)
        if ctx.needs_input_grad[2]:
            grad_x = _in_format_of(ctx.convolution.adjoint(inner, scale, None), x)
            grad_styles = channel_dot(grad_x, x)
            grad_x.mul_(per_channel(styles, x))
        elif ctx.needs_input_grad[0]:
            grad_x = _in_format_of(ctx.convolution.adjoint(inner, scale, styles), x)
        return grad_x, None, grad_styles, grad_scale, None, grad_noise


def _noise_dot(maps: Tensor, noise: Tensor) -> Tensor:
    """Sum ``maps (N, C, H, W)`` times ``noise (N or 1, 1, H, W)``: ``(N, C)`` float32."""
    rows = maps.permute(0, 2, 3, 1).flatten(1, 2)
    return (noise.to(maps.dtype).flatten(2) @ rows)[:, 0].float()


def _in_format_of(x: Tensor, other: Tensor) -> Tensor:
    channels_last = other.is_contiguous(memory_format=torch.channels_last)
    return x.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
