"""The progress display of every command: a bar on a terminal, plain lines in a log, text that updates in a notebook."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any, Protocol

LINE_INTERVAL = 5.0
"""Seconds between two plain lines where stderr is not a terminal."""

_NOTEBOOK_INTERVAL = 0.5  # seconds between two updates of a notebook's output
_WINDOW = 30.0  # seconds over which speed and time left are estimated
_SAMPLE_INTERVAL = 0.25  # seconds between two samples of that estimate
_SHORTEST_BAR, _LONGEST_BAR = 10, 40  # characters
_NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Status:
    """How far one stage of the work is."""

    stage: str
    """What is being done, such as ``"unpacking"``; empty where a command has one stage only."""
    done: int
    """Units done."""
    total: int | None
    """Units in all; None where it is not known."""
    unit: str = ""
    """What is counted, such as ``"images"``; ``"bytes"`` are shown as MB."""
    speed: float | None = None
    """Units of ``speed_unit`` per second; None until it can be estimated."""
    speed_unit: str = ""
    """What ``speed`` counts; empty where no speed is shown."""
    seconds_left: float | None = None
    """Estimated seconds until the stage is finished; None until they can be estimated."""
    scalars: Mapping[str, float] = field(default_factory=dict)
    """Values to show, such as losses, by name."""

    @property
    def amount(self) -> str:
        """Units done and in all, such as ``5/10 images`` or ``0.7/12.0 MB``."""
        scale, digits, unit = (1e6, 1, "MB") if self.unit == "bytes" else (1, 0, self.unit)
        total = "" if self.total is None else f"/{self.total / scale:.{digits}f}"
        return f"{self.done / scale:.{digits}f}{total} {unit}".rstrip()

    @property
    def speed_text(self) -> str:
        """The speed, such as ``12.5 images/s``; empty where it is not shown."""
        if self.speed is None or not self.speed_unit:
            return ""
        scale, unit = (1e6, "MB") if self.speed_unit == "bytes" else (1, self.speed_unit)
        return f"{self.speed / scale:.1f} {unit}/s"

    @property
    def time_left(self) -> str:
        """The time left, such as ``4:05`` or ``1:04:05``; empty where it is not known."""
        if self.seconds_left is None:
            return ""
        minutes, seconds = divmod(round(self.seconds_left), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"

    @property
    def scalar_texts(self) -> tuple[str, ...]:
        """Name and value of each scalar, with three decimals; four significant digits where those show too little."""
        values = {name: float(value) for name, value in self.scalars.items()}  # read from the device only when shown
        return tuple(
            f"{name} {value:.3f}" if 0.1 <= abs(value) < 1000 or value == 0 else f"{name} {value:.4g}"
            for name, value in values.items()
        )

    @property
    def line(self) -> str:
        """Everything in one line of plain text."""
        left = f"{self.time_left} left" if self.time_left else ""
        parts = (f"{self.stage} {self.amount}".lstrip(), *self.scalar_texts, self.speed_text, left)
        return "  ".join(part for part in parts if part)


class Progress:
    """The progress display of one command, on stderr.

    It is a context manager: the display is removed or completed at the end of the ``with`` block. Which form it takes
    depends on where stderr goes:

    - a terminal: one bar per stage, at most as wide as the terminal. If space is short, scalars are left out from the
      last to the first, then the speed; never the count and the time left;
    - a Jupyter notebook: one output of plain text that is updated;
    - anything else, such as a log file: a plain line every ``LINE_INTERVAL`` seconds and one at the end of each stage.

    An instance can be passed as the ``progress`` argument of a function that calls ``progress(done, total)`` or
    ``progress(done, total, **scalars)``. For functions that name their stages pass ``progress.stage``.

    Args:
        unit: What is counted, such as ``"images"``; ``"bytes"`` are shown as MB.
        name: Name of the stage where ``update`` gives none.
        speed_unit: What the speed counts; None for ``unit``. No speed is shown where it is empty.
        transient: Remove the display at the end. In a log, work shorter than ``LINE_INTERVAL`` then leaves no line.
        quiet: Show nothing.
    """

    def __init__(
        self,
        unit: str = "",
        *,
        name: str = "",
        speed_unit: str | None = None,
        transient: bool = False,
        quiet: bool = False,
    ) -> None:
        self.unit, self.name = unit, name
        self.speed_unit = unit if speed_unit is None else speed_unit
        self._estimates: dict[str, _Estimate] = {}
        self._display: _Display = _NoDisplay() if quiet else _choose_display(transient)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, done: int, total: int | None, **scalars: float) -> None:
        """Show that ``done`` of ``total`` units are done, with values such as losses."""
        self.update(done, total, scalars=scalars)

    def stage(self, stage: str, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` units of a named stage are done."""
        self.update(done, total, stage=stage)

    def update(
        self,
        done: int,
        total: int | None,
        *,
        stage: str | None = None,
        speed: float | None = None,
        scalars: Mapping[str, float] = _NONE,
    ) -> None:
        """Show how far a stage is.

        Args:
            done: Units done so far.
            total: Units in all; None if it is not known.
            stage: What is being done; None for ``name``. Each stage has a count and a bar of its own.
            speed: Units of ``speed_unit`` per second; None to estimate it from the calls.
            scalars: Values to show, such as losses, by name.
        """
        stage = self.name if stage is None else stage
        estimate = self._estimates.setdefault(stage, _Estimate())
        estimate.add(done, total)
        self._display.show(
            Status(
                stage,
                done,
                total,
                self.unit,
                estimate.speed if speed is None else speed,
                self.speed_unit,
                estimate.seconds_left,
                scalars,
            )
        )

    def print(self, text: str) -> None:
        """Print a line on stderr that stays, above the display."""
        self._display.print(text)

    def close(self) -> None:
        """End the display; further calls do nothing."""
        self._display.close()
        self._display = _NoDisplay()


