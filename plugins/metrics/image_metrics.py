"""The image metrics: mean absolute error (L1), peak signal-to-noise ratio (PSNR) and structural similarity (SSIM)."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

import i2i
from i2i.toolkit.images.similarity import WINDOW, psnr, structural_similarity
from i2i.toolkit.metrics import MeanOverImages


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
        return psnr((output - target).square().mean(dim=(1, 2, 3))).clamp(max=self.CEILING)


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
        return structural_similarity(output, target)
