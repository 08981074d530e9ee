"""Plugin module of the demo networks: small built-in networks for the synthetic faces of the dataset ``faces``."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the model records."""
    from .model_records import RECORDS

    for record in RECORDS:
        register(record)


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register the extractors."""
    register(
        "demo-domain",
        "i2i_plugins.demo.extractors.domain:DemoDomain",
        summary="Whether images are synthetic faces.",
        role="domain",
        domain="synthetic faces",
        default=False,
        kinds=(),
    )
    register(
        "demo-encoder",
        "i2i_plugins.demo.extractors.encoder:DemoEncoder",
        summary="Latents of synthetic faces for the generator demo-faces.",
        role="encoder",
        domain="synthetic faces",
        default=False,
        kinds=(),
    )
    register(
        "demo-identity",
        "i2i_plugins.demo.extractors.identity:DemoIdentity",
        summary="Identity embeddings of synthetic faces.",
        role="identity",
        domain="synthetic faces",
        default=False,
        kinds=(),
    )
    register(
        "demo-landmarks",
        "i2i_plugins.demo.extractors.landmarks:DemoLandmarks",
        summary="68 landmarks of synthetic faces.",
        role="landmarks",
        domain="synthetic faces",
        default=False,
        kinds=(),
    )
    register(
        "demo-text",
        "i2i_plugins.demo.extractors.text:DemoText",
        summary="Embeds synthetic faces and English sentences in one space; knows the words of their captions.",
        role="text",
        domain="synthetic faces",
        default=False,
        kinds=(),
    )
