"""Pixel by pixel: mean absolute error and peak signal-to-noise ratio."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from .mean import PictureMean


class L1(PictureMean):
    """Mean absolute difference of pictures in [0, 1]: half the difference in [-1, 1]."""

    name = "l1"
    summary = "Mean absolute error, pictures in [0, 1]."
    default_for = ("evaluate",)
    better: ClassVar[Literal["lower", "higher"]] = "lower"

    def score(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs().mean(dim=(1, 2, 3)) / 2


class Psnr(PictureMean):
    """``10 log10(1 / mse)`` in dB of pictures in [0, 1], of each picture, then the mean.

    A picture is never better than ``CEILING`` (mean squared error 1e-10): identical pictures score that, not infinity.
    """

    name = "psnr"
    summary = "Peak signal-to-noise ratio in dB, mean over pictures, at most 100."
    default_for = ("edit", "evaluate")
    better: ClassVar[Literal["lower", "higher"]] = "higher"
    CEILING = 100.0

    def score(self, output: Tensor, target: Tensor) -> Tensor:
        mse = ((output - target) / 2).square().mean(dim=(1, 2, 3))
        return -10 * mse.clamp(min=10 ** (-self.CEILING / 10)).log10()
