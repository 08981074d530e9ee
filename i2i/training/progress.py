"""The terminal of a training run: a bar where stderr is a terminal, plain lines now and then where it is not."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

_LINE_EVERY = 10.0  # seconds between plain lines


class TrainingBar:
    """Losses, pictures a second and time left."""

    def __init__(self, start: int, total: int, *, quiet: bool) -> None:
        self.start, self.total, self.quiet = start, total, quiet
        self._began = self._told = time.monotonic()
        self._bar: Any = None
        if not quiet and sys.stderr.isatty():
            self._bar, self._task = _open_bar(start, total)

    def update(self, step: int, losses: Mapping[str, float], speed: float) -> None:
        """Show where a run has got to: the step, its losses and its speed in pictures a second."""
        text = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
        if self._bar:
            self._bar.update(self._task, completed=step, losses=text, speed=f"{speed:.1f} images/s")
        elif not self.quiet and (time.monotonic() - self._told > _LINE_EVERY or step == self.total):
            self._told = time.monotonic()
            left = int((self._told - self._began) / max(step - self.start, 1) * (self.total - step))
            clock = f"{left // 60}:{left % 60:02d} left"
            print(f"step {step}/{self.total}  {text}  {speed:.1f} images/s  {clock}", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._bar:
            self._bar.console.print(text, highlight=False)
        elif not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar:
            self._bar.stop()


def _open_bar(start: int, total: int) -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    # On a narrow terminal the bar gives way first, then the losses from their end; never how far, and how long still.
    columns = (
        MofNCompleteColumn(table_column=Column(no_wrap=True, min_width=2 * len(str(total)) + 1)),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        TimeRemainingColumn(table_column=Column(no_wrap=True, min_width=7)),
        TextColumn("{task.fields[speed]}  {task.fields[losses]}", table_column=Column(no_wrap=True, overflow="crop")),
    )
    bar = Progress(*columns, console=Console(stderr=True), refresh_per_second=4)
    task = bar.add_task("", total=total, completed=start, losses="", speed="")
    bar.start()
    return bar, task
