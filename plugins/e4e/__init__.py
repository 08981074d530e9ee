"""Plugin module of e4e: the encoder of "Designing an Encoder for StyleGAN Image Manipulation"."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the model records."""
    from .model_records import MODELS

    for model in MODELS:
        register(model)


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register the extractor ``e4e``."""
    register(
        "e4e",
        "i2i_plugins.e4e.extractor:E4E",
        summary="Latents of aligned photos, by the encoder of encoder4editing.",
        role="encoder",
        domain="faces",
        default=True,
        generator_layers=18,
        kinds=("e4e",),
    )
