"""Edit images by a text: by optimisation of their latents, or by global directions in style space (StyleCLIP)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    import click


@i2i.hookimpl
def register_editors(register: i2i.Register) -> None:
    """Register the editor ``text``."""
    register(
        "text",
        "i2i_plugins.text.editor:Text",
        summary='Edit by a text, such as "a smiling face": StyleCLIP optimisation or global directions.',
        wants="latent",
        photos=("image+",),
        requires="i2i:StyleGenerator",
        default=False,
        Options="i2i_plugins.text.options:TextOptions",
    )


@i2i.hookimpl
def register_commands(cli: click.Group, registry: i2i.Registry) -> None:
    """Add ``i2i models make-directions``."""
    from .command import add_to

    add_to(cli)
