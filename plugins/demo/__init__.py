"""The embedded world of faces: small networks that know the drawn faces, whole in the package."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the records of published weights."""
    from .records import RECORDS

    for record in RECORDS:
        register(record)


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register the extractors."""
    register(
        "demo-encoder",
        "i2i_plugins.demo.extractors.encoder:DemoEncoder",
        summary="Latents of drawn faces for the generator demo-faces.",
        role="encoder",
        domain="drawn faces",
        default=False,
        kinds=(),
    )
    register(
        "demo-identity",
        "i2i_plugins.demo.extractors.identity:DemoIdentity",
        summary="Identity embeddings of drawn faces.",
        role="identity",
        domain="drawn faces",
        default=False,
        kinds=(),
    )
    register(
        "demo-landmarks",
        "i2i_plugins.demo.extractors.landmarks:DemoLandmarks",
        summary="68 landmarks of drawn faces.",
        role="landmarks",
        domain="drawn faces",
        default=False,
        kinds=(),
    )
    register(
        "demo-text",
        "i2i_plugins.demo.extractors.text:DemoText",
        summary="Drawn faces and sentences in one space, for the words of the drawn faces' captions.",
        role="text",
        domain="drawn faces",
        default=False,
        kinds=(),
    )
