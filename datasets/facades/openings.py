"""What opens in a wall: windows, entrances, shop fronts and gates."""

from __future__ import annotations

import numpy as np

from i2i.toolkit.drawing import Array, Where, between, chance, cover, grid, hsv, mix, rectangle, rgb

from .canvas import Wall, opening
from .layout import Part


def window(rng: np.random.Generator, wall: Wall, part: Part) -> None:
    """Reveal, frame, panes with what they mirror and what hangs behind them."""
    size, wide = len(wall.colour), part.x1 - part.x0
    arch = part.form == "arch"
    rim = float(np.clip(wide * 0.07, 0.003, 0.008))
    wall.shape(*cover(opening(part, 0, arch), size), wall.stone * 0.7, -0.006)
    wall.shape(*cover(opening(part, rim * 0.35, arch), size), wall.frame, -0.012)
    where, mask = cover(opening(part, rim * 1.2, arch), size)
    wall.shape(where, mask, _pane(rng, wall, part, where), -0.018, glass=1.0)
    bar, middle = rim * 0.7, (part.x0 + part.x1) / 2
    transom = mix(part.y0, part.y1, 0.3)
    if wide > 0.03:
        top = part.y0 + rim * (1.4 if arch else 1)
        wall.box(middle - bar / 2, top, middle + bar / 2, part.y1 - rim, wall.frame, -0.013)
    if part.form == "grid":
        for share in (0.27, 0.52, 0.76):
            y = mix(part.y0, part.y1, share)
            wall.box(part.x0 + rim, y - bar * 0.3, part.x1 - rim, y + bar * 0.3, wall.frame, -0.014)
    elif chance(rng, 0.7):
        wall.box(part.x0 + rim, transom - bar / 2, part.x1 - rim, transom + bar / 2, wall.frame, -0.013)


def _pane(rng: np.random.Generator, wall: Wall, part: Part, where: Where) -> Array:
    """The look of glass in a window of the image: a dark room, curtains or a blind, and the sky over it all."""
    x, y = grid(len(wall.colour))
    x, y = x[:, where[1]], y[where[0]]
    across = (x - part.x0) / (part.x1 - part.x0)
    down = (y - part.y0) / (part.y1 - part.y0)
    room = hsv(between(rng, 0.55, 0.66), 0.25, between(rng, 0.05, 0.16))
    if chance(rng, 0.05):
        room = hsv(0.11, 0.5, between(rng, 0.5, 0.8))
    glass = room + 0.06 * down[..., None] + 0 * across[..., None]
    hanging = between(rng, 0, 1)
    cloth = hsv(between(rng, 0.05, 0.17), between(rng, 0, 0.2), between(rng, 0.5, 0.86))
    folds = 0.82 + 0.18 * np.sin(x * between(rng, 420, 620) + 6 * down)
    reach, fall = between(rng, 0.16, 0.36), between(rng, 0.15, 0.7)
    if hanging < 0.42:
        side = np.abs(across - 0.5) * 2 + 0.12 * down
        glass = mix(glass, cloth * folds[..., None], (np.clip((side - 1 + reach * 2) * 9, 0, 1) * 0.8)[..., None])
    elif hanging < 0.6:
        glass = mix(glass, cloth, (np.float32(0.75) * (down < fall))[..., None] + 0 * glass)
    elif hanging < 0.72:
        glass = mix(glass, cloth * folds[..., None], 0.5)
    shine = between(rng, 0.1, 0.75) * wall.mirror[where] * (1.05 - 0.5 * down)
    return np.asarray(mix(glass, rgb(0.7, 0.79, 0.88), shine[..., None]), np.float32)


