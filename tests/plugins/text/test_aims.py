"""Prompts on samples that nobody chose raise their similarity, in fewer and longer steps than usual."""

from __future__ import annotations

import pytest

from i2i_plugins.demo.measuring.bench import Bench
from i2i_plugins.demo.measuring.edits import worded


@pytest.mark.usefixtures("one_thread")
def test_prompts_reach_their_aims() -> None:
    figures = worded(Bench(1, alone=True), steps=20, rate=0.15)
    assert [figure for figure in figures if figure.holds is False] == []
