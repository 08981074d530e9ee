"""Options keep their names, types and defaults."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .groups import names


@pytest.mark.parametrize("name", names("options"))
def test_golden_options(name: str, unchanged: Callable[[str, str], None]) -> None:
    unchanged("options", name)