class _Estimate:
    """Speed and time left of one stage, over the last ``_WINDOW`` seconds."""

    def __init__(self) -> None:
        self.done = 0
        self.total: int | None = None
        self._now = (0.0, 0)
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, done: int, total: int | None) -> None:
        """Record that ``done`` of ``total`` units are done now."""
        if done < self.done or total != self.total:  # the stage has started over, with another amount of work
            self._samples.clear()
        self.done, self.total = done, total
        now = time.monotonic()
        self._now = (now, done)
        if not self._samples or now - self._samples[-1][0] >= _SAMPLE_INTERVAL:
            self._samples.append(self._now)
        while len(self._samples) > 2 and now - self._samples[1][0] >= _WINDOW:
            self._samples.popleft()

    @property
    def speed(self) -> float | None:
        """Units per second; None before the second sample."""
        (then, start), (now, done) = self._samples[0], self._now
        return (done - start) / (now - then) if now > then and done > start else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the total is reached at this speed."""
        if self.total is None:
            return None
        if self.done >= self.total:
            return 0.0
        return (self.total - self.done) / self.speed if self.speed else None


class _Display(Protocol):
    """One form of the display."""

    def show(self, status: Status) -> None: ...

    def print(self, text: str) -> None: ...

    def close(self) -> None: ...


def _choose_display(transient: bool) -> _Display:
    if _in_notebook():
        return _NotebookDisplay(transient)
    if sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown"):
        return _BarDisplay(transient)
    return _LineDisplay(transient)


def _in_notebook() -> bool:
    """Return whether this process is the kernel of a Jupyter notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class _NoDisplay:
    """Nothing."""

    def show(self, status: Status) -> None:
        pass

    def print(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass


class _LineDisplay:
    """Plain lines on stderr."""

    def __init__(self, transient: bool) -> None:
        self._transient = transient
        self._printed = time.monotonic()
        self._last: Status | None = None
        self._silent = True  # no line was printed yet

    def show(self, status: Status) -> None:
        if self._last is not None and status.stage == self._last.stage and status.done == self._last.done:
            return
        self._last = status
        complete = status.done == status.total and not (self._transient and self._silent)
        if complete or time.monotonic() - self._printed >= LINE_INTERVAL:
            self._printed = time.monotonic()
            self._silent = False
            self.print(status.line)

    def print(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        pass


class _NotebookDisplay:
    """One output of plain text that is updated; the kernel has loaded IPython.display already."""

    def __init__(self, transient: bool) -> None:
        self._transient = transient
        self._statuses: dict[str, Status] = {}
        self._shown = 0.0
        self._handle: Any = None

    def show(self, status: Status) -> None:
        self._statuses[status.stage] = status
        if status.done == status.total or time.monotonic() - self._shown >= _NOTEBOOK_INTERVAL:
            self._render("\n".join(each.line for each in self._statuses.values()))

    def _render(self, text: str) -> None:
        self._shown = time.monotonic()
        content = {"text/plain": text}
        if self._handle is None:
            self._handle = sys.modules["IPython.display"].display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)

    def print(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._handle is not None:
            lines = [] if self._transient else [each.line for each in self._statuses.values()]
            self._render("\n".join(lines))


class _BarDisplay:
    """One bar per stage on a terminal."""

    def __init__(self, transient: bool) -> None:
        from rich.console import Console
        from rich.live import Live

        self._statuses: dict[str, Status] = {}
        self._console = Console(stderr=True)
        self._live = Live(
            console=self._console,
            refresh_per_second=4,
            transient=transient,
            # Output of a program that reads stdout must not appear between the bars on stderr.
            redirect_stdout=sys.stdout.isatty(),
            get_renderable=self._render,
        )
        self._live.start()

    def show(self, status: Status) -> None:
        self._statuses[status.stage] = status

    def _render(self) -> Any:
        from rich.console import Group

        width = self._console.width
        return Group(*(_bar(status, width) for status in tuple(self._statuses.values())))

    def print(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        self._live.stop()


def _bar(status: Status, width: int) -> Any:
    """One row: stage, count, bar, time left, speed, scalars; no wider than ``width`` characters."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    before = [text for text in (status.stage, status.amount) if text]
    after = [status.time_left or "-:--", *(text for text in (status.speed_text, *status.scalar_texts) if text)]

    def room() -> int:
        return width - sum(len(text) + 2 for text in [*before, *after])

    while len(after) > 1 and room() < _SHORTEST_BAR:
        after.pop()
    bar = ProgressBar(total=status.total, completed=status.done, width=max(1, min(_LONGEST_BAR, room())))
    row = Table.grid(padding=(0, 2, 0, 0))
    cells: list[ProgressBar | Text] = [*map(Text, before), bar, *map(Text, after)]
    for _ in cells:
        row.add_column(no_wrap=True, overflow="crop")
    row.add_row(*cells)
    return row
