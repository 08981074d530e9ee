"""Locks between processes: one works, the others wait, and a dead process holds nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from i2i.toolkit.locks import file_lock

HOLD = """
import sys
from pathlib import Path
from i2i.toolkit.locks import file_lock as locked
with locked(Path(sys.argv[1])) as held:
    print(held, flush=True)
    sys.stdin.readline()
    Path(sys.argv[1]).write_text("made")
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of ``path`` until it reads a line, and then makes the file."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "True\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_waits_for_the_result_of_the_first(tmp_path: Path) -> None:
    file, told = tmp_path / "result", []
    with holder(file) as process:

        def waiting() -> None:
            told.append(file.exists())
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()

        with file_lock(file, waiting=waiting) as held:
            assert held and file.read_text() == "made"
    assert told == [False], "told once, before the wait"


def test_a_killed_process_releases_its_lock(tmp_path: Path) -> None:
    with holder(tmp_path / "result") as process, file_lock(tmp_path / "result", waiting=process.kill) as held:
        assert held and not (tmp_path / "result").exists()


def test_a_wait_can_be_stopped(tmp_path: Path) -> None:
    answers = iter([False, True])
    with holder(tmp_path / "result"), file_lock(tmp_path / "result", stop=lambda: next(answers)) as held:
        assert not held


def test_other_paths_are_not_locked(tmp_path: Path) -> None:
    with holder(tmp_path / "result"), file_lock(tmp_path / "other", stop=lambda: True) as held:
        assert held


def test_the_lock_is_released_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), file_lock(tmp_path / "result"):
        raise ZeroDivisionError
    with file_lock(tmp_path / "result", stop=lambda: True) as held:
        assert held


def test_an_error_of_the_body_is_not_taken_for_one_of_the_lock(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk"), file_lock(tmp_path / "result"):
        raise OSError("disk")


def test_without_a_writable_home_the_body_runs_unlocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("I2I_HOME", str(tmp_path / "file" / "home"))
    with file_lock(tmp_path / "result") as held:
        assert not held


def test_threads_wait_for_each_other_too(tmp_path: Path) -> None:
    order, waits = [], threading.Event()

    def second() -> None:
        with file_lock(tmp_path / "result", waiting=waits.set):
            order.append("second")

    with file_lock(tmp_path / "result"):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(30)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]
