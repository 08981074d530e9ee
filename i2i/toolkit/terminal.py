"""Terminal output of commands: JSON for programs, tables for people, counts on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click


def echo_json(value: Any) -> None:
    """Print one JSON object."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def echo_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows in aligned columns under a header."""
    lines = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield ``show(done, total)``, which keeps one line on a terminal's stderr; silent where stderr is no terminal."""
    terminal = sys.stderr.isatty()

    def show(done: int, total: int) -> None:
        if terminal:
            click.echo(f"\r{done}/{total} {what}", nl=False, err=True)

    try:
        yield show
    finally:
        if terminal:
            click.echo("\r\033[K", nl=False, err=True)
