"""Similarity of images: PSNR, and SSIM by Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error
visibility to structural similarity" (2004).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

WINDOW = 11
"""Height and width of the Gaussian window, pixels: the smallest size of an image."""
SIGMA = 1.5
"""Standard deviation of the window, pixels."""
C1 = 0.01**2
C2 = 0.03**2
"""The constants ``(K1 L)^2`` and ``(K2 L)^2`` for images in [0, 1], where L = 1."""


def psnr(squared: Tensor) -> Tensor:
    """Compute the PSNR, dB, from mean squared errors, of any shape, of images in [-1, 1].

    The errors are at least 1e-10, so equal images have a PSNR of 106 dB.
    """
    return -10 * (squared.clamp(min=1e-10) / 4).log10()


def structural_similarity(images: Tensor, references: Tensor) -> Tensor:
    """Compute the mean SSIM ``(N,)`` over the channels and positions of images ``(N, C, H, W)`` in [-1, 1].

    Only positions where the whole window lies inside the image count, as in the paper. Computed without autocast.

    Args:
        images, references: Both at least 11 x 11 pixels.
    """
    with torch.autocast(images.device.type, enabled=False):
        return _similarity(images / 2, references / 2).mean(dim=(1, 2, 3))


def _similarity(x: Tensor, y: Tensor) -> Tensor:
    """Compute SSIM at every position, of images in [-0.5, 0.5].

    Variances are invariant to an offset, and values around zero lose the fewest digits in ``E[x^2] - E[x]^2``; only the
    means must be those of [0, 1].
    """
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x = _blur(x * x) - mean_x.square()
    variance_y = _blur(y * y) - mean_y.square()
    covariance = _blur(x * y) - mean_x * mean_y
    mean_x, mean_y = mean_x + 0.5, mean_y + 0.5
    luminance = (2 * mean_x * mean_y + C1) / (mean_x.square() + mean_y.square() + C1)
    return luminance * (2 * covariance + C2) / (variance_x + variance_y + C2)


def _blur(x: Tensor) -> Tensor:
    """Compute Gaussian means ``(N, C, H - 10, W - 10)``, one axis after the other."""
    taps = [math.exp(-((i - WINDOW // 2) ** 2) / (2 * SIGMA**2)) for i in range(WINDOW)]
    channels = x.shape[1]
    kernel = x.new_tensor([tap / sum(taps) for tap in taps]).expand(channels, 1, WINDOW)
    x = F.conv2d(x, kernel[:, :, :, None], groups=channels)
    return F.conv2d(x, kernel[:, :, None, :], groups=channels)
