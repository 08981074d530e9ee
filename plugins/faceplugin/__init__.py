"""Plugin module of Faceplugin: small networks for identity, face detection, landmarks and head pose."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the model records."""
    from .model_records import DETECTION_MODEL, IDENTITY_MODEL, LANDMARKS_MODEL, POSE_MODEL

    for model in (DETECTION_MODEL, IDENTITY_MODEL, LANDMARKS_MODEL, POSE_MODEL):
        register(model)


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register the extractors ``faceplugin-identity``, ``faceplugin-landmarks`` and ``faceplugin-pose``."""
    register(
        "faceplugin-identity",
        "i2i_plugins.faceplugin.identity:FaceIdentity",
        summary="Identity embeddings of aligned faces, by a network of 4.9 MB of Faceplugin.",
        role="identity",
        domain="faces",
        default=False,
        kinds=(),
        models=("faceplugin-identity",),
    )
    register(
        "faceplugin-landmarks",
        "i2i_plugins.faceplugin.landmarks:FaceLandmarks",
        summary="Faces and their 68 landmarks in photographs, by two small networks of Faceplugin.",
        role="landmarks",
        domain="faces",
        default=False,
        kinds=(),
        models=("faceplugin-landmarks", "faceplugin-detection"),
    )
    register(
        "faceplugin-pose",
        "i2i_plugins.faceplugin.pose:HeadPose",
        summary="Yaw, pitch and roll of heads in degrees, by a small network of Faceplugin.",
        role="pose",
        domain="faces",
        default=False,
        kinds=(),
        models=("faceplugin-pose",),
    )
