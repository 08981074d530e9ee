"""The renderer of synthetic street scenes: the view of a camera behind a windscreen, and its label map."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from i2i.toolkit.drawing import Array, Bytes, between, blur, chance, finish, noise, rgb

from .places import Profile, barrier, distance, ground, house, profile, sky, tree
from .street import Street
from .things import cyclist, person, pole
from .vehicles import box, car

Thing = tuple[float, Callable[[], None]]
"""How deep in the street a thing stands, and what paints it."""


def draw(rng: np.random.Generator, size: int) -> tuple[Bytes, Bytes]:
    """Draw a photograph-like image and its label map, each uint8 ``(size, size, 3)``, RGB."""
    street = Street(rng, size)
    across = profile(rng)
    sky(street)
    distance(street)
    ground(street, across)
    for side in (0, 1):
        _row(street, across.fronts[side])
    for _, paint in sorted(_things(street, across), key=lambda thing: -thing[0]):
        paint()
    return finish(_developed(street), size), np.ascontiguousarray(street.labels)


def _row(street: Street, x: float) -> None:
    """One side of the street, from its far end to the near: houses, and gaps with a wall or a fence before trees."""
    rng = street.rng
    near = between(rng, 5, 12)
    lots: list[tuple[float, float, str]] = []
    while near < 120:
        wide = between(rng, 9, 22)
        kind = str(rng.choice(["house", "wall", "fence"], p=[0.8, 0.09, 0.11]))
        lots.append((near, near + wide, kind))
        near += wide
    for near, far, kind in reversed(lots):
        if kind == "house":
            house(street, x, near, far)
        else:
            for z in np.arange(far, near, -between(rng, 4, 7)):
                tree(street, x * 1.25, float(z))
            barrier(street, x, near, far, kind)


def _things(street: Street, across: Profile) -> list[Thing]:
    rng = street.rng
    things: list[Thing] = []
    for side in (0, 1):
        sign = (-1, 1)[side]
        kerb, front = across.kerbs[side], across.fronts[side]
        things += _parked(street, kerb - sign * 1.05, oncoming=side == 0)
        things += _planted(street, kerb + sign * 0.9)
        things += _walking(street, kerb + sign * 0.6, front - sign * 0.5)
    ahead, against = across.kerbs[1] - between(rng, 2.6, 3.6), across.middle - between(rng, 1.4, 2)
    for x, towards in ((min(ahead, 1.2), False), (against, True)):
        for z in rng.uniform(9, 80, int(rng.integers(0, 3))):
            if chance(rng, 0.16):
                kind = "bus" if chance(rng, 0.5) else "truck"
                things.append((float(z), partial(box, street, x, float(z) + 4, kind)))
            else:
                things.append((float(z), partial(car, street, x, float(z), towards)))
    if chance(rng, 0.4):
        z = between(rng, 8, 25)
        things.append((z, partial(cyclist, street, across.kerbs[1] - between(rng, 2.2, 2.8), z, True)))
    return things


def _parked(street: Street, x: float, oncoming: bool) -> list[Thing]:
    rng = street.rng
    cars: list[Thing] = []
    if chance(rng, 0.25):
        return cars
    z, density = between(rng, 6, 14), between(rng, 0.3, 0.9)
    while z < 70:
        if chance(rng, density):
            cars.append((z, partial(car, street, x, z, oncoming and chance(rng, 0.8))))
        z += between(rng, 5.2, 6.6)
    return cars


def _planted(street: Street, x: float) -> list[Thing]:
    """Trees at even steps, and poles."""
    rng = street.rng
    things: list[Thing] = []
    if chance(rng, 0.5):
        start, gap = between(rng, 9, 20), between(rng, 8, 16)
        things += [(float(z), partial(tree, street, x, float(z))) for z in np.arange(start, 80, gap)]
    for z in rng.uniform(7, 45, int(rng.integers(1, 5))):
        things.append((float(z), partial(pole, street, x - np.sign(x) * 0.4, float(z))))
    return things


def _walking(street: Street, kerb: float, front: float) -> list[Thing]:
    rng = street.rng
    low, high = sorted((kerb, front))
    people: list[Thing] = []
    for z in rng.uniform(8, 45, int(rng.integers(0, 7))):
        x = between(rng, low, high)
        people.append((float(z), partial(person, street, x, float(z))))
    if chance(rng, 0.25):
        z = between(rng, 7, 20)
        people.append((z, partial(cyclist, street, between(rng, low, high), z, False)))
    return people


def _developed(street: Street) -> Array:
    """The camera's part: a soft lens, a cool cast, darker corners, and grain."""
    rng, size = street.rng, street.size
    vignette = 1.04 - 0.35 * ((street.x - 0.5) ** 2 + (street.y - 0.5) ** 2)
    cast = rgb(between(rng, 0.92, 1.0), 1.0, between(rng, 0.94, 1.02)) * between(rng, 0.98, 1.2)
    grain = 0.03 * (noise(rng, size, (256, 256), 1) - 0.5)
    soft = blur(street.image, 0.0014)
    return np.asarray(soft * vignette[..., None] * cast + grain[..., None], np.float32)
