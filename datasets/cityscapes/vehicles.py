"""Cars, buses and lorries, as boxes and outlines in metres."""

from __future__ import annotations

import numpy as np

from i2i.toolkit.drawing import Array, between, chance, hsv, mix, rectangle, rgb

from .street import Street

_GLASS = rgb(0.16, 0.2, 0.24)
_TYRE = rgb(0.06, 0.06, 0.065)
_TAIL_LAMP, _HEAD_LAMP = rgb(0.68, 0.06, 0.05), rgb(0.95, 0.95, 0.88)
_DETAIL = 36.0  # metres: beyond it wheels, lamps and plates are smaller than a pixel


def _paint(rng: np.random.Generator) -> Array:
    if chance(rng, 0.7):
        return hsv(between(rng, 0.55, 0.65), between(rng, 0, 0.12), float(rng.choice([0.1, 0.2, 0.4, 0.62, 0.86])))
    return hsv(float(rng.choice([0.0, 0.04, 0.6, 0.64, 0.35])), between(rng, 0.5, 0.85), between(rng, 0.25, 0.6))


def _tier(low: float, bottom: float, high: float, top: float) -> list[tuple[float, float]]:
    """A shape as wide as ``2 * low`` at its bottom and ``2 * high`` at its top."""
    return [(-low, bottom), (-high, top), (high, top), (low, bottom)]


def _shadow(street: Street, x: float, z: float, half: float, long: float) -> None:
    street.floor(x, half * 1.2, z - 0.35, z + long, rgb(0.05, 0.05, 0.06), 0.45)
    street.floor(x, half, z - 0.05, z + long, rgb(0.02, 0.02, 0.02), 0.7)


def _wheels(street: Street, x: float, z: float, radius: float, kind: str) -> None:
    """One wheel on the flank, its axle at depth ``z``."""
    angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    for share, colour in ((1.0, _TYRE), (0.6, rgb(0.5, 0.51, 0.53))):
        rim = radius * np.stack([share * np.cos(angle), 1 + share * np.sin(angle)], axis=1)
        street.flank(x, z, rim, kind if share == 1 else None, colour)


def _tyres(street: Street, x: float, z: float, half: float, kind: str) -> None:
    """What shows of the wheels under the nearer end."""
    for side in (-1, 1):
        tyre = rectangle(side * half * 0.95, 0, side * half * 0.66, 0.45)
        street.face(x, z + 0.1, tyre, kind, _TYRE)


def car(street: Street, x: float, z: float, towards: bool) -> None:
    """Draw a car on the street, its nearer end at depth ``z``; ``towards`` shows its front."""
    rng = street.rng
    half, long, roof = between(rng, 0.84, 0.93), between(rng, 3.9, 4.7), between(rng, 1.4, 1.62)
    paint = _paint(rng)
    _shadow(street, x, z, half, long)
    if abs(x) > half:
        _car_flank(street, x - half if x > 0 else x + half, z, long, roof, paint, towards)
    _cabin(street, x, z + 0.1, half, roof, paint, slope=1.1 if towards else 0.55)
    _tyres(street, x, z, half, "car")
    edge = [(-half, 0.24), (-half, 0.5), (-half * 0.97, 0.84), (-half * 0.86, 0.97)]
    body = [*edge, *((-u, v) for u, v in reversed(edge))]
    street.face(x, z, body, "car", paint * 0.88)
    if z < _DETAIL:
        _car_end(street, x, z, half, paint, towards)


def _cabin(street: Street, x: float, z: float, half: float, roof: float, paint: Array, slope: float) -> None:
    """The window at the nearer end, leaning away by ``slope`` metres, in its frame."""
    for low, high, sill, top, kind, colour in (
        (0.93, 0.72, 0.92, roof, "car", paint * 0.8),
        (0.82, 0.64, 0.96, roof - 0.08, None, mix(_GLASS, street.air, 0.22)),
    ):
        deep = (z, z + slope, z + slope, z)
        outline = _tier(half * low, sill, half * high, top)
        street.put([(x + u, v, d) for (u, v), d in zip(outline, deep, strict=True)], kind, colour)


