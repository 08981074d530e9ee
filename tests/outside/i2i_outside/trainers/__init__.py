"""Plugin module of the trainers ``cyclegan`` and ``pix2pixhd``."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_trainers(register: i2i.Register) -> None:
    """Register the trainers by string: their modules import torch, and are imported when a training starts."""
    register(
        "cyclegan",
        "i2i_outside.trainers.cyclegan:CycleGAN",
        summary="Two generators on unpaired images (Zhu et al. 2017).",
        wants="unpaired",
    )
    register(
        "pix2pixhd",
        "i2i_outside.trainers.pix2pixhd:Pix2PixHD",
        summary="Label maps to photos, with multi-scale discriminators (Wang et al. 2018).",
    )
