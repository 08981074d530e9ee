"""What does not move: sky, road and pavements, rows of houses, walls and fences, trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from i2i.toolkit.drawing import Array, between, chance, cover, ellipse, hsv, label, mix, noise, rectangle, rgb, step

from .palette import PALETTE
from .street import Street

_FAR = 320.0


@dataclass(frozen=True)
class Profile:
    """The street across, in metres: X of the kerbs and of the house fronts, left and right, and of the middle line."""

    kerbs: tuple[float, float]
    fronts: tuple[float, float]
    middle: float
    verge: tuple[float, float]
    """Width of the strip of grass behind the pavement's kerb, left and right; 0 for none."""


def profile(rng: np.random.Generator) -> Profile:
    """Return a street of two to four lanes."""
    left, right = -between(rng, 4.0, 8.5), between(rng, 3.4, 6.5)
    fronts = (left - between(rng, 2.4, 6), right + between(rng, 2.4, 6))
    verge = (between(rng, 0.8, 3) if chance(rng, 0.3) else 0.0, between(rng, 0.8, 3) if chance(rng, 0.3) else 0.0)
    return Profile((left, right), fronts, left + (right - left) * 0.5, verge)


def sky(street: Street) -> None:
    """Sky, mostly white above a city, bluer on a sunny day."""
    rng, size = street.rng, street.size
    rows = slice(0, int(street.vanish[1] * size) + 2)
    high = mix(rgb(0.82, 0.85, 0.88), rgb(0.45, 0.64, 0.88), street.sunny)
    clouds = step(0.52, noise(rng, size, (2, 7), 5)[rows], 0.3)[..., None]
    share = np.clip(street.y[rows] / street.vanish[1], 0, 1)[..., None]
    street.image[rows] = mix(mix(high, street.air * 1.05, share), rgb(0.97, 0.98, 0.98), clouds * 0.7)


def distance(street: Street) -> None:
    """Draw what closes the view where the street ends: houses and crowns in the haze."""
    rng = street.rng
    x, y = street.vanish
    for _ in range(6):
        left, wide, tall = x + between(rng, -0.3, 0.2), between(rng, 0.05, 0.16), between(rng, 0.02, 0.11)
        green = chance(rng, 0.55)
        shape = (
            ellipse(left + wide / 2, y, wide / 2, tall) if green else rectangle(left, y - tall, left + wide, y + 0.01)
        )
        label(street.labels, shape, PALETTE["vegetation" if green else "building"])
        where, share = cover(shape, street.size)
        tone = street.leaves[where] if green else street.broad[where]
        colour = rgb(0.26, 0.34, 0.2) if green else hsv(0.08, 0.12, between(rng, 0.4, 0.6))
        street.mask(
            where,
            share,
            "vegetation" if green else "building",
            street.hazed(colour * (0.7 + 0.6 * tone)[..., None], 130.0),
        )


def ground(street: Street, across: Profile) -> None:
    """Road with its markings, kerbs, pavements, grass; one side lies in the shadow of the houses."""
    for kind, left, right in _strips(across):
        edge = [(left, 0, 3), (left, 0, _FAR), (right, 0, _FAR), (right, 0, 3)]
        label(street.labels, street.at(edge), PALETTE[kind])
    top = max(int(street.vanish[1] * street.size), 0)
    rows = slice(top, street.size)
    down = np.maximum(street.y[rows] - street.vanish[1], street.focal[1] * street.eye / _FAR)
    z = street.focal[1] * street.eye / down
    x = (street.x - street.vanish[0]) * z / street.focal[0]
    pixel = z / (street.focal[0] * street.size)
    colour = _asphalt(street, across, x, z, pixel, rows)
    for kind, left, right in _strips(across):
        if kind != "road":
            share = step(left, x, pixel) * step(-right, -x, pixel)
            colour = mix(colour, _beside(street, kind, x, z, pixel, rows), share[..., None])
    for kerb in across.kerbs:
        share = step(-0.14, -np.abs(x - kerb), pixel)
        colour = mix(colour, rgb(0.6, 0.59, 0.57), share[..., None] * 0.8)
    shade = step(0, street.sun * (x - across.middle) - between(street.rng, -3, 2), 0.4 + pixel)
    colour = colour * (1.0 + street.sunny * 0.25 - street.sunny * 0.5 * shade[..., None])
    street.image[rows] = street.hazed(colour, z + 0 * x)


def _strips(across: Profile) -> list[tuple[str, float, float]]:
    (kerb_l, kerb_r), (front_l, front_r), (grass_l, grass_r) = across.kerbs, across.fronts, across.verge
    strips = [("road", kerb_l, kerb_r), ("sidewalk", front_l - 30, kerb_l), ("sidewalk", kerb_r, front_r + 30)]
    if grass_l:
        strips.append(("terrain", front_l, front_l + grass_l))
    if grass_r:
        strips.append(("terrain", front_r - grass_r, front_r))
    return strips


