"""Structural similarity of Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment" (2004)."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i

from .mean import PictureMean

WINDOW = 11
SIGMA = 1.5
C1 = 0.01**2
C2 = 0.03**2


class Ssim(PictureMean):
    """Mean SSIM of each colour channel, pictures in [0, 1], as in the paper: Gaussian window of 11 pixels and sigma
    1.5, K1 0.01, K2 0.03, and only the positions where the whole window lies on the picture.
    """

    name = "ssim"
    summary = "Structural similarity (Wang et al. 2004), mean over channels and pictures."
    default_for = ("edit", "evaluate")
    better: ClassVar[Literal["lower", "higher"]] = "higher"

    def score(self, output: Tensor, target: Tensor) -> Tensor:
        height, width = output.shape[2:]
        if min(height, width) < WINDOW:
            raise i2i.I2IError(
                f"ssim needs pictures of at least {WINDOW} x {WINDOW} pixels, but these are {width} x {height}; "
                "leave ssim out of --metrics."
            )
        with torch.autocast(output.device.type, enabled=False):
            return _similarity(output / 2, target / 2).mean(dim=(1, 2, 3))


def _similarity(x: Tensor, y: Tensor) -> Tensor:
    """SSIM at every position, of pictures in [-0.5, 0.5].

    Variances do not change with a shift, and around zero float32 loses the least in ``E[x^2] - E[x]^2``; only the means
    must be those of [0, 1].
    """
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x = _blur(x * x) - mean_x.square()
    variance_y = _blur(y * y) - mean_y.square()
    covariance = _blur(x * y) - mean_x * mean_y
    mean_x, mean_y = mean_x + 0.5, mean_y + 0.5
    luminance = (2 * mean_x * mean_y + C1) / (mean_x.square() + mean_y.square() + C1)
    return luminance * (2 * covariance + C2) / (variance_x + variance_y + C2)


def _blur(x: Tensor) -> Tensor:
    """Gaussian means ``(N, C, H - 10, W - 10)``, one axis after the other."""
    taps = [math.exp(-((i - WINDOW // 2) ** 2) / (2 * SIGMA**2)) for i in range(WINDOW)]
    channels = x.shape[1]
    kernel = x.new_tensor([tap / sum(taps) for tap in taps]).expand(channels, 1, WINDOW)
    x = F.conv2d(x, kernel[:, :, :, None], groups=channels)
    return F.conv2d(x, kernel[:, :, None, :], groups=channels)
