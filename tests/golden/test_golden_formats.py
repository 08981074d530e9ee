"""The files of edits and runs hold the recorded fields."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .groups import names


@pytest.mark.parametrize("name", names("formats"))
def test_golden_format(name: str, unchanged: Callable[[str, str], None]) -> None:
    unchanged("formats", name)
