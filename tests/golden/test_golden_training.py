"""Training runs end with the recorded weights and losses, also where they were stopped and resumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from .groups import names, require_same
from .recording import load, summarise
from .training_cases import CASES, observe, results, resumed
from .workspace import Workspace


@pytest.mark.parametrize("name", names("training"))
def test_golden_training(name: str, unchanged: Callable[[str, str], None]) -> None:
    unchanged("training", name)


def test_golden_training_resumed(workspace: Workspace) -> None:
    """A run of 20 steps that was ended at 10 and resumed is the run of 20 steps, bit by bit on every machine."""
    case, record = CASES["pix2pix"], load("training")["pix2pix"]
    run = resumed(case, workspace, first=10)
    found = {name: summarise(value) for name, value in results(run).items()}
    # The validation at the end of the first half is one more than in a run that was never stopped.
    found["log"]["values"]["val/l1"] = found["log"]["values"]["val/l1"][1:]
    require_same("training", "pix2pix", record, found)
    whole = {name: summarise(value) for name, value in observe(case, workspace).items()}
    assert [name for name in found.keys() | whole.keys() if found.get(name) != whole.get(name)] == []


def test_golden_training_a_changed_option_is_noticed(workspace: Workspace) -> None:
    record = load("training")["stylegan2"]
    case = replace(CASES["stylegan2"], options={**CASES["stylegan2"].options, "rate": 0.003})
    found = {name: summarise(value) for name, value in observe(case, workspace).items()}
    with pytest.raises(
        AssertionError, match=r"not as recorded[\s\S]*python -m tests\.golden\.record training/stylegan2"
    ):
        require_same("training", "stylegan2", record, found)


def test_golden_training_every_trainer_has_a_case(workspace: Workspace) -> None:
    missing = set(workspace.registry.all("trainer")) - {case.trainer for case in CASES.values()}
    assert not missing, f"add a case of {', '.join(sorted(missing))} to tests/golden/training_cases.py and record it"
