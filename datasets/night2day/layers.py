"""What stands in a landscape, as layers from far to near: mountains, towns, woods, shores, trees and lamps.

A layer knows nothing of the hour; it says what it is made of, how the land turns to the light, and what glows at night.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from i2i.toolkit.drawing import (
    Array,
    between,
    blur,
    chance,
    cover,
    ellipse,
    fill,
    grid,
    hsv,
    mix,
    noise,
    rectangle,
    rgb,
    step,
)


@dataclass
class LandscapeLayer:
    """One layer of the scene; arrays are ``(size, size)`` or ``(size, size, 3)``."""

    mask: Array
    colour: Array
    shade: Array
    """1 where the land faces the light, down to 0."""
    glow: Array | None
    """Light of its own at night."""
    haze: float
    """The fraction of air between it and the viewer."""

    @property
    def rows(self) -> slice:
        """The rows of the image that it shows in, with those its glow spills over."""
        seen = np.flatnonzero(self.mask.any(axis=1))
        spill = 0 if self.glow is None else len(self.mask) // 8
        return slice(max(int(seen[0]) - spill, 0), int(seen[-1]) + 1 + spill) if len(seen) else slice(0, 0)


def profile(rng: np.random.Generator, size: int, cells: int, octaves: int, gain: float = 0.5) -> Array:
    """Return a wavy line ``(1, size)``, about [-0.5, 0.5]."""
    total = np.zeros((1, size), np.float32)
    for octave in range(octaves):
        knots = rng.random((1, cells << octave), dtype=np.float32) - 0.5
        total += gain**octave * cv2.resize(knots, (size, 1), interpolation=cv2.INTER_CUBIC)
    return total


def below(line: Array, size: int, soft: float = 0.0) -> Array:
    """Return the fraction ``(size, size)`` of each pixel that lies under a line."""
    _, y = grid(size)
    return np.asarray(step(0, y - line, 1 / size + soft), np.float32)


def _sunlit(relief: Array, strength: float) -> Array:
    slope = cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=3) * (len(relief) / 8)
    return np.asarray(np.clip(0.55 + strength * slope, 0, 1.2), np.float32)


def mountains(rng: np.random.Generator, size: int, foot: float, rise: float, haze: float) -> LandscapeLayer:
    """Draw a chain of mountains or hills; rock and snow where it is high, woods and meadows where it is low."""
    _, y = grid(size)
    wild = between(rng, 0.42, 0.58)
    crest = foot - rise * (0.62 + 0.9 * profile(rng, size, int(rng.integers(2, 5)), 7, wild))
    folds = noise(rng, size, (10, 6), 6, 0.62)
    height = np.clip((foot - y) / max(rise, 1e-3), 0, 1.2) + 0.5 * (folds - 0.5)
    wood = hsv(between(rng, 0.22, 0.36), between(rng, 0.25, 0.5), between(rng, 0.2, 0.38))
    rock = hsv(between(rng, 0.05, 0.12), between(rng, 0.08, 0.25), between(rng, 0.4, 0.55))
    colour = mix(wood, rock, step(between(rng, 0.3, 0.7), height, 0.25)[..., None])
    if rise > 0.17 and chance(rng, 0.6):
        colour = mix(colour, rgb(0.93, 0.95, 0.98), step(between(rng, 0.66, 0.9), height, 0.1)[..., None])
    mask = below(crest, size) * (y < foot + 0.05)
    return LandscapeLayer(mask, np.asarray(colour, np.float32), _sunlit(folds, 0.16), None, haze)


def woods(rng: np.random.Generator, size: int, foot: float, rise: float, haze: float) -> LandscapeLayer:
    """Draw the edge of a wood: crowns in a row, light on their tops."""
    _, y = grid(size)
    pointed = chance(rng, 0.4)
    fine = profile(rng, size, 46, 3, 0.7)
    crowns = np.abs(fine) * 1.5 if pointed else 0.5 + 0.5 * fine
    crest = foot - rise * (0.45 + 0.5 * profile(rng, size, 5, 3) + 0.5 * crowns)
    leaves = noise(rng, size, (34, 34), 3, 0.7)
    colour = (
        hsv(between(rng, 0.2, 0.36), between(rng, 0.35, 0.6), between(rng, 0.22, 0.42))
        * (0.6 + 0.8 * leaves)[..., None]
    )
    shade = np.clip(1.1 - (y - crest) / max(rise, 1e-3) * 0.8, 0.2, 1) * (0.4 + 0.9 * leaves)
    mask = below(crest, size, 0.004) * (y < foot + 0.03)
    return LandscapeLayer(mask, np.asarray(colour, np.float32), np.asarray(shade, np.float32), None, haze)


def _empty(size: int, haze: float) -> LandscapeLayer:
    flat = np.zeros((size, size), np.float32)
    return LandscapeLayer(
        flat, np.zeros((size, size, 3), np.float32), flat + 0.7, np.zeros((size, size, 3), np.float32), haze
    )


def town(rng: np.random.Generator, size: int, foot: float, rise: float, haze: float) -> LandscapeLayer:
    """Draw a row of buildings with rows of windows, some of them lit by night; gabled houses where it is low."""
    layer = _empty(size, haze)
    village = rise < 0.1
    left, right = (0.0, 1.0) if chance(rng, 0.55) else sorted((between(rng, 0, 0.5), between(rng, 0.5, 1)))
    x = left - between(rng, 0, 0.03)
    hump = between(rng, left, right)
    while x < right:
        wide = between(rng, 0.035, 0.075) if village else between(rng, 0.045, 0.12)
        tall = rise * between(rng, 0.35, 1.0) * (1 if village else 0.5 + 0.7 * np.exp(-(((x - hump) / 0.28) ** 2)))
        _building(rng, layer, (x, foot - tall, x + wide, foot + 0.01), gabled=village)
        x += wide * (between(rng, 1.05, 2.2) if village else between(rng, 0.8, 1.25))
    return layer


def _building(
    rng: np.random.Generator, layer: LandscapeLayer, box: tuple[float, float, float, float], gabled: bool
) -> None:
    size = len(layer.mask)
    x0, y0, x1, y1 = box
    wall = hsv(
        between(rng, 0.02, 0.14) if chance(rng, 0.7) else 0.58, between(rng, 0.03, 0.35), between(rng, 0.38, 0.86)
    )
    pane = (between(rng, 0.012, 0.02), between(rng, 0.016, 0.026))
    lamps = (rng.random((40, 64)) < between(rng, 0.15, 0.65)) * rng.uniform(0.45, 1, (40, 64))
    tint = mix(rgb(1.0, 0.72, 0.32), rgb(0.85, 0.92, 1.0), between(rng, 0, 1) ** 3)
    where, mask = cover(rectangle(x0, y0, x1, y1), size)
    if mask.size:
        x, y = grid(size)
        x, y = x[:, where[1]], y[where[0]]
        across, down = (x - x0) / pane[0], (y - y0) / pane[1]
        glass = _frame(across, 0.52, size * pane[0]) * _frame(down, 0.56, size * pane[1])
        glass = glass * (across > 0.2) * ((x1 - x) / pane[0] > 0.2) * (down > 0.3)
        lit = lamps[np.floor(down).astype(int) % 40, np.floor(across).astype(int) % 64] * glass
        layer.mask[where] = np.maximum(layer.mask[where], mask)
        body = mix(wall, rgb(0.24, 0.3, 0.37), (glass * 0.85)[..., None])
        layer.colour[where] += mask[..., None] * (body - layer.colour[where])
        face = np.where(x < mix(x0, x1, 0.7), 0.95, 0.42) + 0 * y
        layer.shade[where] += mask * (face - layer.shade[where])
        if layer.glow is not None:
            layer.glow[where] = layer.glow[where] * (1 - mask[..., None]) + (mask * lit * 1.7)[..., None] * tint
    if gabled:
        lean, top = 0.006, y0 - (x1 - x0) * between(rng, 0.3, 0.5)
        roof = [(x0 - lean, y0 + 0.003), (mix(x0, x1, 0.3), top), (mix(x0, x1, 0.7), top), (x1 + lean, y0 + 0.003)]
        _add(layer, roof, hsv(0.03, between(rng, 0.2, 0.6), between(rng, 0.3, 0.55)), 0.85)


def _frame(along: Array, share: float, pixels: float) -> Array:
    """1 in the middle ``share`` of every cell, with edges one pixel soft."""
    return np.asarray(step(0, share / 2 - np.abs(along % 1 - 0.5), max(1 / pixels, 0.05)), np.float32)


def _add(layer: LandscapeLayer, points: Array | list[tuple[float, float]], colour: Array, shade: float) -> None:
    """Put a flat thing on a layer."""
    where, mask = cover(points, len(layer.mask))
    layer.mask[where] = np.maximum(layer.mask[where], mask)
    layer.colour[where] += mask[..., None] * (colour - layer.colour[where])
    layer.shade[where] += mask * (shade - layer.shade[where])
    if layer.glow is not None:
        layer.glow[where] *= 1 - mask[..., None]


def ground(rng: np.random.Generator, size: int, line: float) -> LandscapeLayer:
    """Meadow, sand or paving that runs from a line in the image to the viewer's feet."""
    _, y = grid(size)
    edge = line + 0.025 * profile(rng, size, 3, 4)
    near = np.clip((y - line) / (1 - line + 1e-3), 0, 1)
    kind = between(rng, 0, 1)
    if kind < 0.55:
        colour = hsv(between(rng, 0.16, 0.3), between(rng, 0.3, 0.55), between(rng, 0.35, 0.55))
    else:
        colour = hsv(between(rng, 0.06, 0.12), between(rng, 0.05, 0.35), between(rng, 0.42, 0.66))
    texture = mix(noise(rng, size, (14, 90), 3, 0.7), noise(rng, size, (60, 60), 2, 0.9), near)
    whole = colour * (0.78 + 0.44 * texture)[..., None]
    shade = 0.6 + 0.4 * texture + 0.12 * profile(rng, size, 4, 2)
    return LandscapeLayer(below(edge, size), np.asarray(whole, np.float32), np.asarray(shade, np.float32), None, 0.04)


