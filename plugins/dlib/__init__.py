"""Plugin module of dlib: face detection and 68 landmarks; needs pip install 'i2i[dlib]'."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the model records."""
    from .model_records import record

    register(record())


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register the extractor ``dlib``."""
    register(
        "dlib",
        "i2i_plugins.dlib.extractor:DlibLandmarks",
        summary="Faces in photos and their 68 landmarks, by dlib; no gradients.",
        role="landmarks",
        domain="faces",
        default=False,
        kinds=(),
    )
