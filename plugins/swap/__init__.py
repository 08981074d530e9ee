"""Face swap: an image keeps its pose, expression, light and background, and shows another person."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_editors(register: i2i.Register) -> None:
    """Register the editor ``swap``."""
    register(
        "swap",
        "i2i_plugins.swap.editor:Swap",
        summary="Swap faces: the target keeps pose, expression, light and background, and shows the source.",
        wants="latent",
        photos=("target+", "source+"),
        requires="i2i:StyleGenerator",
        default=False,
        Options="i2i_plugins.swap.options:SwapOptions",
    )
