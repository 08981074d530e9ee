"""Samples of generators: grids, folders of images, style mixing and animations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    import click


@i2i.hookimpl
def register_commands(cli: click.Group, registry: i2i.Registry) -> None:
    """Add ``i2i sample``."""
    from .command import command

    cli.add_command(command)
