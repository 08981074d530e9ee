"""Plugin module of pix2pix: paired image-to-image translation."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_trainers(register: i2i.Register) -> None:
    """Register the trainer ``pix2pix``."""
    register(
        "pix2pix",
        "i2i_plugins.pix2pix.trainer:Pix2Pix",
        summary="U-Net and PatchGAN on pairs of images (Isola et al. 2017).",
        wants="pairs",
        kinds=("unet256", "unet128", "resnet9", "patchgan"),
        defaults={},
        Options="i2i_plugins.pix2pix.options:Pix2PixOptions",
    )
