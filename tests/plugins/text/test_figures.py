"""A prompt, on samples that nobody chose, raises its similarity, in fewer and longer steps than usual."""

from __future__ import annotations

import pytest

from research.demo.measures.edits import PROMPTS, worded
from research.demo.measures.samples import EvaluationSamples


@pytest.mark.usefixtures("one_thread")
def test_prompt_reaches_its_target_figures() -> None:
    figures = worded(EvaluationSamples(1, alone=True), prompts=PROMPTS[:1], steps=20, rate=0.15)
    assert [figure for figure in figures if figure.holds is False] == []
