"""The progress display on a terminal, in a log and in a notebook."""

from __future__ import annotations

import io
import re
import sys
import types
from typing import Any

import pytest

from i2i.toolkit import progress as module
from i2i.toolkit.progress import Progress

LOSSES = {"d_fake": 0.7, "d_real": 0.68, "g_gan": 0.689, "g_l1": 0.389}


class Clock:
    """Stands for ``time`` in the module: it moves only when it is told to."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


class Terminal(io.StringIO):
    """Stands for stderr on a terminal."""

    def isatty(self) -> bool:
        return True

    @property
    def rows(self) -> list[str]:
        """Rows that are not empty, without escape codes."""
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())
        return [row.rstrip() for row in re.split(r"[\r\n]+", text) if row.strip()]


def open_terminal(monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> Terminal:
    terminal = Terminal()  # not in a fixture: pytest replaces stderr between set-up and test
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    return terminal


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("columns", [50, 80, 140])
def test_bar_fits_the_terminal_and_shows_count_and_time(
    columns: int, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    terminal = open_terminal(monkeypatch, columns)
    with Progress(name="step", speed_unit="images") as progress:
        progress.update(0, 20_000)
        clock.now += 2
        progress.update(10, 20_000, speed=126.5, scalars=LOSSES)
    last = terminal.rows[-1]
    assert len(last) <= columns
    assert "step  10/20000" in last and "1:06:38" in last
    assert ("126.5 images/s" in last) == (columns > 50)
    assert ("g_l1 0.389" in last) == (columns > 80)


def test_bar_keeps_one_row_per_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    with Progress("pairs") as progress:
        progress.stage("train", 5, 10)
        progress.stage("val", 10, 10)
        progress.print("[a note]")
    shown = terminal.rows
    assert shown[-2].startswith("train  5/10 pairs") and shown[-1].startswith("val  10/10 pairs")
    assert "[a note]" in shown


def test_transient_bar_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    with Progress("images", transient=True) as progress:
        progress(1, 2)
    assert terminal.getvalue().endswith("\x1b[2K")


def test_log_gets_a_line_every_few_seconds_and_a_last_one(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    with Progress("bytes") as progress:
        for done in range(0, 10_000_001, 100_000):
            progress.stage("fetching", done, 10_000_000)
            clock.now += 0.11
    assert lines(capsys) == [
        "fetching 4.6/10.0 MB  0.9 MB/s  0:06 left",
        "fetching 9.2/10.0 MB  0.9 MB/s  0:01 left",
        "fetching 10.0/10.0 MB  0.9 MB/s  0:00 left",
    ]


def test_log_line_of_a_training_has_losses_speed_and_hours(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    progress = Progress(name="step", speed_unit="images")
    progress.update(0, 20_000)
    clock.now += 10
    progress.update(20, 20_000, speed=126.54, scalars={"g_l1": 0.389, "tiny": 0.00012345})
    progress.close()
    assert lines(capsys) == ["step 20/20000  g_l1 0.389  tiny 0.0001234  126.5 images/s  2:46:30 left"]


def test_log_of_short_transient_work_stays_empty(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    with Progress("images", transient=True) as progress:
        progress(1, 1)
    assert lines(capsys) == []
    with Progress("images", transient=True) as progress:
        clock.now += 6
        progress(1, 2)
        progress(2, 2)
    assert lines(capsys) == ["1/2 images", "2/2 images  0:00 left"]


def test_time_left_follows_the_recent_speed(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    progress = Progress("images")
    for done in range(100):  # the first half takes 10 s an image, the second 1 s
        progress(done, 200)
        clock.now += 10 if done < 50 else 1
    clock.now += 5
    progress(100, 200)
    assert re.search(r"100/200 images  0\.8 images/s  2:00 left", lines(capsys)[-1])


def test_a_new_total_starts_the_estimate_again(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    progress = Progress()
    progress(5, 10)
    clock.now += 6
    progress(0, 1000)
    assert lines(capsys)[-1] == "0/1000"


def test_notebook_gets_one_updated_output_without_escape_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs: list[list[str]] = []

    class Handle:
        def __init__(self, content: dict[str, str]) -> None:
            outputs.append([content["text/plain"]])

        def update(self, content: dict[str, str], raw: bool) -> None:
            outputs[-1].append(content["text/plain"])

    def display(content: dict[str, str], raw: bool, display_id: bool) -> Handle:
        return Handle(content)

    fakes: dict[str, Any] = {"IPython": types.ModuleType("IPython"), "IPython.display": types.ModuleType("display")}
    fakes["IPython"].get_ipython = lambda: types.SimpleNamespace(kernel=object())
    fakes["IPython.display"].display = display
    for name, fake in fakes.items():
        monkeypatch.setitem(sys.modules, name, fake)
    with Progress("images") as progress:
        progress(1, 3)
        progress(2, 3)
        progress(3, 3)
    assert len(outputs) == 1 and outputs[0][0].startswith("1/3 images") and outputs[0][-1].startswith("3/3 images")
    assert not any("\x1b" in text or "\r" in text for text in outputs[0])


@pytest.mark.parametrize("terminal", [False, True])
def test_quiet_shows_nothing(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = open_terminal(monkeypatch) if terminal else None
    with Progress("images", quiet=True) as progress:
        progress(1, 1)
        progress.print("a note")
    assert (stream.getvalue() if stream else capsys.readouterr().err) == ""