def tree(rng: np.random.Generator, size: int, x: float, foot: float, tall: float) -> LandscapeLayer:
    """Draw one tree near the viewer: a trunk, and a crown of leaves with the sky between them."""
    layer = _empty(size, 0.0)
    bark = hsv(0.08, 0.35, between(rng, 0.2, 0.35))
    trunk = [
        (x - tall * 0.035, foot),
        (x - tall * 0.02, foot - tall * 0.5),
        (x + tall * 0.02, foot - tall * 0.5),
        (x + tall * 0.035, foot),
    ]
    _add(layer, trunk, bark, 0.5)
    px, py = grid(size)
    leaves = noise(rng, size, (26, 26), 4, 0.8)
    crown = np.full((size, size), -9.0, np.float32)
    for _ in range(7):
        cx, cy = x + between(rng, -0.26, 0.26) * tall, foot - tall * between(rng, 0.48, 0.86)
        radius = tall * between(rng, 0.14, 0.24)
        np.maximum(crown, 1 - np.hypot((px - cx) / radius, (py - cy) / (radius * 0.85)), out=crown)
    mask = np.asarray(step(0.0, crown + 1.5 * (leaves - 0.5), 0.16), np.float32)
    green = (
        hsv(between(rng, 0.12, 0.34), between(rng, 0.35, 0.65), between(rng, 0.25, 0.45))
        * (0.6 + 0.8 * leaves)[..., None]
    )
    layer.mask = np.maximum(layer.mask, mask)
    layer.colour = np.asarray(mix(layer.colour, green, mask[..., None]), np.float32)
    layer.shade = np.asarray(mix(layer.shade, np.clip(0.2 + 0.5 * crown + 0.8 * leaves, 0, 1.2), mask), np.float32)
    return layer


