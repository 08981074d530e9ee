"""The image metrics: mean absolute error (L1), peak signal-to-noise ratio (PSNR) and structural similarity (SSIM).

SSIM is that of Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural
similarity" (2004).
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i.toolkit.metrics import MeanOverImages

WINDOW = 11
"""Height and width of SSIM's Gaussian window, pixels."""
SIGMA = 1.5
"""Standard deviation of the window, pixels."""
C1 = 0.01**2
C2 = 0.03**2
"""SSIM's constants ``(K1 L)^2`` and ``(K2 L)^2`` for images in [0, 1], where L = 1."""


class L1(MeanOverImages):
    """Mean absolute difference of images in [0, 1]: half the difference in [-1, 1]."""

    name = "l1"
    summary = "Mean absolute error, images in [0, 1]."
    default_for = ("evaluate",)
    better: ClassVar[Literal["lower", "higher"]] = "lower"

    def score(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs().mean(dim=(1, 2, 3)) / 2


class Psnr(MeanOverImages):
    """PSNR: ``10 log10(1 / mse)`` in dB of each image in [0, 1], then the mean.

    The largest score is ``CEILING`` (mean squared error 1e-10), which identical images get instead of infinity.
    """

    name = "psnr"
    summary = "Peak signal-to-noise ratio in dB, mean over images, at most 100."
    default_for = ("edit", "evaluate")
    better: ClassVar[Literal["lower", "higher"]] = "higher"
    CEILING = 100.0

    def score(self, output: Tensor, target: Tensor) -> Tensor:
        mse = ((output - target) / 2).square().mean(dim=(1, 2, 3))
        return -10 * mse.clamp(min=10 ** (-self.CEILING / 10)).log10()


class Ssim(MeanOverImages):
    """Mean SSIM of the colour channels, images in [0, 1], as in the paper.

    Gaussian window of 11 pixels with sigma 1.5, K1 0.01, K2 0.03; only positions where the whole window lies inside the
    image.
    """

    name = "ssim"
    summary = "Structural similarity (Wang et al. 2004), mean over channels and images."
    default_for = ("edit", "evaluate")
    better: ClassVar[Literal["lower", "higher"]] = "higher"

    def score(self, output: Tensor, target: Tensor) -> Tensor:
        height, width = output.shape[2:]
        if min(height, width) < WINDOW:
            raise i2i.I2IError(
                f"ssim needs images of at least {WINDOW} x {WINDOW} pixels, but these are {width} x {height}; "
                "leave ssim out of --metrics."
            )
        with torch.autocast(output.device.type, enabled=False):
            return _similarity(output / 2, target / 2).mean(dim=(1, 2, 3))


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
