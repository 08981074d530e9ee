"""Samples: the files and values that belong together in a dataset, unread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Sample:
    """One sample of a dataset: files and values by the names of the dataset's fields."""

    name: str
    """What to call it in sample grids and reports."""
    files: Mapping[str, Path]
    """The image file of each field. Fields that share one file are its columns, of equal width, from left to right."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """The numbers of each field of kind `value`: a float or an array of equal shape in all samples."""


class Pair(Sample):
    """A sample of the two images "A" and "B"."""

    def __init__(self, name: str, a: Path, b: Path | None = None) -> None:
        """Name the two files; without `b` the file `a` holds A on its left half and B on its right."""
        super().__init__(name, {"A": a, "B": a if b is None else b})

    @property
    def a(self) -> Path:
        """The file of A."""
        return self.files["A"]

    @property
    def b(self) -> Path | None:
        """The file of B; None if A and B share one file."""
        return None if self.files["B"] == self.files["A"] else self.files["B"]
