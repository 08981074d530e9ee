"""Plugin module of ArcFace: identity embeddings by the networks of InsightFace."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the model records."""
    from .model_records import MODEL

    register(MODEL)


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register the extractor ``arcface``."""
    register(
        "arcface",
        "i2i_plugins.arcface.extractor:ArcFace",
        summary="Identity embeddings of aligned faces, ArcFace on iresnet50.",
        role="identity",
        domain="faces",
        default=True,
        models=("arcface-r50",),
        kinds=("arcface",),
    )
