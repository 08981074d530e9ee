"""The canvas of a head: height maps of its front and back over one plane, seen from the front, and their colours.

Lengths are in units of 100 mm from the middle between the eyes: x to the right of the image, y down, z to the viewer.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from .parameters import FaceParameters

Floats = npt.NDArray[np.float32]
Window = tuple[slice, slice]

LEFT, TOP, SPAN = -1.5, -1.4, 3.0
"""Left and upper edge of the canvas, and its width and height."""
MARGIN = 0.12
"""Round the head, for rays that are found to end a little before it: a fine step of a walk, seen aslant, is 0.03."""
AIR = -3.0
"""z of a front where there is nothing; its back lies as far before the viewer."""


class Canvas:
    """Relief and colours ``(size, size)`` of a face.

    Attributes:
        x, y: Pixel centres, ``(1, size)`` and ``(size, 1)``.
        pixel: Height and width of a pixel.
        front: z of the surface towards the viewer.
        back: z of the surface away from the viewer; where it lies before the front there is nothing.
        colour: Share of light that the surface returns, linear RGB in [0, 1]; ``(3, size, size)``, since planes are
            painted several times faster than pixels of three numbers.
        gloss: How much it shines, about [0, 1].
        hair: How much of the front is hair, in [0, 1]; also where there is no head under it.
        strands: Light and dark of the hair, mean 0.
    """

    def __init__(self, face: FaceParameters, size: int) -> None:
        self.face, self.size = face, size
        line = ((np.arange(size, dtype=np.float32) + 0.5) * (SPAN / size)).astype(np.float32)
        self.x, self.y = (line + LEFT)[None, :], (line + TOP)[:, None]
        self.pixel = SPAN / size
        self.front = np.empty((size, size), np.float32)
        self.back = np.empty((size, size), np.float32)
        self.colour = np.empty((3, size, size), np.float32)
        self.gloss = np.full((size, size), 0.3, np.float32)
        self.hair = np.zeros((size, size), np.float32)
        self.strands = np.zeros((size, size), np.float32)

    def window(self, x0: float, x1: float, y0: float, y1: float) -> tuple[Window, Floats, Floats]:
        """Return the window of the canvas between these edges, and its x ``(1, w)`` and y ``(h, 1)``."""
        columns, rows = self._range(x0 - LEFT, x1 - LEFT), self._range(y0 - TOP, y1 - TOP)
        return (rows, columns), self.x[:, columns], self.y[rows]

    def _range(self, low: float, high: float) -> slice:
        return slice(max(int(low / self.pixel), 0), min(int(high / self.pixel) + 2, self.size))

    def solid(self) -> Window:
        """Return the window that contains the whole head and a margin around it."""
        there = self.front > self.back
        (top, bottom), (left, right) = (np.flatnonzero(there.any(axis=axis))[[0, -1]] for axis in (1, 0))
        more = ceil(MARGIN / self.pixel)
        rows = slice(max(top - more, 0), min(bottom + more + 1, self.size))
        return rows, slice(max(left - more, 0), min(right + more + 1, self.size))

    def paint(self, where: Window, share: Any, colour: Any, gloss: float | None = None) -> None:
        """Blend a colour into a window ``(h, w)`` by its coverage of each pixel.

        Args:
            colour: Three numbers, or three planes of the window (``shaded``).
            gloss: How much the colour shines; None leaves that as it was.
        """
        lay(self.colour[(slice(None), *where)], share, colour)
        if gloss is not None:
            shine = self.gloss[where]
            shine += share * (gloss - shine)

    def raise_(self, where: Window, by: Any) -> None:
        """Move the front of a window towards the viewer."""
        self.front[where] += by

    def below(self, edge: Any, y: Any, soft: float = 0.0) -> Any:
        """Return the coverage of each pixel by the area below the line ``y = edge``; ``soft`` widens the step."""
        return ramp((y - edge) / (self.pixel * 1.2 + soft) + 0.5)

    def depth(self, points: Any) -> Floats:
        """Return z of the front at points ``(N, 2)``, interpolated bilinearly."""
        place = (np.asarray(points, np.float32) - (LEFT, TOP)) / self.pixel - 0.5
        place = place.clip(0, self.size - 1.001)
        x, y = place[:, 0].astype(int), place[:, 1].astype(int)
        u, v = place[:, 0] - x, place[:, 1] - y
        z = self.front
        upper = z[y, x] * (1 - u) + z[y, x + 1] * u
        lower = z[y + 1, x] * (1 - u) + z[y + 1, x + 1] * u
        return np.asarray(upper * (1 - v) + lower * v, np.float32)


def lay(planes: Floats, share: Any, colour: Any) -> None:
    """Blend a colour, three numbers or three planes, into ``planes (3, h, w)`` in place, by its coverage."""
    levels = np.asarray(colour, np.float32)
    change = levels.reshape(3, *(levels.shape[1:] or (1, 1))) - planes
    change *= share
    planes += change


def ramp(value: Any) -> Any:
    """Clip to [0, 1]."""
    if isinstance(value, np.ndarray):
        return value.clip(0, 1)
    return min(max(value, 0), 1)  # no number of NumPy's, which would turn arrays of 32 bits into ones of 64


def smooth(low: float, high: float, value: Any) -> Any:
    """Return 0 below ``low``, 1 above ``high``, and a smooth step between."""
    t = ramp((value - low) / (high - low))
    even = 3 - 2 * t
    even *= t
    even *= t
    return even


def bell(value: Any) -> Any:
    """Return ``exp(-value**2)``."""
    return np.exp(-np.square(value))


def root(value: Any) -> Any:
    """Return the square root, carried on below 0 as its mirror image, so that a round edge crosses 0 steeply."""
    return np.sign(value) * np.sqrt(np.abs(value))


def linear(red: float, green: float, blue: float) -> Floats:
    """Linear light of a colour as a screen counts it, each part in [0, 1]."""
    return np.asarray(np.array((red, green, blue), np.float32).clip(0, 1) ** 2.2, np.float32)


def shaded(colour: Floats, by: Any) -> Floats:
    """Return the planes ``(3, h, w)`` of a colour ``(3,)`` made lighter or darker by a factor for each pixel."""
    return np.asarray(np.asarray(colour, np.float32)[:, None, None] * by, np.float32)


def blend(a: Any, b: Any, share: float) -> Floats:
    """Return ``a`` at share 0, ``b`` at 1."""
    return np.asarray(np.asarray(a) + (np.asarray(b) - np.asarray(a)) * share, np.float32)