def lamps(rng: np.random.Generator, size: int, foot: float, tall: float) -> LandscapeLayer:
    """Street lamps in a row, each with its halo by night."""
    layer = _empty(size, 0.0)
    iron = hsv(0.4, 0.2, 0.22)
    warm = mix(rgb(1.0, 0.66, 0.28), rgb(1.0, 0.93, 0.8), between(rng, 0, 1))
    spots = np.zeros((size, size), np.float32)
    for x in np.arange(between(rng, 0.04, 0.2), 1.0, between(rng, 0.14, 0.3)):
        _add(layer, rectangle(x - tall * 0.016, foot - tall, x + tall * 0.016, foot), iron, 0.6)
        globe = ellipse(x, foot - tall, tall * 0.075, tall * 0.075, count=14)
        _add(layer, globe, rgb(0.86, 0.85, 0.8), 0.9)
        where, mask = cover(globe, size)
        spots[where] = np.maximum(spots[where], mask)
    pool = np.zeros((size, size, 3), np.float32)
    fill(pool, rectangle(0, foot, 1, foot + tall * 0.3), warm * 0.1)
    halo = 1.6 * spots + 1.5 * blur(spots, 0.012) + 2.5 * blur(spots, 0.045)
    layer.glow = np.asarray(halo[..., None] * warm + blur(pool, 0.02), np.float32)
    return layer
