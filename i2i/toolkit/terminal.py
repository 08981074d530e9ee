"""Terminal output of commands: JSON for programs, tables for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from ..api.errors import I2IError, disk_trouble

STDOUT = "i2i.stdout"
"""Where ``json_option`` keeps the stream for the JSON object, in ``click.Context.meta``."""


def echo_json(value: Any) -> None:
    """Print one JSON object."""
    ctx = click.get_current_context(silent=True)
    stdout = None if ctx is None else ctx.meta.get(STDOUT)
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str), file=stdout)


def echo_table(header: Sequence[str], rows: Sequence[Sequence[Any]], *, err: bool = False) -> None:
    """Print rows in aligned columns under a header; on stderr with ``err``."""
    lines = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip(), err=err)


def run_script(
    command: click.Command, arguments: Sequence[str] | None = None, doing: str = "reading or writing"
) -> None:
    """Run a click command as a program of its own; errors for the user end in one line and an exit code.

    Args:
        arguments: Words of the command line; None for those of this process.
        doing: What failed, where a file cannot be read or written.
    """
    try:
        command(arguments)
    except I2IError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        click.echo(f"Error: {disk_trouble(error, doing)}", err=True)
        raise SystemExit(1) from None
