"""Faces made for tests: white squares on black, and a finder that finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from pydantic import Field

import i2i


def face(left: float, top: float, side: float, score: float = 1.0) -> i2i.Face:
    """A square face, its landmarks spread evenly over it."""
    line = torch.linspace(0, 1, 68)
    points = torch.stack([left + side * line, top + side * line.flip(0)], dim=1)
    return i2i.Face((left, top, left + side, top + side), points, score)


class Squares(i2i.Extractor):
    """Every white square of a picture is a face, the lowest first; its score is the share of the picture it covers."""

    name = "squares"
    summary = "White squares."
    role = "landmarks"
    domain = "faces"

    def __init__(self, device: i2i.Device) -> None:
        self.device = device

    def find(self, picture: torch.Tensor) -> list[i2i.Face]:
        white = (picture[0, 0] > 0).numpy().astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(white)
        rows = sorted(stats[1:].tolist(), key=lambda row: -row[1])
        return [face(x, y, side - 1, area / white.size) for x, y, side, _, area in rows]


class Shifted(Squares):
    """``Squares`` whose faces are moved to the right by an option."""

    name = "squares-shifted"
    summary = "White squares, moved."

    class Options(i2i.Options):
        pixels: int = Field(0, description="Distance to the right")

    def __init__(self, device: i2i.Device, options: Options) -> None:
        super().__init__(device)
        self.options = options

    def find(self, picture: torch.Tensor) -> list[i2i.Face]:
        x = self.options.pixels
        found = super().find(picture)
        return [face(each.box[0] + x, each.box[1], each.box[2] - each.box[0], each.score) for each in found]


class CropsOnly(i2i.Extractor):
    name = "crops-only"
    summary = "Landmarks of crops."
    role = "landmarks"
    domain = "synthetic faces"

    def __init__(self, device: i2i.Device) -> None:
        """Nothing to load."""


def photo(path: Path, *squares: tuple[int, int, int], size: tuple[int, int] = (120, 80)) -> Path:
    """Save a black picture with white squares (left, top, side); ``size`` is width and height."""
    pixels: Any = np.zeros((size[1], size[0], 3), np.uint8)
    for left, top, side in squares:
        pixels[top : top + side, left : left + side] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path
