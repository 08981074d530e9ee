"""The run of made_run.py and a registry that knows its trainer and set."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import i2i
from i2i.registry import Plugin, find_plugins
from tests.helpers.made_run import SIZE, MadeRun, give_datasets, give_trainers


@pytest.fixture
def registry() -> i2i.Registry:
    module = ModuleType("made")
    module.register_trainers = i2i.hookimpl(give_trainers)  # type: ignore[attr-defined]
    module.register_datasets = i2i.hookimpl(give_datasets)  # type: ignore[attr-defined]
    return i2i.Registry([Plugin("made", "made", "1", module), *find_plugins(["metrics", "perceptual"])])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MadeRun:
    folder = tmp_path / "run"
    folder.mkdir()
    wanted = {"dataset": "ramps", "data_root": None, "direction": "AtoB", "size": SIZE, "seed": 0, "source": "drawn"}
    made = MadeRun(folder, {"trainer": "mirror", "run": wanted, "options": {"gain": 1.0}})
    monkeypatch.setattr("i2i.training.runs.open_run", lambda path: made)
    return made
