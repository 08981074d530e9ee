"""Recipes, latent codes, directions and runs of version 0.1 still work."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .groups import names


@pytest.mark.parametrize("name", names("version_0_1"))
def test_golden_version_0_1(name: str, unchanged: Callable[[str, str], None]) -> None:
    unchanged("version_0_1", name)
