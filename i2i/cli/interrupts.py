"""Ctrl-C and SIGTERM outside of a training or an edit: one line on stderr, and the usual exit code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

import click

INTERRUPTED = (130, 143)
"""Exit codes of a command that Ctrl-C or SIGTERM ended: 128 and the number of the signal, as shells have it."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised like Ctrl-C so that temporary files and empty output directories are removed."""


def report_interrupt(error: KeyboardInterrupt) -> int:
    """Print the line of a command that was interrupted and return its exit code: 130, or 143 after SIGTERM."""
    name, code = ("SIGTERM", INTERRUPTED[1]) if isinstance(error, Terminated) else ("Ctrl-C", INTERRUPTED[0])
    line = f"i2i: Interrupted by {name} before the command was done; type it again to start over."
    click.echo(f"\n{line}" if sys.stderr.isatty() else line, err=True)  # the terminal has just shown ^C
    return code


def exit_on_next_signal() -> None:
    """Let the next Ctrl-C end the process at once: raised during the clean-up at exit, it would show a traceback."""
    with suppress(ValueError):  # outside the main thread no handler can be set, and none is called
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Raise ``Terminated`` on SIGTERM within the block; do nothing outside the main thread."""

    def terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise Terminated

    try:
        before = signal.signal(signal.SIGTERM, terminate)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
