"""Placements: where in a photo the square of a crop lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Corner = tuple[float, float]

_SQUARE = 1e-3
"""Share of the side by which a corner may be off where it must be: landmarks and JSON have finite digits."""


@dataclass(frozen=True)
class Placement:
    """The square that a crop shows, in pixels of its photo; it may be turned, and reach over the photo's border."""

    quad: tuple[Corner, Corner, Corner, Corner]
    """Upper left, lower left, lower right and upper right corner of the crop: corners of its pixels, not their centres,
    so that the square over a whole photo of W x H pixels begins at (-0.5, -0.5) and ends at (W - 0.5, H - 0.5)."""

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

    @property
    def side(self) -> float:
        """Height and width of the square, pixels of the photo."""
        return math.dist(self.quad[0], self.quad[3])

    def to_plain(self) -> list[list[float]]:
        """For JSON: the corners as ``[x, y]``, in the order of ``quad``."""
        return [[float(x), float(y)] for x, y in self.quad]

    @classmethod
    def of_plain(cls, corners: Sequence[Sequence[float]]) -> Placement:
        """Undo ``to_plain``.

        Raises:
            ValueError, TypeError: these are no corners of a square.
        """
        upper_left, lower_left, lower_right, upper_right = ((float(x), float(y)) for x, y in corners)
        return cls((upper_left, lower_left, lower_right, upper_right))

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
        """x0, y0, x1, y1 of the upright rectangle around the square."""
        corners = np.array(self.quad)
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)


def _points(points: Any) -> np.ndarray:
    """As float64 ``(..., 2)``; an empty list, which has no second dimension, as ``(0, 2)``."""
    given = np.asarray(points, np.float64)
    return given if given.size or given.ndim > 1 else given.reshape(0, 2)
