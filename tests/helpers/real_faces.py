"""Frames of real people with 68 landmarks each, in the folder of real photos beside the project."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class RealFace:
    """A photo of one person."""

    file: Path
    """The photo."""
    person: str
    """Name of the person, which several photos may show."""
    landmarks: torch.Tensor
    """``(68, 2)`` x, y in pixels; (0, 0) is the centre of the upper left one."""


def real_faces(shared: Path, every: int = 1) -> Iterator[RealFace]:
    """Yield the photos of ``data/faces68`` by their names, or every n-th."""
    folder = shared / "data" / "faces68"
    with (folder / "landmarks.csv").open(newline="", encoding="utf-8") as stream:
        rows = sorted(list(csv.reader(stream))[1:])
    for name, *numbers in rows[::every]:
        # The published numbers count pixels from 1: two independent networks agree on that shift, of one pixel.
        points = torch.tensor([float(number) for number in numbers]).view(68, 2) - 1
        yield RealFace(folder / name, name.rsplit("_", 1)[0], points)
