"""Measures of a picture against the picture it should have been: l1, psnr and ssim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import i2i


@i2i.hookimpl
def register_metrics(register: Callable[[Any], None]) -> None:
    from .pixels import L1, Psnr
    from .ssim import Ssim

    for metric in (L1, Psnr, Ssim):
        register(metric)
