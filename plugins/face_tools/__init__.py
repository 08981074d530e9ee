"""Faces in photos: landmarks, FFHQ crops for generators, and the editor that pastes crops back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    import click


@i2i.hookimpl
def register_editors(register: i2i.Register) -> None:
    """Register the editor ``align``."""
    register(
        "align",
        "i2i_plugins.face_tools.editor:Align",
        summary="Crop photos as a generator needs them, and paste the crops back.",
        wants="crops",
        photos=("image+",),
        default=False,
        Options="i2i.api.options:Options",
    )


@i2i.hookimpl
def register_commands(cli: click.Group, registry: i2i.Registry) -> None:
    """Add ``i2i align`` and ``i2i landmarks``."""
    from . import align_command, landmarks_command

    cli.add_command(align_command.command)
    cli.add_command(landmarks_command.command)