def entrance(rng: np.random.Generator, wall: Wall, part: Part) -> None:
    """Draw a door of two leaves with panels, a light above it, and a step before it."""
    size = len(wall.colour)
    arch = part.form == "arch"
    wide, tall = part.x1 - part.x0, part.y1 - part.y0
    wall.shape(*cover(opening(part, 0, arch), size), wall.stone * 0.9, 0.006)
    inner = Part("", part.x0 + wide * 0.1, part.y0 + wide * 0.1, part.x1 - wide * 0.1, part.y1)
    where, mask = cover(opening(inner, 0, arch), size)
    wall.shape(where, mask, wall.wood, -0.02)
    light = inner.y0 + tall * 0.26
    fan = Part("", inner.x0 + wide * 0.06, inner.y0 + wide * 0.06, inner.x1 - wide * 0.06, light)
    where, mask = cover(opening(fan, 0, arch), size)
    wall.shape(where, mask, _pane(rng, wall, fan, where), -0.024, glass=1.0)
    for side in (0.04, 0.52):
        for top, bottom in ((0.34, 0.6), (0.64, 0.93)):
            x0, x1 = (mix(inner.x0, inner.x1, share) for share in (side + 0.06, side + 0.38))
            wall.box(x0, part.y0 + tall * top, x1, part.y0 + tall * bottom, wall.wood * 0.82, -0.024)
    middle = (part.x0 + part.x1) / 2
    wall.box(middle - 0.0012, light, middle + 0.0012, part.y1, wall.wood * 0.45, -0.022)
    wall.box(
        middle + 0.004,
        part.y0 + tall * 0.6,
        middle + 0.008,
        part.y0 + tall * 0.64,
        rgb(0.8, 0.66, 0.36),
        -0.012,
    )
    wall.box(part.x0, part.y1 - 0.01, part.x1, part.y1, wall.stone * 0.8, 0.012)


def door(rng: np.random.Generator, wall: Wall, part: Part) -> None:
    """Draw what opens on the street: a shop front under its sign, with an awning or without, or a wide gate."""
    wide, tall = part.x1 - part.x0, part.y1 - part.y0
    paint = hsv(between(rng, 0, 1), between(rng, 0.2, 0.8), between(rng, 0.14, 0.55))
    if part.form == "gate":
        wall.box(part.x0, part.y0, part.x1, part.y1, wall.stone * 0.85, 0.004)
        wall.box(part.x0 + 0.008, part.y0 + 0.008, part.x1 - 0.008, part.y1, wall.wood, -0.016)
        for share in np.arange(0.1, 1, 0.1):
            y = mix(part.y0, part.y1, share)
            wall.box(part.x0 + 0.01, y, part.x1 - 0.01, y + 0.003, wall.wood * 0.6, -0.02)
        return
    sign = part.y0 + tall * 0.18
    wall.box(part.x0, part.y0, part.x1, part.y1, paint, 0.006)
    wall.box(part.x0, part.y0, part.x1, sign, paint * 1.15, 0.012)
    ink = rgb(0.92, 0.88, 0.76)
    x = mix(part.x0, part.x1, between(rng, 0.12, 0.3))
    while x < mix(part.x0, part.x1, 0.8):
        letter = tall * between(rng, 0.03, 0.07)
        wall.box(x, part.y0 + tall * 0.05, x + letter, sign - tall * 0.05, ink, 0.0125)
        x += letter + tall * 0.022
    panes = max(round(wide / 0.085), 1)
    for index in range(panes):
        x0, x1 = (mix(part.x0, part.x1, (index + share) / panes) for share in (0.06, 0.94))
        low = part.y1 - (0.008 if index == panes // 2 else tall * 0.17)
        pane = Part("", x0, sign + tall * 0.06, x1, low)
        where, mask = cover(rectangle(pane.x0, pane.y0, pane.x1, pane.y1), len(wall.colour))
        wares = mix(_pane(rng, wall, pane, where), hsv(between(rng, 0.06, 0.13), 0.5, 0.75), 0.3)
        wall.shape(where, mask, wares, -0.014, glass=0.8)
    if part.form == "awning":
        _awning(wall, part, sign, hsv(between(rng, 0, 1), 0.6, 0.6))


def _awning(wall: Wall, part: Part, sign: float, cloth: Array) -> None:
    x, _ = grid(len(wall.colour))
    where, mask = cover(rectangle(part.x0, sign, part.x1, mix(part.y0, part.y1, 0.42)), len(wall.colour))
    stripes = (np.sin(x[:, where[1]] * 240) > 0)[..., None]
    ramp = np.linspace(0.02, 0.045, mask.shape[0], dtype=np.float32)[:, None]
    wall.shape(where, mask, np.where(stripes, cloth, rgb(0.9, 0.88, 0.83)), ramp)
