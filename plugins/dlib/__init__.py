"""Plugin module of dlib: face detection, 68 landmarks and identity; needs pip install 'i2i[dlib]'."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the model records."""
    from .model_records import identity_record, landmarks_record

    register(landmarks_record())
    register(identity_record())


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register the extractors ``dlib`` and ``dlib-identity``."""
    register(
        "dlib",
        "i2i_plugins.dlib.extractor:DlibLandmarks",
        summary="Faces in photos and their 68 landmarks, by dlib; no gradients.",
        role="landmarks",
        domain="faces",
        default=False,
        kinds=(),
        models=("dlib-landmarks68",),
        packages=("dlib",),
        differentiable=False,
    )
    register(
        "dlib-identity",
        "i2i_plugins.dlib.identity:DlibIdentity",
        summary="Identity embeddings by dlib's network of 128 numbers, to judge other networks; no gradients.",
        role="identity",
        domain="faces",
        default=False,
        kinds=(),
        models=("dlib-identity128",),
        packages=("dlib",),
        automatic=False,
        differentiable=False,
    )
