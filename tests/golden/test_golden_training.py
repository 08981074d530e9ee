"""Training runs end with the recorded weights and losses, also where they were stopped and resumed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import i2i

from .groups import names, require_same
from .recording import load, summarise
from .training_cases import results
from .workspace import RUNS, Workspace


@pytest.mark.parametrize("name", names("training"))
def test_golden_training(name: str, unchanged: Callable[[str, str], None]) -> None:
    unchanged("training", name)


def test_golden_training_resumed(workspace: Workspace) -> None:
    """A run of 20 steps that was ended at 10 and resumed is the run of 20 steps, bit by bit on every machine."""
    trainer, settings = workspace.settings("pix2pix")
    out = workspace.new_folder()
    i2i.train(trainer, out=out, **{**settings, "steps": 10})
    i2i.train(trainer, resume=out, steps=settings["steps"], quiet=True, registry=workspace.registry)
    found = {name: summarise(value) for name, value in results(out).items()}
    # The validation at the end of the first half is one more than in a run that was never stopped.
    found["log"]["values"]["val/l1"] = found["log"]["values"]["val/l1"][1:]
    require_same("training", "pix2pix", load("training")["pix2pix"], found)
    whole = {name: summarise(value) for name, value in results(workspace.run("pix2pix")).items()}
    assert [name for name in found.keys() | whole.keys() if found.get(name) != whole.get(name)] == []


def test_golden_training_every_trainer_has_a_case(workspace: Workspace) -> None:
    missing = set(workspace.registry.all("trainer")) - {str(run["trainer"]) for run in RUNS.values()}
    assert not missing, f"add a run of {', '.join(sorted(missing))} to RUNS of tests/golden/workspace.py and record it"
