"""Plugin module of ``i2i graph``: a table of a generator's layers, and a diagram of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    import click


@i2i.hookimpl
def register_commands(cli: click.Group, registry: i2i.Registry) -> None:
    from .command import command

    cli.add_command(command)