def _asphalt(street: Street, across: Profile, x: Array, z: Array, pixel: Array, rows: slice) -> Array:
    rng = street.rng
    tone = between(rng, 0.3, 0.46) * (0.9 + 0.2 * street.broad[rows] + 0.1 * street.leaves[rows])
    tone = tone - 0.03 * np.exp(-((np.abs(np.abs(x - across.middle * 0.5) - 0.8) / 0.35) ** 2))
    colour = tone[..., None] * rgb(1.0, 1.0, 1.03)
    white = between(rng, 0.65, 0.85)
    dashes = (z / between(rng, 7, 10)) % 1 < 0.5 if chance(rng, 0.7) else z > 0
    lines = step(-0.09, -np.abs(x - across.middle), pixel) * dashes
    if chance(rng, 0.5):
        lines = np.maximum(lines, step(-0.07, -np.abs(x - across.kerbs[1] + 2.2), pixel))
    if chance(rng, 0.25):
        at = between(rng, 9, 22)
        zebra = (x / 1.0 % 1 < 0.5) * step(at, z, 0.4) * step(-at - 3, -z, 0.4)
        inside = step(across.kerbs[0], x, pixel) * step(-across.kerbs[1], -x, pixel)
        lines = np.maximum(lines, zebra * inside)
    worn = 0.65 + 0.5 * street.leaves[rows]
    return np.asarray(mix(colour, white, (np.clip(lines * worn, 0, 1) * 0.9)[..., None]), np.float32)


def _beside(street: Street, kind: str, x: Array, z: Array, pixel: Array, rows: slice) -> Array:
    if kind == "terrain":
        return rgb(0.36, 0.42, 0.22) * (0.65 + 0.7 * street.leaves[rows])[..., None]
    soft = np.maximum(pixel, 0.03)
    joints = np.maximum(
        step(0.47, np.abs(x / 0.6 % 1 - 0.5), soft), step(0.47, np.abs(z / 0.9 % 1 - 0.5), soft + 0.02 * z)
    )
    tone = 0.52 + 0.12 * (street.broad[rows] - 0.5) - 0.07 * joints * np.exp(-z / 25)
    return np.asarray(tone[..., None] * rgb(1.02, 0.99, 0.95), np.float32)


def house(street: Street, x: float, near: float, far: float) -> None:
    """Draw one house of a row: the end wall that shows over a lower neighbour, and the front with its windows."""
    rng = street.rng
    side = 1 if x > 0 else -1
    tall = between(rng, 7, 21)
    hue = between(rng, 0.02, 0.14)
    plaster = hsv(hue, between(rng, 0.04, 0.36), between(rng, 0.44, 0.82)) * street.wall_light(side)
    end = [(x, 0, near), (x, tall, near), (x * 2.6, tall, near), (x * 2.6, 0, near)]
    street.put(end, "building", plaster * 0.8)
    roof = between(rng, 1, 3) if chance(rng, 0.6) else 0.0
    if roof:
        tiles = hsv(0.03, between(rng, 0.15, 0.5), between(rng, 0.3, 0.45))
        street.put(
            [(x, tall, near), (x * 1.25, tall + roof, near), (x * 1.25, tall + roof, far), (x, tall, far)],
            "building",
            tiles,
        )
    outline = [(x, 0, near), (x, tall, near), (x, tall, far), (x, 0, far)]
    where, share, y, z = street.plane(x, outline)
    if share.size:
        label(street.labels, street.at(outline), PALETTE["building"])
        colour = _front(street, plaster, tall, y, z - near, z, street.broad[where])
        street.image[where] += share[..., None] * (street.hazed(colour, z) - street.image[where])


