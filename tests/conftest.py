"""What the tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def own_home(i2i_home: Path) -> Path:
    """Give every test a user's folder of its own: the fixture of ``i2i.testing``."""
    return i2i_home


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photos and large weight files that lies beside the project, for developers and CI."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("the folder 'shared' beside the project is missing, and CI needs it")
        pytest.skip("needs the folder 'shared' beside the project")
    return folder


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of recorded outputs of reference networks, and of ``weights.py``, which fills ours in the same way."""
    return ROOT / "tests" / "golden" / "reference"


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small tensors: more threads only wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
