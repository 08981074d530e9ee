"""Plugin module of CLIP by the package open_clip_torch; its weights are downloaded."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the model records."""
    from .model_records import MODEL

    register(MODEL)


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register the extractor ``open-clip``."""
    register(
        "open-clip",
        "i2i_plugins.open_clip.extractor:OpenClip",
        summary="Images and sentences in one space, by CLIP of open_clip.",
        role="text",
        domain="any",
        default=True,
        kinds=(),
    )
