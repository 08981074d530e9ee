"""The renderer of synthetic landscapes: one view by night and by day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from i2i.toolkit.drawing import (
    Array,
    Bytes,
    between,
    blur,
    chance,
    cover,
    ellipse,
    finish,
    grid,
    hsv,
    mix,
    noise,
    rgb,
    step,
)

from .layers import LandscapeLayer, ground, lamps, mountains, town, tree, woods


@dataclass(frozen=True)
class View:
    """The layers of a view."""

    layers: list[LandscapeLayer]
    """What stands behind the water or the fields, from far to near."""
    front: list[LandscapeLayer]
    """What stands before them."""
    shore: float | None
    """Where water begins, or None where there is none."""


def draw(rng: np.random.Generator, size: int) -> tuple[Bytes, Bytes]:
    """Draw a view by night and by day, each uint8 ``(size, size, 3)``, RGB."""
    horizon = between(rng, 0.45, 0.64)
    view = _view(rng, size, horizon)
    clouds = step(between(rng, 0.42, 0.66), noise(rng, size, (2, 5), 6, 0.55), 0.3)
    ripples = noise(rng, size, (10, 90), 3, 0.7) - 0.5
    grain = noise(rng, size, (256, 256), 1) - 0.5
    night = _night(rng, view, horizon, clouds, ripples)
    day = _day(rng, view, horizon, clouds, ripples)
    return finish(night + 0.05 * grain[..., None], size), finish(day + 0.02 * grain[..., None], size)


def _view(rng: np.random.Generator, size: int, horizon: float) -> View:
    layers: list[LandscapeLayer] = []
    chains = int(rng.integers(0, 4))
    for index in range(chains):
        nearness = (index + 1) / (chains + 1)
        rise = between(rng, 0.1, 0.36) * (1.15 - nearness)
        layers.append(mountains(rng, size, horizon + 0.012 * index, rise, mix(0.68, 0.2, nearness)))
    city = chance(rng, 0.62)
    if city:
        layers.append(town(rng, size, horizon + 0.01, between(rng, 0.12, 0.3), 0.34))
        layers.append(town(rng, size, horizon + 0.016, between(rng, 0.07, 0.2), 0.14))
    if chance(rng, 0.6) or not layers:
        layers.append(woods(rng, size, horizon + 0.018, between(rng, 0.03, 0.1), 0.12))
    if not city:
        layers.append(town(rng, size, horizon + 0.022, between(rng, 0.03, 0.06), 0.08))
    front: list[LandscapeLayer] = []
    shore = horizon + 0.018 if chance(rng, 0.62) else None
    bank = between(rng, 0.82, 1.02) if shore is not None else horizon + 0.012
    if bank < 1:
        front.append(ground(rng, size, bank))
    if chance(rng, 0.5) and bank < 0.97:
        front.append(lamps(rng, size, between(rng, max(bank + 0.02, 0.84), 1.0), between(rng, 0.12, 0.28)))
    elif chance(rng, 0.5):
        layers.append(lamps(rng, size, horizon + 0.02, between(rng, 0.03, 0.05)))
    if chance(rng, 0.5):
        side = between(rng, -0.04, 0.16) if chance(rng, 0.5) else between(rng, 0.84, 1.04)
        front.append(tree(rng, size, side, between(rng, 0.93, 1.05), between(rng, 0.5, 0.85)))
    return View(layers, front, shore)


def _day(rng: np.random.Generator, view: View, horizon: float, clouds: Array, ripples: Array) -> Array:
    size = len(clouds)
    _, y = grid(size)
    fair = between(rng, 0.2, 1)
    high = mix(rgb(0.66, 0.71, 0.77), hsv(between(rng, 0.57, 0.61), 0.66, between(rng, 0.66, 0.8)), fair)
    low = mix(rgb(0.86, 0.88, 0.9), hsv(between(rng, 0.53, 0.6), 0.17, 0.96), fair)
    image = mix(high, low, (np.clip(y / horizon, 0, 1) ** 1.3)[..., None]) + np.zeros((size, size, 3), np.float32)
    lumps = 0.82 + 0.18 * np.clip((clouds - np.roll(clouds, -max(size // 40, 1), axis=0)) * 2 + 0.6, 0, 1)
    image = mix(image, rgb(1.0, 0.99, 0.97) * lumps[..., None], (clouds * mix(0.5, 0.92, 1 - y))[..., None])
    sun = rgb(1.0, 0.95, 0.84) * mix(0.45, 0.95, fair)
    sky = rgb(0.86, 0.95, 1.08) * mix(0.62, 0.5, fair)

    for layer in view.layers:
        _lay(image, layer, sun, sky, low * 0.93, hour="day")
    if view.shore is not None:
        deep = hsv(between(rng, 0.48, 0.58), between(rng, 0.35, 0.6), between(rng, 0.3, 0.48))
        image = _water(image, view.shore, ripples, deep, 0.66)
    for layer in view.front:
        _lay(image, layer, sun, sky, low * 0.93, hour="day")
    return np.asarray(image * between(rng, 0.96, 1.08), np.float32)


def _lay(
    image: Array, layer: LandscapeLayer, light: Array, sky: Array, air: Array, hour: Literal["day", "night"]
) -> None:
    """Put a layer before what is there: lit from one side and by the sky, faded into the air, aglow by night."""
    rows = layer.rows
    lit = layer.colour[rows] * (light * layer.shade[rows][..., None] + sky)
    mask = layer.mask[rows][..., None]
    if hour == "night" and layer.glow is not None:
        glow = layer.glow[rows]
        around = 0.45 * blur(glow, 0.008) + 0.4 * blur(glow, 0.03)
        image[rows] += (glow * (1 - mask) + around) * ((1 - layer.haze) * (1 - mask))
        lit += glow + around
    image[rows] += mask * (mix(lit, air, layer.haze) - image[rows])


def _night(rng: np.random.Generator, view: View, horizon: float, clouds: Array, ripples: Array) -> Array:
    size = len(clouds)
    moonlit = between(rng, 0.25, 1)
    image, low = _night_sky(rng, size, horizon, clouds, moonlit)
    moon = rgb(0.2, 0.25, 0.36) * moonlit
    sky = rgb(0.07, 0.09, 0.15) + 0.22 * low

    for layer in view.layers:
        _lay(image, layer, moon, sky, low, hour="night")
    if view.shore is not None:
        image = _water(image, view.shore, ripples, rgb(0.015, 0.03, 0.055), 0.72)
    for layer in view.front:
        _lay(image, layer, moon, sky, low, hour="night")
    return np.asarray(1 - np.exp(-between(rng, 1.5, 2.2) * np.clip(image, 0, None)), np.float32)


def _night_sky(
    rng: np.random.Generator, size: int, horizon: float, clouds: Array, moonlit: float
) -> tuple[Array, Array]:
    """The sky ``(size, size, 3)`` with stars, perhaps the moon, and the colour ``(3,)`` it has near the horizon."""
    x, y = grid(size)
    high = hsv(between(rng, 0.6, 0.68), between(rng, 0.6, 0.85), between(rng, 0.04, 0.2))
    low = mix(
        hsv(between(rng, 0.58, 0.64), 0.6, between(rng, 0.16, 0.34)), hsv(0.07, 0.5, 0.36), between(rng, 0, 1) ** 2
    )
    image = mix(high, low, (np.clip(y / horizon, 0, 1) ** 2.2)[..., None]) + np.zeros((size, size, 3), np.float32)
    lattice = (np.clip(rng.random((256, 256), dtype=np.float32) - 0.9955, 0, None) * 200).astype(np.float32)
    stars = cv2.resize(lattice, (size, size), interpolation=cv2.INTER_AREA if size <= 256 else cv2.INTER_CUBIC)
    image = image + (stars * np.clip(1.1 - y / horizon, 0, 1))[..., None] * rgb(0.9, 0.95, 1.0)
    if chance(rng, 0.6):
        cx, cy, radius = between(rng, 0.08, 0.92), between(rng, 0.06, horizon * 0.5), between(rng, 0.016, 0.035)
        far = np.hypot(x - cx, y - cy) / radius
        halo = 0.5 * np.exp(-far / 2.2) + 0.1 * np.exp(-far / 8)
        image = image + halo[..., None] * rgb(0.8, 0.88, 1.0)
        where, disc = cover(ellipse(cx, cy, radius, radius), size)
        face = 1.25 - 0.5 * noise(rng, size, (24, 24), 2)[where]
        image[where] = mix(image[where], face[..., None] * rgb(1.0, 0.97, 0.88) * 1.6, disc[..., None])
    veil = (0.05 + 0.12 * moonlit) * rgb(0.75, 0.85, 1.0) + 0.35 * low
    return np.asarray(mix(image, veil, (clouds * 0.75)[..., None]), np.float32), low


def _water(image: Array, shore: float, ripples: Array, deep: Array, mirror: float) -> Array:
    """Everything below ``shore`` becomes water that mirrors what stands above it, broken by ripples."""
    size = len(image)
    x, y = grid(size)
    near = np.clip((y - shore) / (1 - shore), 0, 1)
    rows = (2 * shore - y - 0.002 + ripples * (0.01 + 0.12 * near)) * size - 0.5
    columns = (x + ripples * 0.05 * near) * size - 0.5
    reflection = cv2.remap(
        image, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    reflection = cv2.blur(reflection, (1, max(round(0.03 * size), 1)))
    share = mirror * (1 - 0.55 * near) * (1 + 0.5 * ripples)
    water = mix(deep, reflection, share[..., None])
    return np.asarray(mix(image, water, step(shore, y, 1.5 / size)[..., None]), np.float32)
