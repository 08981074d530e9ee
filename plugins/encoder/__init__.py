"""Plugin module of trained encoders: the trainer ``encoder``, and the extractor that reads what it trained."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_trainers(register: i2i.Register) -> None:
    """Register the trainer ``encoder``."""
    register(
        "encoder",
        "i2i_plugins.encoder.trainer:EncoderTrainer",
        summary="An encoder for any generator, trained on its samples; like e4e (Tov et al. 2021).",
        wants="seeds",
        kinds=(),
        defaults={"size": 128, "batch": 16, "steps": 4000, "ema": 0.998, "decay": 0.5},
        Options="i2i_plugins.encoder.options:EncoderTrainerOptions",
    )


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register the extractor ``trained-encoder``."""
    register(
        "trained-encoder",
        "i2i_plugins.encoder.extractor:TrainedEncoder",
        summary="Latents of images for the generator that an encoder was trained for by 'i2i train encoder'.",
        role="encoder",
        domain="any",
        default=False,
        automatic=False,
        reads="file",
        kinds=(),
        Options="i2i_plugins.encoder.options:TrainedEncoderOptions",
    )
