"""What stands out from a wall: balconies, shutters, heads and sills, bands, pillars and ornament."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from i2i.toolkit.drawing import cover, grid, mix, rectangle, rgb

from .canvas import Wall
from .layout import Part
from .openings import door, entrance, window


def balcony(rng: np.random.Generator, wall: Wall, part: Part) -> None:
    """Draw a slab that throws a shadow, and before the window a railing of bars or a parapet."""
    size, tall = len(wall.colour), part.y1 - part.y0
    slab = part.y1 - max(tall * 0.16, 0.007)
    x, _ = grid(size)
    if part.form == "solid":
        wall.box(part.x0, part.y0, part.x1, slab, wall.stone * 0.93, 0.024)
        wall.box(part.x0, part.y0, part.x1, part.y0 + 0.007, wall.stone, 0.03)
        for share in np.arange(0.08, 0.95, 0.14):
            left = mix(part.x0, part.x1, share)
            wall.box(
                left, part.y0 + tall * 0.18, left + (part.x1 - part.x0) * 0.07, slab - 0.004, wall.stone * 0.8, 0.018
            )
    else:
        where, mask = cover(rectangle(part.x0, part.y0, part.x1, slab), size)
        pitch = 0.0105
        bars = np.clip(0.5 - (np.abs(x[:, where[1]] / pitch % 1 - 0.5) * pitch - 0.0016) * size, 0, 1)
        wall.colour[where] += (mask * bars)[..., None] * (wall.iron - wall.colour[where])
        wall.height[where] += mask * bars * 0.4 * (0.02 - wall.height[where])
        wall.box(part.x0, part.y0, part.x1, part.y0 + 0.004, wall.iron, 0.03)
        wall.box(part.x0, slab - 0.006, part.x1, slab - 0.003, wall.iron, 0.026)
    wall.box(part.x0, slab, part.x1, part.y1, wall.stone, 0.036)


def shutter(rng: np.random.Generator, wall: Wall, part: Part) -> None:
    """Draw a leaf of slats, open beside the window, or a roller pulled down."""
    size = len(wall.colour)
    _, y = grid(size)
    where, mask = cover(rectangle(part.x0, part.y0, part.x1, part.y1), size)
    slats = 0.78 + 0.22 * np.sin(y[where[0]] * (900 if part.form == "roller" else 640))
    paint = wall.wood if part.form != "roller" else mix(wall.frame, rgb(0.6, 0.58, 0.52), 0.5)
    wall.shape(where, mask, paint * slats[..., None], -0.008 if part.form == "roller" else 0.009)
    if part.form != "roller":
        rim = (part.x1 - part.x0) * 0.13
        for top in (part.y0, mix(part.y0, part.y1, 0.48), part.y1 - rim):
            wall.box(part.x0, top, part.x1, top + rim, wall.wood, 0.01)


def head(rng: np.random.Generator, wall: Wall, part: Part) -> None:
    """Draw what crowns a window: a lintel, a gable, or a flat arch with its keystone."""
    tall = part.y1 - part.y0
    if part.form == "gable":
        wall.box(part.x0, part.y1 - tall * 0.35, part.x1, part.y1, wall.stone, 0.014)
        gable = [(part.x0, part.y1 - tall * 0.35), ((part.x0 + part.x1) / 2, part.y0), (part.x1, part.y1 - tall * 0.35)]
        wall.shape(*cover(gable, len(wall.colour)), wall.stone * 0.92, 0.011)
        return
    wall.box(part.x0, part.y0, part.x1, part.y1, wall.stone * 0.95, 0.008)
    if part.form == "lintel":
        wall.box(part.x0, part.y0, part.x1, part.y0 + tall * 0.38, wall.stone, 0.018)
    else:
        middle, half = (part.x0 + part.x1) / 2, (part.x1 - part.x0) * 0.08
        stone = [
            (middle - half * 1.3, part.y0),
            (middle + half * 1.3, part.y0),
            (middle + half, part.y1),
            (middle - half, part.y1),
        ]
        wall.shape(*cover(stone, len(wall.colour)), wall.stone * 1.06, 0.016)


def sill(rng: np.random.Generator, wall: Wall, part: Part) -> None:
    """Draw a ledge under a window, its drip at the lower edge."""
    wall.box(part.x0, part.y0, part.x1, part.y1, wall.stone * 0.88, 0.008)
    wall.box(part.x0, part.y0, part.x1, mix(part.y0, part.y1, 0.6), wall.stone, 0.018)


def cornice(rng: np.random.Generator, wall: Wall, part: Part) -> None:
    """Draw a band across the wall; under the roof it steps outwards over a row of dentils."""
    tall = part.y1 - part.y0
    wall.box(part.x0, part.y0, part.x1, part.y1, wall.stone * 0.94, 0.01)
    wall.box(part.x0, part.y0, part.x1, part.y0 + tall * 0.45, wall.stone, 0.02)
    if part.form != "roof":
        return
    x, _ = grid(len(wall.colour))
    where, mask = cover(rectangle(part.x0, part.y0 + tall * 0.42, part.x1, part.y0 + tall * 0.8), len(wall.colour))
    teeth = mask * np.clip(np.sin(x[:, where[1]] * 300) * 4, 0, 1)
    wall.shape(where, teeth, wall.stone, 0.02)
    wall.box(part.x0, part.y0, part.x1, part.y0 + tall * 0.42, wall.stone * 1.03, 0.036)


def column(rng: np.random.Generator, wall: Wall, part: Part) -> None:
    """Draw a pilaster: a shaft with rounded edges on a plinth."""
    x, _ = grid(len(wall.colour))
    wide = part.x1 - part.x0
    where, mask = cover(rectangle(part.x0, part.y0, part.x1, part.y1), len(wall.colour))
    across = np.clip((x[:, where[1]] - part.x0) / wide * 2 - 1, -1, 1)
    round_ = (0.006 + 0.012 * np.sqrt(1 - across**2 * 0.98)).astype(np.float32)
    wall.shape(where, mask, wall.stone * 0.97, round_ + 0 * mask)
    wall.box(part.x0 - wide * 0.1, part.y1 - 0.02, part.x1 + wide * 0.1, part.y1, wall.stone, 0.018)


def trim(rng: np.random.Generator, wall: Wall, part: Part) -> None:
    """Ornament: the capital of a pilaster, or a carved panel."""
    tall = part.y1 - part.y0
    x, y = grid(len(wall.colour))
    where, mask = cover(rectangle(part.x0, part.y0, part.x1, part.y1), len(wall.colour))
    if part.form == "capital":
        wall.shape(where, mask, wall.stone, 0.016)
        wall.box(part.x0, part.y0, part.x1, part.y0 + tall * 0.35, wall.stone * 1.05, 0.026)
        return
    across = (x[:, where[1]] - part.x0) / tall
    down = (y[where[0]] - part.y0) / tall
    carving = np.sin(across * 2 * np.pi) * np.sin(down * np.pi) + 0.4 * np.cos(across * 4 * np.pi + 2 * down)
    wall.shape(where, mask, wall.stone * 0.96, (0.007 + 0.005 * carving).astype(np.float32))


PAINTERS: dict[str, Callable[[np.random.Generator, Wall, Part], None]] = {
    painter.__name__: painter
    for painter in (window, entrance, door, balcony, shutter, head, sill, cornice, column, trim)
}
"""Kind -> the function that paints it; ``wall`` itself is what they paint on."""
