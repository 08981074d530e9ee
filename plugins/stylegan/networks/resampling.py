"""Upsampling and downsampling by 2 with the filter [1, 3, 3, 1] (Karras et al. 2020, section 3; Zhang 2019)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TAPS = (1.0, 3.0, 3.0, 1.0)


def filter2d() -> Tensor:
    """Return the separable filter ``(4, 4)`` with sum 1, which state dicts store as ``resample_filter``."""
    row = torch.tensor(TAPS)
    square = torch.outer(row, row)
    return square / square.sum()


def blur(x: Tensor, kernel: Tensor, pad: int, stride: int = 1, bias: Tensor | None = None) -> Tensor:
    """Pad all sides with ``pad`` zeros, filter each channel, keep every ``stride``-th pixel.

    Args:
        x: ``(N, C, H, W)``.
        kernel: ``(4, 4)``, or one filter for each channel, ``(C, 1, 4, 4)``.
        bias: ``(C,)``, added to the result.

    Returns:
        ``(N, C, H + 2 * pad - 3, W + 2 * pad - 3)`` at stride 1.
    """
    channels = x.shape[1]
    filters = kernel.to(x.dtype).expand(channels, 1, 4, 4).contiguous()
    return F.conv2d(x, filters, bias, padding=pad, stride=stride, groups=channels)


def downsample2(x: Tensor, kernel: Tensor) -> Tensor:
    """Downsample by 2: ``(N, C, H, W)`` -> ``(N, C, H/2, W/2)``."""
    return blur(x, kernel, pad=1, stride=2)


def upsample2(x: Tensor) -> Tensor:
    """Upsample by 2: ``(N, C, H, W)`` -> ``(N, C, 2H, 2W)``.

    Zeros between the pixels and the filter with gain 4 give each new pixel three quarters of its nearest and a quarter
    of the next: linear interpolation, with zeros around the image instead of its edge pixels.
    """
    y = F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=2, mode="bilinear", align_corners=False)
    return y[:, :, 2:-2, 2:-2]
