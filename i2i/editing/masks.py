"""Where a pasted crop shows in its photo, and how much: fading at its edges and where its photo ends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from ..api.placement import Placement
from ..toolkit.faces.alignment import Surroundings

FEATHER = 0.1
"""Share of the crop's side over which it fades into the photo."""

Box: TypeAlias = tuple[int, int, int, int]
"""x0, y0, x1, y1 of pixels, x1 and y1 not among them."""


def feather_mask(placement: Placement, height: int, width: int, feather: float = FEATHER) -> np.ndarray:
    """How much of a single pasted crop shows at each pixel of a photo: float32 ``(height, width)``, 0 to 1.

    It is 0 outside the crop and at its edges, rises smoothly over ``feather`` of its side, and falls again where the
    crop was blurred because the photo ends there. An edge that runs along or beyond the photo's border does not fade,
    for nothing is there to fade into.
    """
    mask = Mask(placement, height, width, feather)
    x0, y0, x1, y1 = mask.box
    whole = np.zeros((height, width), np.float32)
    if x0 < x1 and y0 < y1:
        whole[y0:y1, x0:x1] = mask.weights(x0, x1, y0, y1)
    return whole


class Mask:
    """How much one crop of a photo of ``height`` x ``width`` pixels shows."""

    def __init__(self, placement: Placement, height: int, width: int, feather: float = FEATHER) -> None:
        """Pasting ``placement``; ``feather`` is the share of its side over which it fades, above 0 and at most 0.5."""
        if not 0 < feather <= 0.5:
            raise ValueError(f"a crop fades over a share of its side above 0 and at most 0.5, not {feather}")
        self.placement, self.feather = placement, feather
        self.surroundings = Surroundings(placement, height, width)
        x0, y0, x1, y1 = placement.bounds()
        self.box: Box = (
            max(math.ceil(x0), 0),
            max(math.ceil(y0), 0),
            min(math.floor(x1) + 1, width),
            min(math.floor(y1) + 1, height),
        )
        self.closed: tuple[bool, ...] = tuple(_fades(*corners, height, width) for corners in _sides(placement))

    def weights(self, x0: int, x1: int, y0: int, y1: int) -> np.ndarray:
        """At pixels of the photo, float32 ``(y1 - y0, x1 - x0)``, 0 to 1."""
        x, y = np.arange(x0, x1, dtype=np.float32)[None], np.arange(y0, y1, dtype=np.float32)[:, None]
        blur, _ = self.surroundings.shares(x, y)
        weights: np.ndarray = self.edges(*self._within(x, y)) * (1 - blur)
        return weights

    def nearness(self, x0: int, x1: int, y0: int, y1: int) -> np.ndarray:
        """1 in the middle of the crop, falling to next to nothing at its edges: who prevails where crops overlap."""
        x, y = np.arange(x0, x1, dtype=np.float32)[None], np.arange(y0, y1, dtype=np.float32)[:, None]
        u, v = self._within(x, y)
        near = (16 * (u - u * u).clip(0, 1) * (v - v * v).clip(0, 1)) ** 2
        return np.asarray(near + np.float32(1e-6))  # so that somebody prevails even where all are at their edges

    def edges(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The fading at the edges alone; ``u`` and ``v`` are shares of the side, from the left and from the top."""
        inside = (np.minimum(u, 1 - u) >= 0) & (np.minimum(v, 1 - v) >= 0)
        weights: np.ndarray = np.asarray(inside, np.float32)
        for distance, closed in zip((u, v, 1 - u, 1 - v), self.closed, strict=True):
            if closed:
                weights = np.asarray(weights * smooth(distance / self.feather))
        return weights

    def ring(self, size: int, step: int = 1) -> np.ndarray:
        """How much every ``step``-th pixel of a crop counts for its colours, float32: most amid the fading."""
        pixels = np.arange(0, size, step)
        middles = (pixels.astype(np.float32) + 0.5) / size
        weights = self.edges(middles[None], middles[:, None])
        places = self.placement.to_photo(np.stack(np.meshgrid(pixels, pixels), axis=-1), size)
        blur, _ = self.surroundings.shares(places[..., 0], places[..., 1])
        return np.asarray(weights * (1 - weights) * (1 - blur), np.float32)

    def _within(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points of the photo as shares of the crop's side, from the left and from the top."""
        forth = self.placement.matrix(1)
        back = np.linalg.inv(forth[:, :2])
        shift = back @ forth[:, 2] - 0.5
        u, v = (np.asarray(float(a) * x + float(b) * y - float(c)) for (a, b), c in zip(back, shift, strict=True))
        return u, v


def _sides(placement: Placement) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """The ends of the left, upper, right and lower side."""
    upper_left, lower_left, lower_right, upper_right = placement.quad
    yield from ((upper_left, lower_left), (upper_left, upper_right))
    yield from ((lower_right, upper_right), (lower_left, lower_right))


def _fades(first: tuple[float, float], last: tuple[float, float], height: int, width: int) -> bool:
    """Whether a side has photo beyond it: not if both its ends lie on or beyond one border of the photo."""
    near = 1e-3  # of a pixel
    x, y = sorted((first[0], last[0])), sorted((first[1], last[1]))
    beyond = (x[1] <= near - 0.5, y[1] <= near - 0.5, x[0] >= width - 0.5 - near, y[0] >= height - 0.5 - near)
    return not any(beyond)


def smooth(x: np.ndarray) -> np.ndarray:
    """0 up to 0, 1 from 1, and level at both."""
    x = x.clip(0, 1)
    return np.asarray(x * x * (3 - 2 * x))
