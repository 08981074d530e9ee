"""Plugin module of MobileStyleGAN: a generator of faces at 1024 px that is small enough for a CPU."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_generators(register: i2i.Register) -> None:
    """Register the family of generators."""
    register(
        "mobilestylegan",
        "i2i_plugins.mobilestylegan.generator:MobileStyleGAN",
        summary="MobileStyleGAN, from OpenVINO or i2i files (Belousov 2021).",
    )


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the model record."""
    from .model_records import MOBILE_FFHQ

    register(MOBILE_FFHQ)
