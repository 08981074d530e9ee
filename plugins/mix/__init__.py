"""New images from latent codes: style mixing, expression transfer, morphs, averages and attribute directions."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_editors(register: i2i.Register) -> None:
    """Register the editor ``mix``."""
    register(
        "mix",
        "i2i_plugins.mix.editor:Mix",
        summary="Mix images by their latent codes: style, expression, crossover, morph, average, and directions.",
        wants="latent",
        photos=("image+", "other*"),
        default=False,
        Options="i2i_plugins.mix.options:MixOptions",
    )


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the records of published directions."""
    from .model_records import MODELS

    for model in MODELS:
        register(model)
