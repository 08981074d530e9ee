"""Faces for the tests, each drawn once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

Make = Callable[..., np.ndarray]
Render = Callable[..., Any]


@pytest.fixture(scope="session")
def faces() -> Any:
    """The set."""
    from i2i_datasets.faces.dataset import Faces

    return Faces()


@pytest.fixture(scope="session")
def made(faces: Any) -> Make:
    """``made(yaw=1, smile=-1)``: values of the face in the middle of all, but for the named ones."""

    def make(**changes: float) -> np.ndarray:
        values = np.zeros(len(faces.names))
        for name, value in changes.items():
            values[faces.names.index(name)] = value
        return values

    return make


@pytest.fixture(scope="session")
def drawn(faces: Any) -> Render:
    """``drawn(seed, size)``: a face by its seed."""
    return cache(lambda seed, size=64: faces.render(faces.values(seed), size))


@pytest.fixture(scope="session")
def shown(faces: Any, made: Make) -> Render:
    """``shown(size, yaw=1, smile=-1)``: the face in the middle of all, but for the named values."""
    return cache(lambda size, **changes: faces.render(made(**changes), size))