def _front(street: Street, plaster: Array, tall: float, y: Array, along: Array, z: Array, tone: Array) -> Array:
    """The look of a house front: storeys of windows over a ground floor of shops, with bands and a cornice."""
    rng = street.rng
    base, storey, bay = between(rng, 3.4, 4.4), between(rng, 2.8, 3.6), between(rng, 2.0, 3.4)
    wide, high = between(rng, 0.4, 0.6), between(rng, 0.45, 0.62)
    soft_z = np.clip(1.5 * z * z / (street.focal[0] * street.size * 7), 0.02, 1.5)
    soft_y = np.clip(1.2 * z / (street.focal[1] * street.size), 0.02, 1.5)
    column, row = along / bay, (y - base) / storey
    panes = _cells(column, wide, soft_z / bay) * _cells(row, high, soft_y / storey)
    panes = panes * step(base, y, soft_y) * step(-tall + 0.5, -y, soft_y)
    frames = _cells(column, wide + 0.14, soft_z / bay) * _cells(row, high + 0.12, soft_y / storey)
    frames = frames * step(base, y, soft_y) * step(-tall + 0.5, -y, soft_y)
    bright = rng.uniform(0.12, 0.42, (16, 64)).astype(np.float32)
    glass = bright[np.floor(row).astype(int) % 16, np.floor(column).astype(int) % 64] * (0.85 + 0.3 * (row % 1))
    colour = plaster * (0.84 + 0.32 * (tone - 0.5) + 0.02 * np.clip(y, 0, 8))[..., None]
    colour = mix(colour, plaster * 1.16, (frames * 0.7)[..., None])
    colour = mix(colour, glass[..., None] * rgb(0.82, 0.98, 1.12), panes[..., None])
    band = step(-0.16, -np.abs(y - base), soft_y) + step(-0.3, -np.abs(y - tall + 0.15), soft_y)
    colour = mix(colour, plaster * 1.22, np.clip(band, 0, 1)[..., None] * 0.7)
    shops = _cells(along / (bay * 2), 0.84, soft_z / bay) * step(0.4, y, soft_y) * step(-base + 0.9, -y, soft_y)
    sign = _cells(along / (bay * 2), 0.84, soft_z / bay) * step(-0.3, -np.abs(y - base + 0.5), soft_y)
    dim = 0.14 + 0.12 * np.sin(np.floor(along / (bay * 2)) * 2.4)[..., None] * rgb(1, 0.6, 0.2) ** 2
    colour = mix(colour, np.clip(dim, 0.04, 1) * rgb(1, 1.02, 1.05), (shops * 0.9)[..., None])
    board = hsv(between(rng, 0, 1), 0.6, between(rng, 0.25, 0.6))
    return np.asarray(mix(colour, board, (sign * float(chance(rng, 0.6)))[..., None]), np.float32)


def _cells(along: Array, share: float, soft: Array) -> Array:
    """1 in the middle ``share`` of every cell."""
    return np.asarray(step(0, share / 2 - np.abs(along % 1 - 0.5), soft), np.float32)


def barrier(street: Street, x: float, near: float, far: float, kind: str) -> None:
    """Draw a garden wall or a fence along the pavement."""
    rng = street.rng
    tall = between(rng, 1.6, 2.6) if kind == "wall" else between(rng, 0.9, 1.5)
    outline = [(x, 0, near), (x, tall, near), (x, tall, far), (x, 0, far)]
    where, share, y, z = street.plane(x, outline)
    if not share.size:
        return
    light = street.wall_light(1 if x > 0 else -1)
    if kind == "wall":
        stone = hsv(between(rng, 0.03, 0.12), between(rng, 0.08, 0.4), between(rng, 0.4, 0.62)) * light
        courses = 0.85 + 0.15 * _cells(y / 0.4, 0.86, np.clip(z / (street.focal[1] * street.size) / 0.4, 0.02, 1))
        colour = stone * (courses * (0.75 + 0.5 * street.leaves[where]))[..., None]
    else:
        soft = np.clip(z * z / (street.focal[0] * street.size * 3), 0.05, 1)
        bars = np.maximum(_cells(z / 0.5, 0.3, soft), step(tall - 0.15, y, 0.05))
        share = share * (0.35 + 0.65 * bars)
        colour = hsv(between(rng, 0.2, 0.5), 0.2, between(rng, 0.2, 0.6)) + 0 * y[..., None]
    label(street.labels, street.at(outline), PALETTE[kind])
    street.image[where] += share[..., None] * (street.hazed(colour, z) - street.image[where])


def tree(street: Street, x: float, z: float) -> None:
    """Draw a street tree: trunk, and a crown that light falls into from above."""
    rng = street.rng
    tall, radius = between(rng, 5, 9), between(rng, 1.6, 3.2)
    bark = hsv(0.08, 0.25, between(rng, 0.22, 0.34))
    street.put(
        [(x - 0.17, 0, z), (x - 0.12, tall * 0.7, z), (x + 0.12, tall * 0.7, z), (x + 0.17, 0, z)], "vegetation", bark
    )
    hue, value = between(rng, 0.17, 0.3), between(rng, 0.3, 0.46)
    centre = street.at([(x, tall, z)])[0]
    rx, ry = street.focal[0] * radius / z, street.focal[1] * radius * 0.85 / z
    where, _ = cover(
        rectangle(centre[0] - 1.3 * rx, centre[1] - 1.3 * ry, centre[0] + 1.3 * rx, centre[1] + 1.3 * ry), street.size
    )
    across, down = (street.x[:, where[1]] - centre[0]) / rx, (street.y[where[0]] - centre[1]) / ry
    lobes = 0.12 * np.sin(across * 3.1 + x) * np.cos(down * 2.7 + z)
    leaves = street.leaves[where]
    depth = 1 - np.hypot(across, down) + lobes + 1.2 * (leaves - 0.5)
    share = np.asarray(step(0, depth, 0.15), np.float32)
    light = 0.45 + 0.75 * leaves - 0.28 * down + 0.12 * street.sunny * street.sun * -across
    colour = hsv(hue, between(rng, 0.35, 0.6), value) * np.clip(light, 0.15, 1.6)[..., None]
    street.mask(where, share, "vegetation", street.hazed(np.asarray(colour, np.float32), z))
