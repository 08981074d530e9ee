"""Plugin module of StyleGAN: generators of StyleGAN2 and StyleGAN3, published weights by name, and a trainer."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_trainers(register: i2i.Register) -> None:
    """Register the trainer ``stylegan2``."""
    register(
        "stylegan2",
        "i2i_plugins.stylegan.training.trainer:StyleGAN2Trainer",
        summary="A StyleGAN2 generator trained on single images, many or few (Karras et al. 2020).",
        wants="images",
        kinds=(),
        defaults={"size": 64, "batch": 8, "steps": 5000, "ema": 0.998, "sample_every": 250},
        Options="i2i_plugins.stylegan.training.options:StyleGAN2Options",
    )


@i2i.hookimpl
def register_generators(register: i2i.Register) -> None:
    """Register the families of generators."""
    register(
        "stylegan2",
        "i2i_plugins.stylegan.generators:StyleGAN2",
        summary="StyleGAN2 and StyleGAN2-ADA, from NVlabs, rosinality or i2i files (Karras et al. 2020).",
    )
    register(
        "stylegan3",
        "i2i_plugins.stylegan.generators:StyleGAN3",
        summary="StyleGAN3-T and StyleGAN3-R, from NVlabs or i2i files (Karras et al. 2021).",
    )


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the model records."""
    from .model_records import MODELS

    for model in MODELS:
        register(model)
