"""Drag points of an image to targets, by hand or by presets of landmarks."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_editors(register: i2i.Register) -> None:
    """Register the editor ``drag``."""
    register(
        "drag",
        "i2i_plugins.drag.editor:Drag",
        summary="Drag points of an image to targets, by hand or by presets: open_mouth, smile, slim_face.",
        wants="latent",
        photos=("image+",),
        requires="i2i:StyleGenerator",
        default=True,
        Options="i2i_plugins.drag.options:DragOptions",
    )


@i2i.hookimpl
def register_presets(register: i2i.Register) -> None:
    """Register the presets of the editor."""
    from .presets import PRESETS

    for preset in PRESETS:
        register(preset)