def _car_end(street: Street, x: float, z: float, half: float, paint: Array, towards: bool) -> None:
    """Bonnet edge or boot lid, bumper, lamps, grille and number plate."""
    street.face(x, z, _tier(half * 0.97, 0.82, half * 0.86, 0.97), None, np.clip(paint * 1.3 + 0.06, 0, 1))
    street.face(x, z, _tier(half * 0.97, 0.24, half, 0.42), None, paint * 0.5)
    for side in (-half, half):
        lamp = [(side * 0.96, 0.62), (side * 0.95, 0.82), (side * 0.62, 0.78), (side * 0.64, 0.64)]
        street.face(x, z, lamp, None, _HEAD_LAMP if towards else _TAIL_LAMP)
    if towards:
        street.face(x, z, rectangle(-half * 0.5, 0.56, half * 0.5, 0.72), None, rgb(0.08, 0.08, 0.09))
    street.face(x, z, rectangle(-0.27, 0.46, 0.27, 0.57), None, rgb(0.86, 0.87, 0.87))


def _car_flank(street: Street, x: float, z: float, long: float, roof: float, paint: Array, towards: bool) -> None:
    light = street.wall_light(-1 if x < 0 else 1)
    tail = [(0, 0.26), (0, 0.8), (0.06, 0.96), (0.16, 1.0), (0.3, roof - 0.04), (0.42, roof)]
    nose = [(0.58, roof - 0.02), (0.74, 1.0), (0.93, 0.86), (1.0, 0.7), (1.0, 0.26)]
    shape = np.array([*tail, *nose], np.float32)
    panes = [(0.2, 0.98), (0.32, roof - 0.12), (0.42, roof - 0.08), (0.56, roof - 0.1), (0.69, 0.98)]
    glass = np.array(panes, np.float32)
    for outline in (shape, glass):
        if towards:
            outline[:, 0] = 1 - outline[:, 0]
        outline[:, 0] *= long
    street.flank(x, z, shape, "car", np.clip(paint * light, 0, 1))
    if z > _DETAIL:
        return
    street.flank(x, z, rectangle(0, 0.26, long, 0.55), None, paint * 0.62)
    street.flank(x, z, glass, None, mix(_GLASS, street.air, 0.3))
    street.flank(x, z, rectangle(0.45 * long, 0.96, 0.47 * long, roof - 0.06), None, paint * 0.7)
    for share in (0.19, 0.8):
        _wheels(street, x, z + share * long, 0.33, "car")


def box(street: Street, x: float, z: float, kind: str) -> None:
    """Draw a bus or a truck (``kind``) seen from its rear, which is at depth ``z``."""
    rng = street.rng
    half, tall, long = 1.25, between(rng, 2.9, 3.4), between(rng, 7, 11)
    paint = hsv(float(rng.choice([0.0, 0.12, 0.33, 0.6])), between(rng, 0.1, 0.8), between(rng, 0.45, 0.85))
    _shadow(street, x, z, half, long)
    if abs(x) > half:
        side = x - half if x > 0 else x + half
        light = street.wall_light(1 if x > 0 else -1)
        street.flank(side, z, rectangle(0, 0.35, long, tall), kind, paint * light)
        if kind == "bus":
            street.flank(side, z, rectangle(0.3, 1.3, long - 0.2, 2.4), None, mix(_GLASS, street.air, 0.25))
        for share in (0.2, 0.82):
            _wheels(street, side, z + share * long, 0.48, kind)
    _tyres(street, x, z, half, kind)
    street.face(x, z, rectangle(-half, 0.35, half, tall), kind, paint * 0.85)
    street.face(x, z, rectangle(-half, 0.35, half, 0.62), None, rgb(0.14, 0.14, 0.15))
    if kind == "bus":
        street.face(x, z, rectangle(-half * 0.82, 1.5, half * 0.82, tall - 0.5), None, mix(_GLASS, street.air, 0.15))
    else:
        street.face(x, z, rectangle(-0.02, 0.7, 0.02, tall - 0.1), None, paint * 0.45)
    for edge in (-half, half):
        street.face(x, z, rectangle(edge * 0.94, 0.75, edge * 0.78, 1.1), None, _TAIL_LAMP)
