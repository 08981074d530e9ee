"""A small set of pairs that can be learnt, and a training so small that a step takes milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import i2i
from tests.helpers import small_training

SMALL = {**small_training.SMALL, "quiet": True}


@pytest.fixture(autouse=True)
def calm(one_thread: None) -> None:
    """All of these train on a few small pictures."""


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A|B pictures: A a disc on grey, B its negative in colour; 6 to train on, 3 to validate."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 3)):
        (tmp_path / "set" / split).mkdir(parents=True)
        for number in range(count):
            y, x = np.mgrid[:36, :36]
            disc = np.hypot(y - rng.integers(8, 28), x - rng.integers(8, 28)) < rng.integers(5, 12)
            a = np.where(disc[..., None], 230, rng.integers(40, 120, 3)).astype(np.uint8)
            b = (255 - a) * np.array([1, 0.8, 0.5])
            both = np.concatenate([a, b.astype(np.uint8)], axis=1)
            Image.fromarray(both).save(tmp_path / "set" / split / f"{number}.png")
    return tmp_path / "set"


@pytest.fixture
def small(pairs: Path, tmp_path: Path):
    """``small(out, **options)``: train on the pairs, with whatever options."""

    def train(out: str, **options: Any):
        given = {**SMALL, "dataset": "folder", "data_root": str(pairs), "steps": 6, **options}
        return i2i.train("pix2pix", out=tmp_path / out, **given)

    return train
