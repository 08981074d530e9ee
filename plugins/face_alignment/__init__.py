"""Plugin module of face-alignment: face detection by S3FD and 68 landmarks by FAN."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the model records."""
    from .model_records import FAN_MODEL, S3FD_MODEL

    register(FAN_MODEL)
    register(S3FD_MODEL)


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register the extractor ``face-alignment``."""
    register(
        "face-alignment",
        "i2i_plugins.face_alignment.extractor:FaceAlignment",
        summary="Faces and their 68 landmarks in photographs, by S3FD and 2D-FAN.",
        role="landmarks",
        domain="faces",
        default=True,
        models=("face-alignment-2dfan4", "s3fd"),
        kinds=("fan", "s3fd"),
    )
