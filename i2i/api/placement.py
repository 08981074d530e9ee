"""Placements: where in a photo the square of a crop lies, and which part of the square shows the photo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Corner = tuple[float, float]

_SQUARE = 1e-3
"""Share of the side by which a corner may be off where it must be: landmarks and JSON have finite digits."""


def content_fractions(aspect_ratio: tuple[int, int]) -> tuple[float, float]:
    """Return the fractions of the width and of the height of a square that content of this aspect ratio takes."""
    width, height = aspect_ratio
    return min(1.0, width / height), min(1.0, height / width)


def content_box(aspect_ratio: tuple[int, int], size: int) -> tuple[int, int, int, int]:
    """Return x0, y0, x1, y1 of the content in a square image of ``size`` px; x1 and y1 are not part of it."""
    width, height = (max(1, round(fraction * size)) for fraction in content_fractions(aspect_ratio))
    x, y = (size - width) // 2, (size - height) // 2
    return x, y, x + width, y + height


@dataclass(frozen=True)
class Placement:
    """The square that a crop shows, in pixels of its photo; it may be turned, and reach over the photo's border.

    The crop of a generator whose images have black bars is such a square too. Its content, a centred rectangle, shows
    the photo; the rest is black, whatever lies there in the photo.
    """

    quad: tuple[Corner, Corner, Corner, Corner]
    """Upper left, lower left, lower right and upper right corner of the crop: corners of its pixels, not their centres,
    so that the square over a whole photo of W x H pixels begins at (-0.5, -0.5) and ends at (W - 0.5, H - 0.5)."""
    aspect_ratio: tuple[int, int] = (1, 1)
    """Width and height of the content as a ratio, as ``Model.aspect_ratio``; ``(1, 1)`` for a crop without bars."""

    def __post_init__(self) -> None:
        corners = np.array(self.quad, np.float64)
        if corners.shape != (4, 2) or not np.isfinite(corners).all():
            raise ValueError(f"a placement is four corners (x, y), got {self.quad}")
        down, across = corners[1] - corners[0], corners[3] - corners[0]
        off = max(np.abs(corners[0] + down + across - corners[2]).max(), np.abs(down - (-across[1], across[0])).max())
        if not math.hypot(*across) > 0 or off > _SQUARE * math.hypot(*across):
            raise ValueError(
                "the corners of a placement are those of a square: upper left, lower left, lower right, upper right; "
                f"got {self.quad}"
            )
        if len(self.aspect_ratio) != 2 or not all(type(side) is int and side > 0 for side in self.aspect_ratio):
            raise ValueError(f"the aspect ratio of a placement is two positive integers, got {self.aspect_ratio}")

    @property
    def side(self) -> float:
        """Height and width of the square, pixels of the photo."""
        return math.dist(self.quad[0], self.quad[3])

    @property
    def content(self) -> tuple[Corner, Corner, Corner, Corner]:
        """Corners of the content in the order of ``quad``, which they are for a crop without bars."""
        if self.aspect_ratio[0] == self.aspect_ratio[1]:
            return self.quad
        corners = np.array(self.quad, np.float64)
        middle = corners.mean(axis=0)
        across, down = (
            fraction * (corners[end] - corners[0]) / 2
            for fraction, end in zip(content_fractions(self.aspect_ratio), (3, 1), strict=True)
        )
        ends = (middle - across - down, middle - across + down, middle + across + down, middle + across - down)
        upper_left, lower_left, lower_right, upper_right = ((float(x), float(y)) for x, y in ends)
        return upper_left, lower_left, lower_right, upper_right

    def content_box(self, size: int) -> tuple[int, int, int, int]:
        """Return x0, y0, x1, y1 of the content in a crop of ``size`` px; x1 and y1 are not part of it."""
        return content_box(self.aspect_ratio, size)

    def to_plain(self) -> list[list[float]]:
        """For JSON: the corners as ``[x, y]``, in the order of ``quad``."""
        return [[float(x), float(y)] for x, y in self.quad]

    @classmethod
    def of_plain(cls, corners: Sequence[Sequence[float]], aspect_ratio: tuple[int, int] = (1, 1)) -> Placement:
        """Undo ``to_plain``, which does not hold the aspect ratio.

        Raises:
            ValueError, TypeError: these are no corners of a square.
        """
        upper_left, lower_left, lower_right, upper_right = ((float(x), float(y)) for x, y in corners)
        return cls((upper_left, lower_left, lower_right, upper_right), aspect_ratio)

    def matrix(self, size: int) -> np.ndarray:
        """Return the matrix ``(2, 3)`` from a crop of ``size`` px to the photo: photo = matrix @ (x, y, 1)."""
        corner, down, _, across = np.array(self.quad, np.float64)
        x, y = (across - corner) / size, (down - corner) / size
        return np.stack([x, y, corner + x / 2 + y / 2], axis=1)

    def to_photo(self, points: Any, size: int) -> np.ndarray:
        """Points ``(..., 2)`` of a crop of ``size`` x ``size`` pixels -> of the photo, float64; none as ``(0, 2)``."""
        matrix = self.matrix(size)
        return np.asarray(_points(points) @ matrix[:, :2].T + matrix[:, 2])

    def to_crop(self, points: Any, size: int) -> np.ndarray:
        """Points ``(..., 2)`` of the photo -> of a crop of ``size`` x ``size`` pixels, float64; none as ``(0, 2)``."""
        matrix = self.matrix(size)
        return np.asarray((_points(points) - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)

    def bounds(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of the upright rectangle around the content, which is the square where there are no bars."""
        corners = np.array(self.content)
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)


def _points(points: Any) -> np.ndarray:
    """As float64 ``(..., 2)``; an empty list, which has no second dimension, as ``(0, 2)``."""
    given = np.asarray(points, np.float64)
    return given if given.size or given.ndim > 1 else given.reshape(0, 2)
