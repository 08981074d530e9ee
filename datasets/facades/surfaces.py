"""What a facade is made of and stands among: walls of brick, stone and plaster, sky, roof and street."""

from __future__ import annotations

import numpy as np

from i2i.toolkit.drawing import Array, between, chance, cover, fill, grid, hsv, mix, noise, rectangle, rgb, step

from .layout import Facade


def wall(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Return a wall that fills the image: colour ``(size, size, 3)`` and relief ``(size, size)``."""
    kind = str(rng.choice(["brick", "plaster", "stone"], p=[0.36, 0.4, 0.24]))
    if kind == "brick":
        hue, saturation, value = between(rng, 0.0, 0.075), between(rng, 0.3, 0.62), between(rng, 0.4, 0.68)
        course = between(rng, 0.009, 0.014)
        colour, height = _courses(rng, size, hsv(hue, saturation, value), (course * 3, course), 0.16, 0.13)
    elif kind == "stone":
        colour = hsv(between(rng, 0.07, 0.13), between(rng, 0.06, 0.3), between(rng, 0.6, 0.84))
        course = between(rng, 0.028, 0.045)
        colour, height = _courses(rng, size, colour, (course * between(rng, 1.6, 2.4), course), 0.06, 0.05)
    else:
        usual = chance(rng, 0.78)
        hue = between(rng, 0.02, 0.16) if usual else between(rng, 0.2, 0.98)
        flat = hsv(hue, between(rng, 0.04, 0.42 if usual else 0.22), between(rng, 0.62, 0.93))
        colour, height = np.broadcast_to(flat, (size, size, 3)), np.zeros((size, size), np.float32)
    return _weathered(rng, colour), height


def _courses(
    rng: np.random.Generator, size: int, colour: Array, brick: tuple[float, float], joint: float, spread: float
) -> tuple[Array, Array]:
    """Blocks in running bond; ``joint`` is the mortar's share of a course, ``spread`` how much blocks differ."""
    x, y = grid(size)
    row = np.floor(y / brick[1])
    across = x / brick[0] + 0.5 * (row % 2)
    block = (np.floor(across) * 17 + row * 31).astype(np.int64) % 251
    from_side = np.abs(across % 1 - 0.5) * brick[0]
    from_bed = np.abs(y / brick[1] % 1 - 0.5) * brick[1]
    inset = np.maximum(from_side - brick[0] / 2, from_bed - brick[1] / 2) + joint * brick[1] / 2
    mortar = step(0, inset, max(1.3 / size, 0.002)).astype(np.float32)
    tone = (1 + spread * rng.standard_normal(251)).astype(np.float32)[block][..., None]
    pale = mix(colour, rgb(0.66, 0.63, 0.58), between(rng, 0.25, 0.8))
    return mix(colour * tone, pale, mortar[..., None] * 0.8), -0.0016 * mortar


def _weathered(rng: np.random.Generator, colour: Array) -> Array:
    """Clouds of tone, streaks that rain has left, and dirt near the street."""
    size = len(colour)
    _, y = grid(size)
    clouds = noise(rng, size, (3, 3), 6, 0.6) - 0.5
    streaks = noise(rng, size, (40, 2), 3) - 0.5
    strength = between(rng, 0.25, 1)
    dirt = between(rng, 0, 0.25) * step(0.93, y, 0.2)
    tone = 1 + strength * (0.34 * clouds + 0.2 * streaks * (0.4 + y)) - dirt
    return np.asarray(colour * tone[..., None], np.float32)


def sky(rng: np.random.Generator, size: int) -> Array:
    """Sky over the image, from deep blue to overcast, brighter towards the roofs."""
    _, y = grid(size)
    overcast = between(rng, 0, 1) ** 1.5
    high = mix(hsv(between(rng, 0.56, 0.61), 0.62, 0.74), rgb(0.78, 0.81, 0.85), overcast)
    low = mix(hsv(0.57, 0.2, 0.95), rgb(0.93, 0.94, 0.95), overcast)
    clouds = step(between(rng, 0.45, 0.62), noise(rng, size, (2, 6), 5), 0.25)[..., None]
    return np.asarray(
        mix(mix(high, low, np.clip(y * 4, 0, 1)[..., None]), rgb(0.97, 0.97, 0.97), clouds * 0.8), np.float32
    )


def surroundings(rng: np.random.Generator, size: int, facade: Facade) -> Array:
    """Everything round the wall: sky, roof, chimneys, the neighbours and the street."""
    image = sky(rng, size)
    _neighbours(rng, image, facade)
    if facade.top > 0.06 and chance(rng, 0.75):
        _roof(rng, image, facade)
    if facade.bottom < 1:
        _street(rng, image, facade)
    return image


def _neighbours(rng: np.random.Generator, image: Array, facade: Facade) -> None:
    texture = noise(rng, len(image), (6, 14), 4)[..., None]
    for x0, x1 in ((-0.1, facade.left), (facade.right, 1.1)):
        colour = hsv(between(rng, 0.02, 0.14), between(rng, 0.05, 0.4), between(rng, 0.4, 0.75))
        top = facade.top + between(rng, -0.1, 0.12)
        if chance(rng, 0.75):
            fill(image, rectangle(x0, top, x1, 1.1), colour * (0.75 + 0.4 * texture))


def _roof(rng: np.random.Generator, image: Array, facade: Facade) -> None:
    """A roof that leans back from the cornice, in rows of tiles or slates."""
    size = len(image)
    x, y = grid(size)
    colour = hsv(0.03, 0.5, 0.5) if chance(rng, 0.45) else hsv(0.6, 0.1, between(rng, 0.3, 0.5))
    rise = min(between(rng, 0.04, 0.13), facade.top * 0.85)
    lean = between(rng, 0, 0.06)
    ridge = facade.top - rise
    for _ in range(int(rng.integers(0, 4))):
        left = between(rng, facade.left + lean, facade.right - lean - 0.06)
        brick = hsv(0.03, 0.4, between(rng, 0.35, 0.55))
        fill(image, rectangle(left, ridge - between(rng, 0.02, 0.05), left + 0.05, facade.top), brick)
        fill(image, rectangle(left + 0.03, ridge - 0.06, left + 0.05, facade.top), brick * 0.7)
    rows = 0.8 + 0.2 * np.sqrt(y / 0.011 % 1) + 0.0 * x
    tiles = colour * (rows * (0.75 + 0.5 * noise(rng, size, (64, 64), 2)))[..., None]
    slope = [
        (facade.left, facade.top),
        (facade.left + lean, ridge),
        (facade.right - lean, ridge),
        (facade.right, facade.top),
    ]
    fill(image, slope, tiles * mix(1.15, 0.85, np.clip((y - ridge) / rise, 0, 1))[..., None])


def _street(rng: np.random.Generator, image: Array, facade: Facade) -> None:
    size = len(image)
    _, y = grid(size)
    stone = hsv(0.1, between(rng, 0.02, 0.1), between(rng, 0.42, 0.66))
    ground = stone * (0.8 + 0.4 * noise(rng, size, (12, 60), 3))[..., None]
    near_wall = 0.55 + 0.45 * np.clip((y - facade.bottom) / 0.02, 0, 1)
    fill(image, rectangle(0, facade.bottom, 1, 1), ground * near_wall[..., None])
    kerb = mix(facade.bottom, 1.0, between(rng, 0.35, 0.8))
    fill(image, rectangle(0, kerb, 1, kerb + 0.008), stone * 1.25)
    fill(image, rectangle(0, kerb + 0.008, 1, 1), ground * 0.62)


def reflections(rng: np.random.Generator, size: int) -> Array:
    """Return what window panes mirror, ``(size, size)``: 0 for the dark house opposite, 1 for the sky above it."""
    broad = noise(rng, size, (5, 7), 3)
    return np.asarray(step(0.5, broad, 0.16) * (0.75 + 0.5 * (noise(rng, size, (9, 9), 2) - 0.5)), np.float32)


def wall_mask(facade: Facade, size: int) -> Array:
    """Return the fraction of each pixel that belongs to the wall, ``(size, size)``."""
    mask = np.zeros((size, size), np.float32)
    where, share = cover(rectangle(facade.left, facade.top, facade.right, facade.bottom), size)
    mask[where] = share
    return mask
