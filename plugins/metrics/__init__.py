"""Plugin module of the metrics that compare an image with its target: l1, psnr and ssim."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_metrics(register: i2i.Register) -> None:
    """Register the metrics."""
    register(
        "l1",
        "i2i_plugins.metrics.image_metrics:L1",
        summary="Mean absolute error, images in [0, 1].",
        better="lower",
        default_for=("evaluate",),
    )
    register(
        "psnr",
        "i2i_plugins.metrics.image_metrics:Psnr",
        summary="Peak signal-to-noise ratio in dB, mean over images, at most 100.",
        better="higher",
        default_for=("edit", "evaluate"),
    )
    register(
        "ssim",
        "i2i_plugins.metrics.image_metrics:Ssim",
        summary="Structural similarity (Wang et al. 2004), mean over channels and images.",
        better="higher",
        default_for=("edit", "evaluate"),
    )
