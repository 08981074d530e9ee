"""Swaps of pairs that nobody chose close the gap between identities and leave the rest, in fewer and longer steps."""

from __future__ import annotations

import pytest

from research.demo.measures.edits import swapped
from research.demo.measures.samples import EvaluationSamples


@pytest.mark.usefixtures("one_thread")
def test_swap_reaches_its_target_figures() -> None:
    figures = swapped(EvaluationSamples(1, alone=True), steps=26, rate=0.05)
    assert [figure for figure in figures if figure.holds is False] == []
