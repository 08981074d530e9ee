"""Commands."""

from __future__ import annotations

from typing import Any

import click

import i2i

from .faults import Faulty, misbehave


@click.command("broken-command")
@click.option("--how", default="raise")
def command(how: str) -> None:
    """Misbehave as told."""
    misbehave(Faulty(at="command", how=how), "command", None)


def _refuse(ctx: Any, parameter: Any, value: Any) -> Any:
    raise RuntimeError("broken on purpose")


@click.group("broken-group")
def group() -> None:
    """Hold a command."""


@group.command("parse")
@click.option("--word", callback=_refuse)
def parse(word: str) -> None:
    """Fail while the command line is read."""


@i2i.hookimpl
def register_commands(cli: click.Group, registry: Any) -> None:
    """Add the commands."""
    cli.add_command(command)
    cli.add_command(group)
