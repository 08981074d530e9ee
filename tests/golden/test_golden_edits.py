"""Every editor, with each of its presets and methods, edits as recorded."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .groups import names


@pytest.mark.parametrize("name", names("edits"))
def test_golden_edit(name: str, unchanged: Callable[[str, str], None]) -> None:
    unchanged("edits", name)
