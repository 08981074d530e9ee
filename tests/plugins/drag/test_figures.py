"""Every preset does what it is for, on samples that nobody chose, in fewer steps than it may take."""

from __future__ import annotations

import pytest

from research.demo.measures.drags import TASKS, Task, cases, judged
from research.demo.measures.samples import EvaluationSamples

STEPS = 24
"""Of the usual 100: on all but a few pictures enough for the aims, if not for the last handle."""


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.preset)
def test_preset_reaches_its_target_figures(task: Task) -> None:
    figures = judged(task, cases(EvaluationSamples(1, alone=True), task, steps=STEPS))
    assert not [figure.name for figure in figures if figure.holds is False], figures
