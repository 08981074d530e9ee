"""Callbacks of a training: what they receive, in which order, and what happens when one fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import i2i
from i2i.callbacks import choose_callbacks
from tests.training.conftest import SMALL
from tests.training.test_fields import made_registry


class Recorder(i2i.Callback):
    name = "recorder"
    summary = "Keeps what it receives."
    events: ClassVar[list[tuple[Any, ...]]] = []

    def run_begins(self, folder: Path, options: Any, step: int, total: int) -> None:
        self.events.append(("run_begins", folder.name, options["trainer"], step, total))

    def losses(self, step: int, epoch: float, values: Any, images_per_second: float) -> None:
        assert images_per_second > 0
        self.events.append(("losses", step, sorted(values)))

    def samples(self, step: int, split: str, image: np.ndarray, path: Path) -> None:
        assert image.dtype == np.uint8 and path.is_file()
        self.events.append(("samples", step, split))

    def validation(self, step: int, epoch: float, values: Any) -> None:
        self.events.append(("validation", step, sorted(values)))

    def checkpoint(self, step: int, path: Path, best: bool) -> None:
        assert path.is_file()
        self.events.append(("checkpoint", step, best))

    def run_ends(self, summary: Any) -> None:
        self.events.append(("run_ends", summary["status"]))


class Failing(i2i.Callback):
    name = "failing"
    summary = "Fails at its second step."
    default = True
    calls: ClassVar[list[int]] = []

    def losses(self, step: int, epoch: float, values: Any, images_per_second: float) -> None:
        self.calls.append(step)
        if step == 2:
            raise SystemExit("enough")


@pytest.fixture
def registry() -> i2i.Registry:
    from i2i_plugins.pix2pix.trainer import Pix2Pix

    Recorder.events.clear()
    Failing.calls.clear()
    return made_registry(callbacks=(Recorder, Failing), trainers=(Pix2Pix,))


def train(registry: i2i.Registry, pairs: Path, out: Path, **options: Any) -> i2i.Run:
    given = {**SMALL, "dataset": "folder", "data_root": str(pairs), "steps": 3, **options}
    return i2i.train("pix2pix", out=out, registry=registry, **given)


def test_events_come_in_order(registry: i2i.Registry, pairs: Path, tmp_path: Path) -> None:
    train(registry, pairs, tmp_path / "run", callbacks="recorder", checkpoint_every=2, validate_every=3, sample_every=3)
    names = ["d_fake", "d_real", "g_gan", "g_l1"]
    assert Recorder.events == [
        ("run_begins", "run", "pix2pix", 0, 3),
        ("losses", 1, names),
        ("losses", 2, names),
        ("checkpoint", 2, False),
        ("losses", 3, names),
        ("samples", 3, "train"),
        ("samples", 3, "val"),
        ("validation", 3, ["l1"]),
        ("checkpoint", 3, True),
        ("run_ends", "done"),
    ]
    assert not (tmp_path / "run" / "tb").exists(), "only those that are named are called"


def test_one_that_fails_is_named_once_and_dropped(
    registry: i2i.Registry, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(registry, pairs, tmp_path / "run")
    said = capsys.readouterr().err
    assert said.count("the callback 'failing' of toys 1 failed in losses and is dropped: SystemExit: enough") == 1
    assert Failing.calls == [1, 2] and run.summary()["status"] == "done"
    assert list((run.folder / "tb").glob("events*")), "tensorboard is called by default"


def test_a_resumed_run_may_have_other_callbacks(registry: i2i.Registry, pairs: Path, tmp_path: Path) -> None:
    run = train(registry, pairs, tmp_path / "run", callbacks="none")
    assert not Recorder.events and not Failing.calls
    i2i.train("pix2pix", resume=run.folder, steps=4, callbacks="recorder", registry=registry, quiet=True)
    assert Recorder.events[0] == ("run_begins", "run", "pix2pix", 3, 4)


def test_unknown_names_are_refused(registry: i2i.Registry) -> None:
    with pytest.raises(i2i.UsageError, match=r"no callback called 'recordr'.*Did you mean 'recorder'"):
        choose_callbacks(registry, "recordr")
