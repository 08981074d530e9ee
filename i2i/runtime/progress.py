"""How far a command has got, on stderr: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..api.device import Device

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

import click

Show = Callable[[str, int, "int | None"], None]
"""Called with the stage of the work, what is done of it and the whole, None where nobody knows it."""

Unit = Literal["bytes", "pairs"]

_EVERY = 1.0  # seconds between two plain lines


def staged(unit: Unit) -> AbstractContextManager[Show]:
    """Yield ``show(stage, done, total)`` for the length of a ``with`` block."""
    return _bar(unit) if sys.stderr.isatty() else nullcontext(_Lines(unit))


@contextmanager
def _bar(unit: Unit) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    figures = (DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else (MofNCompleteColumn(),)
    columns = (TextColumn("{task.description}"), BarColumn(), *figures, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks = {}

        def show(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


class _Lines:
    """Plain lines: at each tenth of the whole, but not more often than readers like, and at its end."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.last = ("", 0)
        self.told = time.monotonic()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        step = (stage, 10 * done // total if total else done // 2**26)
        now = time.monotonic()
        if step == self.last or (done != total and now - self.told < _EVERY):
            return
        self.last, self.told = step, now
        click.echo(f"{stage}: {self._amount(done, total)}", err=True)

    def _amount(self, done: int, total: int | None) -> str:
        scale, digits, unit = (1e6, 1, "MB") if self.unit == "bytes" else (1, 0, "pairs")
        whole = "" if total is None else f" of {total / scale:.{digits}f}"
        return f"{done / scale:.{digits}f}{whole} {unit}"


def note(text: str, device: Device | None = None) -> None:
    """One line for the person, on stderr, from one process."""
    if device is None or device.first:
        print(f"i2i: {text}", file=sys.stderr)
