"""Layers with frozen weights on a CPU, each as one autograd function.

Separate operations allocate feature maps for modulation, noise, bias and activation, and save most of them for the
backward pass. On a CPU, new memory costs more than the arithmetic. Here the styles of a single image are folded into
the depthwise kernel, the rest works in place on the output, and input and output alone are saved.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from i2i.toolkit.latents.frozen_layers import channel_dot

from .wavelet import channels_last


class FrozenSeparableConv(Function):
    """``leaky_relu(pointwise(depthwise(x * styles)) + noise + bias)``, once differentiable.

    Args:
        x: ``(N, I, R, R)`` channels last.
        styles: ``(N, I)``.
        depthwise: ``(I, 1, 3, 3)``, frozen.
        pointwise: ``(O, I, 1, 1)``, frozen.
        bias: ``(O,)``, frozen.
        noise: ``(N or 1, 1, R, R)``, or None.
        slope: Of the leaky ReLU.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        styles: Tensor,
        depthwise: Tensor,
        pointwise: Tensor,
        bias: Tensor,
        noise: Tensor | None,
        slope: float,
    ) -> Tensor:
        y = _pointwise(_depthwise(x, styles, depthwise), pointwise, bias)
        if noise is not None:
            y.add_(noise)
        F.leaky_relu_(y, slope)
        ctx.slope, ctx.shared = slope, noise is not None and len(noise) == 1
        ctx.save_for_backward(x, styles, depthwise, pointwise, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, styles, depthwise, pointwise, y = ctx.saved_tensors
        inner = torch.ops.aten.leaky_relu_backward(channels_last(grad), y, ctx.slope, True)
        grad_x = grad_styles = grad_noise = None
        if ctx.needs_input_grad[5]:
            grad_noise = inner.sum(dim=1, keepdim=True)
            grad_noise = grad_noise.sum(dim=0, keepdim=True) if ctx.shared else grad_noise
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            grad_maps = _pointwise(inner, pointwise.transpose(0, 1), None)
            del inner
            rotated = depthwise.flip(2, 3)
            if ctx.needs_input_grad[1]:
                grad_x = F.conv2d(grad_maps, rotated, padding=1, groups=len(rotated))
                grad_styles = channel_dot(grad_x, x)
                grad_x.mul_(styles[:, :, None, None])
            elif len(x) == 1:
                grad_x = F.conv2d(grad_maps, rotated * styles[0, :, None, None, None], padding=1, groups=len(rotated))
            else:
                grad_x = F.conv2d(grad_maps, rotated, padding=1, groups=len(rotated)).mul_(styles[:, :, None, None])
        return grad_x, grad_styles, None, None, None, grad_noise, None


class FrozenToImage(Function):
    """A pointwise convolution to few channels with weights of each image, once differentiable.

    It is a matrix product over pixels, whose gradient has the format of ``x``; autograd's own is copied twice.

    Args:
        x: ``(N, C, R, R)`` channels last.
        weight: ``(N, O, C)``.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return (weight @ _rows(x).transpose(1, 2)).view(len(x), -1, *x.shape[2:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:  # type: ignore[override]
        x, weight = ctx.saved_tensors
        grad = grad.flatten(2)
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = (grad.transpose(1, 2) @ weight).view(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2)
        if ctx.needs_input_grad[1]:
            grad_weight = grad @ _rows(x)
        return grad_x, grad_weight


def _rows(x: Tensor) -> Tensor:
    """View ``(N, C, H, W)`` channels last as ``(N, H * W, C)``."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def _depthwise(x: Tensor, styles: Tensor, kernel: Tensor) -> Tensor:
    if len(x) == 1:
        return F.conv2d(x, kernel * styles[0, :, None, None, None], padding=1, groups=len(kernel))
    return F.conv2d(x * styles[:, :, None, None], kernel, padding=1, groups=len(kernel))


def _pointwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve with 1x1 kernels by oneDNN, which ``F.conv2d`` avoids for one image and one thread: half as fast."""
    if not torch.backends.mkldnn.is_available():
        return F.conv2d(x, weight, bias)
    return torch.mkldnn_convolution(x, weight, bias, [0, 0], [1, 1], [1, 1], 1)
