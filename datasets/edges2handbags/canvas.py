"""The canvas of a handbag: its position in the image, its materials, and parts that several kinds of bags have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from i2i.toolkit.drawing import (
    Array,
    band,
    between,
    chance,
    curve,
    ellipse,
    grid,
    hsv,
    jittered_curve,
    mix,
    rectangle,
    rgb,
    square_outline,
    step,
)
from i2i.toolkit.drawing.relief import Material, ReliefModel

Outline = Sequence[tuple[float, float]]


class HandbagCanvas:
    """A handbag in the making.

    Bag units: ``u`` from the left (-1) to the right (1) of the body, ``v`` from its bottom (0) to its top (1).
    ``Outline`` arguments are in bag units, results of methods in image units.
    """

    def __init__(self, rng: np.random.Generator, model: ReliefModel) -> None:
        self.rng = rng
        self.model = model
        self._half, self._tall, self._bottom = 0.35, 0.5, 0.9
        self._turn = between(rng, -0.05, 0.05)
        self.main = self.material(_main_colour(rng))
        self.second = self.material(_main_colour(rng)) if chance(rng, 0.45) else self.main
        gold, silver = Material((0.86, 0.7, 0.4), "metal"), Material((0.78, 0.79, 0.8), "metal")
        self.metal = gold if chance(rng, 0.6) else silver
        self.lining = Material(np.asarray(self.main.colour) * 0.45, "suede")
        pale = mix(np.asarray(self.main.colour), rgb(0.95, 0.9, 0.8), 0.55)
        self.thread = pale if chance(rng, 0.5) else np.asarray(self.main.colour) * 0.6

    def material(self, colour: Array) -> Material:
        """Choose a material of this colour at random."""
        kinds = ("leather", "suede", "canvas", "patent")
        return Material(colour, self.rng.choice(kinds, p=[0.58, 0.12, 0.18, 0.12]).item())

    def place(self, aspect: float, above: float) -> None:
        """Fit a body ``aspect`` times as tall as wide, and a handle of ``above`` body heights, into the image."""
        wide = between(self.rng, 0.8, 0.92)
        wide = min(wide, between(self.rng, 0.86, 0.92) / (aspect * (1 + above)))
        self._half, self._tall = wide / 2, wide * aspect
        self._bottom = 0.5 + self._tall * (1 + above) / 2

    def at(self, points: Outline | Array) -> Array:
        """Convert bag units ``(N, 2)`` to image units."""
        u, v = np.asarray(points, np.float32).T
        x, y = u * self._half, self._bottom - v * self._tall
        return np.stack([0.5 + x, y + x * self._turn], axis=1)

    def shape(self, points: Outline, loose: float = 0.01, closed: bool = True) -> Array:
        """Return a smooth outline or line through points that are displaced by up to ``loose``."""
        return self.at(jittered_curve(self.rng, points, loose, closed))

    def panel(self, left: float, bottom: float, right: float, top: float, corner: float, flare: float = 0.0) -> Array:
        """Return a box with round lower corners that is ``flare`` wider at its top on either side."""
        low, high = (left + right) / 2 - (right - left) / 2 + flare, (left + right) / 2 + (right - left) / 2 - flare
        angle = np.linspace(0, np.pi / 2, 6)
        ru, rv = corner, corner * self._half / self._tall
        right_corner = np.stack([high - ru + ru * np.cos(-angle), bottom + rv - rv * np.sin(angle)], axis=1)
        left_corner = np.stack([low + ru - ru * np.sin(angle), bottom + rv - rv * np.cos(angle)], axis=1)
        top_edge = curve([(left, top), ((left + right) / 2, top + between(self.rng, -0.02, 0.02)), (right, top)], False)
        return self.at(np.vstack([top_edge, right_corner, left_corner]))

    def measure(self, share: float) -> float:
        """Convert a fraction of half the width of the body to image units."""
        return share * self._half

    def sew(self, line: Array, drawn: float = 0.4) -> None:
        """Add a seam with topstitching along a line in image units."""
        self.model.seam(line, width=0.003, depth=0.0015, drawn=drawn, dark=0.15)
        self.model.stitches(line, self.thread, pitch=0.013)

    def strap(self, line: Outline, width: float, material: Material, loose: float = 0.01, sewn: bool = True) -> None:
        """Add a strap of this width (image units) along a line."""
        path = self.shape(line, loose, closed=False)
        self.model.part(band(path, width), material, round=width * 0.4, lift=0.003, outline=0.95)
        if sewn and width > 0.02:
            self.model.stitches(path + np.array([width * 0.28, 0], np.float32), self.thread, pitch=0.012, width=0.0026)

    def ring(self, u: float, v: float, radius: float) -> None:
        """Add a metal ring."""
        x, y = self.at([(u, v)])[0]
        circle = ellipse(x, y, radius, radius, count=20)
        self.model.part(
            band(np.vstack([circle, circle[:1]]), radius * 0.42), self.metal, round=radius * 0.2, outline=0.9
        )

    def stud(self, u: float, v: float, radius: float) -> None:
        """Add a metal stud or rivet."""
        x, y = self.at([(u, v)])[0]
        self.model.part(ellipse(x, y, radius, radius, count=16), self.metal, round=radius, outline=0.8)

    def lock(self, u: float, v: float, size: float) -> None:
        """Add a clasp: a plate with a knob, a frame, or a magnet's round lid."""
        x, y = self.at([(u, v)])[0]
        kind = int(self.rng.integers(3))
        if kind == 0:
            self.model.part(
                rectangle(x - size, y - size * 0.7, x + size, y + size * 0.7), self.metal, round=size * 0.2, lift=0.004
            )
            self.model.part(ellipse(x, y, size * 0.4, size * 0.3), self.metal, round=size * 0.3, lift=0.004)
        elif kind == 1:
            self.model.part(band(square_outline(x, y, size), size * 0.36), self.metal, round=size * 0.2, lift=0.004)
            self.model.part(rectangle(x - size * 0.1, y - size, x + size * 0.1, y + size), self.metal, round=size * 0.1)
        else:
            self.model.part(ellipse(x, y, size * 0.8, size * 0.8), self.metal, round=size * 0.5, lift=0.004)

    def zip(self, line: Outline) -> None:
        """Add a zip along a line; its slider hangs from one end."""
        path = self.shape(line, 0.002, closed=False)
        self.model.part(band(path, 0.017), self.lining, round=0.004, outline=0.5)
        self.model.stitches(path, self.metal.colour, pitch=0.006, width=0.005)
        x, y = path[-2]
        self.model.part(rectangle(x - 0.006, y, x + 0.006, y + 0.035), self.metal, round=0.005, lift=0.004, outline=0.8)

    def pattern(self) -> Array | None:
        """Return a pattern ``(fine, fine, 3)`` of two colours, or None for a plain bag."""
        rng, size = self.rng, self.model.fine
        kind = str(rng.choice(["plain", "stripes", "dots", "check", "blocks"], p=[0.74, 0.08, 0.05, 0.05, 0.08]))
        if kind == "plain":
            return None
        x, y = grid(size)
        pitch = between(rng, 0.03, 0.08)
        if kind == "stripes":
            share = step(0.5, np.abs((x if chance(rng, 0.5) else y) / pitch % 1 - 0.5) * 2, 0.1) + 0 * x * y
        elif kind == "dots":
            row = np.floor(y / pitch) % 2 * 0.5
            share = step(-0.28, -np.hypot((x / pitch + row) % 1 - 0.5, y / pitch % 1 - 0.5), 0.08)
        elif kind == "check":
            share = 0.4 * step(0.5, np.abs(x / pitch % 1 - 0.5) * 2, 0.1) + 0.4 * step(
                0.5, np.abs(y / pitch % 1 - 0.5) * 2, 0.1
            )
        else:
            share = step(self._bottom - self._tall * between(rng, 0.3, 0.7), y, 0.004) + 0 * x
        other = _main_colour(rng)
        return np.asarray(mix(np.asarray(self.main.colour), other, share[..., None]), np.float32)


def _main_colour(rng: np.random.Generator) -> Array:
    """Sample a colour; black, brown and pale ones are the most frequent."""
    kind = between(rng, 0, 1)
    if kind < 0.24:
        return hsv(between(rng, 0, 1), between(rng, 0, 0.2), between(rng, 0.09, 0.2))
    if kind < 0.5:
        return hsv(between(rng, 0.035, 0.095), between(rng, 0.4, 0.78), between(rng, 0.28, 0.74))
    if kind < 0.7:
        return hsv(between(rng, 0.04, 0.14), between(rng, 0.02, 0.28), between(rng, 0.6, 0.94))
    return hsv(between(rng, 0.52, 1.12), between(rng, 0.4, 0.88), between(rng, 0.3, 0.86))
