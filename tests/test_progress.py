"""The terminal of a training run."""

from __future__ import annotations

import io
import sys

import pytest

from i2i.training.progress import TrainingBar

LOSSES = {"d_fake": 0.7, "d_real": 0.68, "g_gan": 0.689, "g_l1": 0.389}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    bar = TrainingBar(0, 20_000, quiet=False)
    bar.update(20_000, LOSSES, 126.5)
    bar.close()
    return stream.getvalue()


@pytest.mark.parametrize("columns", [50, 80, 140])
def test_a_narrow_terminal_still_shows_how_far_and_how_long(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    text = shown(monkeypatch, Terminal())
    assert "20000/20000" in text and "0:00:00" in text and "126.5 images/s" in text
    assert ("g_l1 0.389" in text) == (columns > 80)


def test_elsewhere_the_last_step_is_a_plain_line(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, io.StringIO())
    assert text == "step 20000/20000  d_fake 0.700  d_real 0.680  g_gan 0.689  g_l1 0.389  126.5 images/s  0:00 left\n"
