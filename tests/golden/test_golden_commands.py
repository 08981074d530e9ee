"""Commands print and write what is recorded."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .groups import names


@pytest.mark.parametrize("name", names("commands"))
def test_golden_command(name: str, unchanged: Callable[[str, str], None]) -> None:
    unchanged("commands", name)
