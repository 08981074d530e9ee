"""A worker for the tests of this folder, and a listener that keeps events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

import i2i
from i2i.ui.events import FINAL, Event, Failed
from i2i.ui.worker import Worker

from .runs import SMALL, write_pairs

E = TypeVar("E", bound=Event)
SECONDS = 120.0


class EventLog:
    """Keeps the events of one job."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.times: list[float] = []
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self.times.append(time.monotonic())
            self._changed.notify_all()

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def until(self, found: Callable[[Event], bool]) -> Event:
        """Wait for an event and return it; fail where the job ends without it."""
        end = time.monotonic() + SECONDS
        with self._changed:
            while True:
                match = next((event for event in self.events if found(event)), None)
                if match is not None:
                    return match
                assert not any(isinstance(event, FINAL) for event in self.events), self.events
                assert self._changed.wait(end - time.monotonic()), self.events

    def wait_for(self, kind: type[E]) -> E:
        """Wait for an event of a class, or the end."""
        event = self.until(lambda event: isinstance(event, (kind, Failed)))
        assert isinstance(event, kind), event
        return event

    def end(self) -> Event:
        """Wait for the last event."""
        return self.until(lambda event: isinstance(event, FINAL))


@pytest.fixture(scope="session")
def shared_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One process for all tests that do not end it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("I2I_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("OMP_NUM_THREADS", "1")
        worker = Worker("cpu")
        worker.start()
        yield worker
        worker.close()


@pytest.fixture
def worker(shared_worker: Worker) -> Iterator[Worker]:
    """The shared worker, idle before and after each test."""
    yield shared_worker
    for ticket in shared_worker.cancel_owner(""):
        assert ticket.wait(10)


SLOW = '''
import time
from pathlib import Path

import torch
from pydantic import Field

import i2i


class Slow(i2i.Editor):
    """Takes its time; stops when asked, or not at all."""

    name = "slow"
    summary = "Waits."
    wants = "crops"

    class Options(i2i.Options):
        seconds: float = Field(30.0, description="How long")
        obedient: bool = Field(True, description="Whether it stops")
        shown: int = Field(0, description="Number of frames")
        says: str = Field("", description="Raised")

    def edit(self, scene, options):
        print("this must not be seen", flush=True)
        scene.progress(1, 10)
        for number in range(options.shown):
            scene.live.show(0, torch.full((1, 1, 8, 8), number / options.shown), torch.tensor([[float(number), 2.0]]))
        scene.note("it waits")
        if options.says:
            raise RuntimeError(options.says)
        end = time.monotonic() + options.seconds
        while time.monotonic() < end and not (options.obedient and scene.cancelled):
            time.sleep(0.02)
        return i2i.Result(scene.photos["image"].pixels)
'''


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that defines an editor which takes its time."""
    path = tmp_path_factory.mktemp("plugins") / "slow.py"
    path.write_text(SLOW, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two steps on pairs of label maps and photos."""
    folder = tmp_path_factory.mktemp("small")
    pairs = write_pairs(folder / "pairs")
    options = {**SMALL, "dataset": "folder", "data_root": str(pairs), "steps": 2, "quiet": True}
    return i2i.train("pix2pix", out=folder / "small", **options).folder
