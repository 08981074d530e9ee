"""Datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import i2i

from .faults import Faulty, misbehave


class Broken(i2i.Dataset):
    """Synthetic pairs, and real ones that are not there."""

    name = "broken-dataset"
    summary = "Misbehaves as its options say."
    drawn = {"train": 2, "val": 1}

    class Options(Faulty):
        """As of all broken things."""

    def __init__(self, options: Any) -> None:
        self.options = options
        misbehave(options, "__init__", None)

    def samples(self, root: Path, split: str) -> Any:
        if self.options.at == "samples" and self.options.how == "lost":
            return [i2i.Sample("lost", dict.fromkeys(("A", "B"), root / "lost.png"))]
        return misbehave(self.options, "samples", None)

    def unpaired(self, root: Path, split: str) -> Any:
        if self.options.at == "unpaired" and self.options.how in ("lost", "strings"):
            listed = [root / "lost.png"] if self.options.how == "lost" else [str(root / "lost.png")]
            return dict.fromkeys(("A", "B"), listed)
        return misbehave(self.options, "unpaired", None)

    def draw(self, rng: Any, size: int) -> Any:
        good = np.zeros((size, size, 3), np.uint8)
        if self.options.at == "draw" and self.options.how in ("half", "float", "one"):
            return {"half": (good[:1], good), "float": (good / 2, good), "one": (good,)}[self.options.how]
        return misbehave(self.options, "draw", (good, good))


class Pairs(i2i.Dataset):
    """Lists pairs, for the default ``samples``."""

    name = "broken-pairs"
    summary = "Misbehaves as its options say."

    class Options(Faulty):
        """As of all broken things."""

    def __init__(self, options: Any) -> None:
        self.options = options

    def pairs(self, root: Path, split: str) -> Any:
        return misbehave(self.options, "pairs", None)


class Undrawn(i2i.Dataset):
    """Promises a synthetic sample and draws none."""

    name = "broken-undrawn"
    summary = "Has no draw."
    drawn = {"train": 2}


class Fields(i2i.Dataset):
    """Fields that are no fields."""

    name = "broken-fields"
    summary = "Has no fields."
    fields = ("A", "B")  # type: ignore[assignment]
    drawn = {"train": "many"}  # type: ignore[dict-item]


@i2i.hookimpl
def register_datasets(register: i2i.Register) -> None:
    """Register the datasets."""
    for thing in (Broken, Pairs, Undrawn, Fields):
        register(thing)
