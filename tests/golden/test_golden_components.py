"""The built-in generator, extractors, metrics and synthetic datasets compute what is recorded."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .groups import names


@pytest.mark.parametrize("name", names("components"))
def test_golden_component(name: str, unchanged: Callable[[str, str], None]) -> None:
    unchanged("components", name)
