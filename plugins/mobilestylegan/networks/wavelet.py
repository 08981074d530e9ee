"""The inverse Haar transform, which doubles height and width: four bands -> the four pixels of each 2 x 2 square.

Bands are in *band order*: all channels of the low band, then those of LH, HL and HH. Published weights have the low
band first, and then the three others channel by channel; ``band_order`` maps one to the other. In band order each band
is contiguous in memory in both formats of feature maps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from i2i.toolkit.latents.frozen_layers import channel_dot

HAAR = torch.tensor([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / 2
"""Pixels (top left, top right, bottom left, bottom right) of the bands (low, LH, HL, HH); it is its own inverse."""
CHUNK = 2**18
"""Numbers that are transformed together on a CPU, so that they stay in its cache."""


def band_order(channels: int) -> Tensor:
    """Return for each channel in band order its number in the published order, ``(channels,)``."""
    low, high = torch.arange(channels).split([channels // 4, channels - channels // 4])
    return torch.cat([low, high.view(-1, 3).t().flatten()])


def merge_bands(x: Tensor) -> Tensor:
    """Merge bands ``(N, 4C, H, W)`` in band order to ``(N, C, 2H, 2W)``; autograd records it."""
    n, channels, height, width = x.shape
    bands = x.view(n, 4, channels // 4, height, width)
    low, lh, hl, hh = (bands * 0.5).unbind(dim=1)
    top, bottom, top_odd, bottom_odd = low + lh, low - lh, hl + hh, hl - hh
    rows = [torch.stack([even + odd, even - odd], dim=-1) for even, odd in ((top, top_odd), (bottom, bottom_odd))]
    merged = torch.stack(rows, dim=3)  # (N, C, H, 2, W, 2)
    return merged.reshape(n, channels // 4, 2 * height, 2 * width)


class FrozenUpsampling(Function):
    """``merge_bands(x * styles)`` with frozen weights on a CPU, once differentiable.

    Args:
        x: ``(N, 4C, H, W)`` channels last.
        styles: ``(N, 4C)``.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, styles: Tensor) -> Tensor:
        ctx.save_for_backward(x, styles)
        n, channels, height, width = x.shape
        y = x.new_empty(n, 2 * height, 2 * width, channels // 4).permute(0, 3, 1, 2)
        pixels, bands = _pixels(y), _bands(x)
        factors = (styles * 0.5).view(n, 1, 1, 4, channels // 4)
        for image, rows in _chunks(x):
            low, lh, hl, hh = (bands[image, rows] * factors[image]).unbind(dim=2)
            square = pixels[image, rows]
            even, odd = low + lh, hl + hh
            torch.add(even, odd, out=square[:, 0, :, 0])
            torch.sub(even, odd, out=square[:, 0, :, 1])
            torch.sub(low, lh, out=even)
            torch.sub(hl, hh, out=odd)
            torch.add(even, odd, out=square[:, 1, :, 0])
            torch.sub(even, odd, out=square[:, 1, :, 1])
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:  # type: ignore[override]
        x, styles = ctx.saved_tensors
        channels = x.shape[1]
        grad_x = torch.empty_like(x)
        pixels, bands = _pixels(channels_last(grad)), _bands(grad_x)
        for image, rows in _chunks(x):
            square, band = pixels[image, rows], bands[image, rows]
            first, second, third, fourth = (square[:, row, :, column] for row in (0, 1) for column in (0, 1))
            top, bottom = first + second, third + fourth
            torch.add(top, bottom, out=band[:, :, 0])
            torch.sub(top, bottom, out=band[:, :, 1])
            torch.sub(first, second, out=top)
            torch.sub(third, fourth, out=bottom)
            torch.add(top, bottom, out=band[:, :, 2])
            torch.sub(top, bottom, out=band[:, :, 3])
            if not ctx.needs_input_grad[1]:
                band.mul_((styles[image] * 0.5).view(4, channels // 4))
        if not ctx.needs_input_grad[1]:
            return grad_x, None
        grad_styles = channel_dot(grad_x, x) * 0.5
        return grad_x.mul_((styles * 0.5)[:, :, None, None]), grad_styles


def channels_last(x: Tensor) -> Tensor:
    """Bring ``(N, C, H, W)`` into the format channels last."""
    return x.contiguous(memory_format=torch.channels_last)


def _bands(x: Tensor) -> Tensor:
    """View ``(N, 4C, H, W)`` as ``(N, H, W, 4, C)``."""
    n, channels, height, width = x.shape
    return x.permute(0, 2, 3, 1).view(n, height, width, 4, channels // 4)


def _pixels(x: Tensor) -> Tensor:
    """View ``(N, C, 2H, 2W)`` as ``(N, H, 2, W, 2, C)``."""
    n, channels, height, width = x.shape
    return x.permute(0, 2, 3, 1).view(n, height // 2, 2, width // 2, 2, channels)


def _chunks(x: Tensor) -> Iterator[tuple[int, slice]]:
    """Yield the image and the rows of each chunk of ``(N, 4C, H, W)``."""
    n, channels, height, width = x.shape
    step = max(1, CHUNK // (channels * width))
    for image in range(n):
        for first in range(0, height, step):
            yield image, slice(first, first + step)
