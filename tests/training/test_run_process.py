"""The record of the process that trains a run."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

import i2i
from i2i.training import run_process
from i2i.training.run_process import PROCESS, recorded_process, training_process


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("I2I_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(run_process, "_PATIENCE", 0.1)


def test_process_is_recorded_while_it_trains(small, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []
    step = i2i.load_registry().get("trainer", "pix2pix").step

    def watch(self, batch):
        seen.append(training_process(tmp_path / "run"))
        return step(self, batch)

    monkeypatch.setattr(i2i.load_registry().get("trainer", "pix2pix"), "step", watch)
    run = small("run", steps=1)
    assert seen == [os.getpid()] and training_process(run.folder) is None
    assert not (run.folder / PROCESS).exists()


def test_second_process_is_refused(small) -> None:
    run = small("run", steps=1)
    with recorded_process(run.folder):
        with pytest.raises(i2i.I2IError, match=f"is being trained already, by process {os.getpid()}"):
            i2i.train("pix2pix", resume=run.folder, steps=2, quiet=True)
        assert training_process(run.folder) == os.getpid()
    i2i.train("pix2pix", resume=run.folder, steps=2, quiet=True)


@pytest.mark.parametrize(
    "record",
    [{"pid": os.getpid(), "host": socket.gethostname()}, {"pid": 1, "host": "elsewhere"}, {"pid": "x"}, []],
)
def test_record_of_a_crash_means_nothing(record: object, tmp_path: Path) -> None:
    (tmp_path / PROCESS).write_text(json.dumps(record), encoding="utf-8")
    assert training_process(tmp_path) is None
    with recorded_process(tmp_path):
        assert training_process(tmp_path) == os.getpid()
