"""Two processes that want the same file: one downloads it, the other waits and uses it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import i2i
from i2i.assets import datasets as fetching
from i2i.assets.datasets import fetch_dataset, record_checksum
from i2i.toolkit.files import hash_file
from tests.helpers.misbehaving import DATA, Server

BRING = """
import sys
from pathlib import Path
from i2i.assets.datasets import fetch_file as bring
print(bring(sys.argv[1], Path(sys.argv[2]), note=lambda text: print(text, flush=True)), flush=True)
"""


@pytest.fixture
def processes(tmp_path: Path, server: Server) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that bring ``DATA`` to the same file; the second is started once the first is being answered."""
    server.stalls = [len(DATA) // 2]
    started: list[subprocess.Popen[str]] = []
    for number in range(2):
        command = [sys.executable, "-c", BRING, server.url(), str(tmp_path / "data.bin")]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}))
        while number == 0 and not server.asked:
            assert started[0].poll() is None
            time.sleep(0.01)
    assert line(started[1]) == f"Waiting for another process that downloads {tmp_path / 'data.bin'}."
    yield started
    for process in started:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


def test_the_second_process_uses_the_file_of_the_first(
    processes: list[subprocess.Popen[str]], server: Server, tmp_path: Path
) -> None:
    server.go.set()
    assert line(processes[1]) == f"Using {tmp_path / 'data.bin'}, which is there already."
    assert line(processes[0]) == line(processes[1]) == hash_file(tmp_path / "data.bin")
    assert len(server.asked) == 1 and (tmp_path / "data.bin").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin"]


def test_the_second_process_resumes_what_a_killed_one_left(
    processes: list[subprocess.Popen[str]], server: Server, tmp_path: Path
) -> None:
    part = tmp_path / "data.bin.part"
    while not (part.exists() and part.stat().st_size):
        time.sleep(0.01)
    processes[0].kill()
    assert line(processes[1]) == hash_file(tmp_path / "data.bin")
    first, second = server.asked
    assert first[1] is None and second[1] is not None and int(second[1].removeprefix("bytes=").rstrip("-")) > 0
    assert (tmp_path / "data.bin").read_bytes() == DATA


def test_a_dataset_is_fetched_once_for_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads stand for processes here: each has a lock of its own."""
    installs, both = [], threading.Event()

    class Tiny(i2i.Dataset):
        name = "tiny"
        summary = "A dataset for tests."
        archive = i2i.Archive("https://example.invalid/tiny.zip")

    def install(dataset: object, archive: object, file: object, folder: Path, *_: object) -> None:
        installs.append(folder)
        assert both.wait(30), "the other one waits"
        (folder / "train").mkdir(parents=True)

    monkeypatch.setattr(fetching, "fetch_file", lambda *_, **__: "0" * 64)
    monkeypatch.setattr(fetching, "_install", install)
    monkeypatch.setattr(fetching, "count_pairs", lambda *_: {"train": 1})
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        if text.startswith("Waiting"):
            both.set()

    threads = [threading.Thread(target=fetch_dataset, args=(Tiny(), tmp_path, None, note)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert installs == [tmp_path / "tiny"] and notes[0] == "Waiting for another process that downloads tiny."
    assert f"tiny is there already, in {tmp_path / 'tiny'}." in notes


def test_records_of_two_are_both_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    read, sums = threading.Barrier(2), fetching._sums

    def slow() -> dict[str, str]:
        found = sums()
        with contextlib.suppress(threading.BrokenBarrierError):
            read.wait(0.5)  # without a lock both read before either writes
        return found

    monkeypatch.setattr(fetching, "_sums", slow)
    threads = [threading.Thread(target=record_checksum, args=(f"https://{name}", name)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sums() == {"https://a": "a", "https://b": "b"}
