"""Fixtures of the golden tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from .groups import require_unchanged
from .workspace import Workspace, fixed_surroundings


@pytest.fixture(scope="session")
def session_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The workspace of all golden tests, so that networks are trained once."""
    with fixed_surroundings():
        return Workspace(tmp_path_factory.mktemp("golden"))


@pytest.fixture
def workspace(session_workspace: Workspace) -> Iterator[Workspace]:
    """The workspace, while i2i computes with one thread and loads its own plugins alone."""
    with fixed_surroundings():
        yield session_workspace


@pytest.fixture
def unchanged(workspace: Workspace) -> Callable[[str, str], None]:
    """``unchanged(group, name)``: require that a golden case is as recorded."""
    return partial(_require, workspace)


def _require(workspace: Workspace, group: str, name: str) -> None:
    require_unchanged(group, name, workspace)
