"""Photographs into latents: by an encoder, by optimisation, by both, and by tuning the generator to a photo."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_editors(register: i2i.Register) -> None:
    """Register the editor ``invert``."""
    register(
        "invert",
        "i2i_plugins.invert.editor:Invert",
        summary="Find the latents of photos: by an encoder, by optimisation, or by tuning the generator.",
        wants="crops",
        photos=("image+",),
        Options="i2i_plugins.invert.options:Options",
    )
