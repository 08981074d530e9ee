"""The canvas of a facade: colour, relief and glass of a wall, and functions that add shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from i2i.toolkit.drawing import Array, Where, cover, ellipse, rectangle

from .layout import Part


@dataclass
class Wall:
    """The image in the making; every array is ``(size, size)`` or ``(size, size, 3)``."""

    colour: Array
    height: Array
    """Towards the viewer; the plain wall is at 0."""
    glass: Array
    """1 where light mirrors and shadows hardly show."""
    mirror: Array
    stone: Array
    """The colour ``(3,)`` of sills, heads, bands and pillars."""
    frame: Array
    """The colour ``(3,)`` of window frames."""
    wood: Array
    """The colour ``(3,)`` of doors and shutters."""
    iron: Array

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Array, height: float, glass: float = 0.0) -> None:
        """Put a flat box at a height."""
        self.shape(*cover(rectangle(x0, y0, x1, y1), len(self.colour)), colour, height, glass)

    def shape(self, where: Where, mask: Array, colour: Array, height: float | Array, glass: float = 0.0) -> None:
        """Put a shape, given by its window of the image and its coverage there, at a height."""
        self.colour[where] += mask[..., None] * (colour - self.colour[where])
        self.height[where] += mask * (height - self.height[where])
        self.glass[where] += mask * (glass - self.glass[where])


def opening(part: Part, inset: float, arch: bool) -> Array:
    """Return the outline of a window or door, ``inset`` inside its box, round at the top where it is an arch."""
    x0, y0, x1, y1 = part.x0 + inset, part.y0 + inset, part.x1 - inset, part.y1 - inset
    if not arch:
        return rectangle(x0, y0, x1, y1)
    radius, middle = (x1 - x0) / 2, (x0 + x1) / 2
    rise = min(radius, (y1 - y0) * 0.45)
    crown = ellipse(middle, y0 + rise, radius, rise)
    return np.vstack([crown[14:], crown[:1], [(x1, y1), (x0, y1)]]).astype(np.float32)
