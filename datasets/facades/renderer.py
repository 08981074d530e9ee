"""The renderer of synthetic facades: an image and its label map from one layout."""

from __future__ import annotations

import numpy as np

from i2i.toolkit.drawing import (
    Array,
    Bytes,
    between,
    chance,
    finish,
    grid,
    hollow,
    hsv,
    mix,
    noise,
    normals,
    rgb,
    shadow,
)

from .canvas import Wall
from .layout import Facade, plan_facade
from .palette import PALETTE
from .parts import PAINTERS
from .surfaces import reflections, surroundings, wall, wall_mask


def draw(rng: np.random.Generator, size: int) -> tuple[Bytes, Bytes]:
    """Draw a photograph-like image and its label map, each uint8 ``(size, size, 3)``, RGB."""
    facade = plan_facade(rng)
    return image(rng, facade, size), labels(facade, size)


def labels(facade: Facade, size: int) -> Bytes:
    """Return the label map ``(size, size, 3)``: flat colours of ``PALETTE``, nothing else."""
    result = np.empty((size, size, 3), np.uint8)
    result[:] = PALETTE["background"]
    for part in facade.parts:
        x0, y0, x1, y1 = (round(v * size) for v in (part.x0, part.y0, part.x1, part.y1))
        result[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = PALETTE[part.kind]
    return result


def image(rng: np.random.Generator, facade: Facade, size: int) -> Bytes:
    """Return the facade in its street, lit: uint8 ``(size, size, 3)``."""
    colour, height = wall(rng, size)
    bright = float(colour.mean())
    canvas = Wall(
        colour=colour,
        height=np.array(height, np.float32),
        glass=np.zeros((size, size), np.float32),
        mirror=reflections(rng, size),
        stone=_stone(rng, bright),
        frame=_frame(rng),
        wood=_wood(rng),
        iron=hsv(between(rng, 0.3, 0.6), between(rng, 0, 0.4), between(rng, 0.06, 0.2)),
    )
    for part in facade.parts:
        if part.kind in PAINTERS:
            PAINTERS[part.kind](rng, canvas, part)
    lit = canvas.colour * _light(rng, canvas)
    whole = mix(surroundings(rng, size, facade), lit, wall_mask(facade, size)[..., None])
    return _expose(rng, whole)


def _stone(rng: np.random.Generator, bright: float) -> Array:
    value = between(rng, 0.7, 0.95) if bright < 0.75 or chance(rng, 0.4) else between(rng, 0.55, 0.75)
    return hsv(between(rng, 0.07, 0.14), between(rng, 0.02, 0.2), value)


def _frame(rng: np.random.Generator) -> Array:
    if chance(rng, 0.7):
        return hsv(0.12, between(rng, 0, 0.08), between(rng, 0.78, 0.96))
    return hsv(between(rng, 0.03, 0.4), between(rng, 0.2, 0.6), between(rng, 0.16, 0.4))


def _wood(rng: np.random.Generator) -> Array:
    if chance(rng, 0.5):
        return hsv(between(rng, 0.04, 0.09), between(rng, 0.4, 0.7), between(rng, 0.25, 0.5))
    return hsv(between(rng, 0.25, 0.68), between(rng, 0.15, 0.6), between(rng, 0.25, 0.62))


def _light(rng: np.random.Generator, canvas: Wall) -> Array:
    """The light on every point ``(size, size, 3)``: a warm sun from above and one side, a cool sky all round."""
    side = between(rng, 0.35, 1.0) * (1 if chance(rng, 0.5) else -1)
    sunny = between(rng, 0.35, 1.1)
    nx, ny, nz = normals(canvas.height, 0.4)
    slant = np.clip((nx * side * 0.6 - ny * 0.75 + nz * 0.75) / 0.75, 0, 1.5)
    sun = shadow(canvas.height, (side, -1.0), reach=0.05, steps=10) * slant
    sky = hollow(canvas.height, 0.012, 0.05) * (0.9 - 0.1 * ny)
    matt = sun[..., None] * rgb(1.0, 0.95, 0.86) * (0.9 * sunny)
    matt = matt + sky[..., None] * rgb(0.92, 0.97, 1.05) * (0.98 - 0.62 * sunny)
    return np.asarray(mix(np.sqrt(matt), 1.0, 0.55 * canvas.glass[..., None]), np.float32)


def _expose(rng: np.random.Generator, whole: Array) -> Bytes:
    """As a camera would: a little vignette, grain, and a colour cast."""
    size = len(whole)
    x, y = grid(size)
    vignette = 1.03 - 0.28 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    cast = rgb(1 + between(rng, -0.03, 0.04), 1, 1 + between(rng, -0.05, 0.03)) * between(rng, 0.96, 1.12)
    grain = (noise(rng, size, (256, 256), 1) - 0.5) * 0.035
    return finish(np.asarray(whole * vignette[..., None] * cast + grain[..., None], np.float32), size)
