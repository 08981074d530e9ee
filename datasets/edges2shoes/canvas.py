"""The canvas of a shoe: its position in the image, its materials, and parts that several kinds of shoes have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from i2i.toolkit.drawing import Array, band, between, chance, ellipse, hsv, jittered_curve, mix, square_outline
from i2i.toolkit.drawing.relief import Material, ReliefModel

Outline = Sequence[tuple[float, float]]


class ShoeCanvas:
    """A shoe in the making, in shoe lengths: ``u`` from the toe (0) to the heel (1), ``v`` upwards from the ground.

    ``Outline`` arguments are in shoe lengths, results of methods in image units.
    """

    def __init__(self, rng: np.random.Generator, model: ReliefModel) -> None:
        self.rng = rng
        self.model = model
        self._rise = between(rng, 0, 0.16)
        self._length, self._ground, self._stretch = 0.86, 0.72, 1.0
        self.main = self.material(_main_colour(rng))
        self.second = self.main if chance(rng, 0.45) else self.material(_main_colour(rng))
        self.lining = Material(hsv(between(rng, 0.05, 0.12), between(rng, 0.05, 0.5), between(rng, 0.3, 0.85)), "suede")
        self.thread = hsv(0.11, 0.3, between(rng, 0.5, 0.95))

    def material(self, colour: Array) -> Material:
        """Choose a material of this colour at random."""
        kinds = ("leather", "suede", "canvas", "patent")
        return Material(colour, self.rng.choice(kinds, p=[0.52, 0.2, 0.16, 0.12]).item())

    def place(self, height: float) -> None:
        """Fit a shoe of this height into the middle of the image; low shoes are seen from slightly above."""
        self._stretch = between(self.rng, 1.1, 1.4) if height < 0.9 else between(self.rng, 1.0, 1.1)
        whole = height * self._stretch + self._rise
        self._length = min(between(self.rng, 0.84, 0.92), 0.94 / whole)
        self._ground = 0.5 + (height * self._stretch) * self._length / 2

    def at(self, points: Outline | Array) -> Array:
        """Convert shoe lengths ``(N, 2)`` to image units; the toe is nearer to the viewer, so it is lower."""
        u, v = np.asarray(points, np.float32).T
        x = 0.5 + (u - 0.5) * self._length
        y = self._ground - (v * self._stretch + self._rise * (u - 0.5)) * self._length
        return np.stack([x, y], axis=1)

    def shape(self, points: Outline, loose: float = 0.006, closed: bool = True) -> Array:
        """Return a smooth outline or line through points that are displaced by up to ``loose``."""
        return self.at(jittered_curve(self.rng, points, loose, closed))

    def scale(self, measure: float) -> float:
        """Convert a length from shoe lengths to image units."""
        return measure * self._length

    def sole(self, under: Outline, over: Outline, material: Material, round: float = 0.02) -> Array:
        """Add a sole between its lower and upper line, both from toe to heel, and return its mask."""
        lower, upper = self.shape(under, 0.002, closed=False), self.shape(over, 0.002, closed=False)
        return self.model.part(np.vstack([lower, upper[::-1]]), material, round=self.scale(round), outline=0.9)

    def sew(self, line: Outline, drawn: float = 0.55, thread: bool = True) -> None:
        """Add a seam along a line, with stitches beside it."""
        path = self.shape(line, 0.003, closed=False)
        self.model.seam(path, width=0.0042, depth=0.004, drawn=drawn)
        if thread:
            self.model.stitches(path + np.array([0.004, 0.007], np.float32), self.thread)

    def laces(
        self, foot: tuple[float, float], top: tuple[float, float], count: int, wide: float, eyelets: bool
    ) -> None:
        """Add ``count`` laces between two points of the throat, and a bow at the upper end."""
        colour = hsv(between(self.rng, 0, 1), between(self.rng, 0, 0.3), float(self.rng.choice([0.12, 0.5, 0.92])))
        lace = Material(colour, "canvas")
        thick = self.scale(0.02)
        for share in np.linspace(0, 1, count):
            u, v = (mix(a, b, share) for a, b in zip(foot, top, strict=True))
            row = [
                (u - wide * 0.55, v + wide * 0.75),
                (u + wide * 0.1, v + wide * 0.25),
                (u + wide * 0.62, v - wide * 0.45),
            ]
            self.model.part(band(self.shape(row, 0.004, closed=False), thick), lace, round=thick / 2, outline=0.5)
            if eyelets:
                eye = self.at([row[-1]])[0]
                ring = ellipse(eye[0], eye[1], thick * 0.55, thick * 0.55, count=12)
                self.model.part(ring, Material((0.75, 0.7, 0.55), "metal"), round=0.004, outline=0.3)
        for side in (-1, 1):
            u, v = top
            loop = [
                (u, v),
                (u + side * 0.05, v + 0.05),
                (u + side * 0.085, v + 0.01),
                (u + side * 0.06, v - 0.035),
                (u, v),
            ]
            ribbon = band(self.shape(loop, 0.006, closed=False), thick * 0.8)
            self.model.part(ribbon, lace, round=thick / 2, outline=0.5)

    def buckle(self, u: float, v: float, size: float) -> None:
        """Add a square metal frame on a strap."""
        x, y = self.at([(u, v)])[0]
        half = self.scale(size)
        metal = Material((0.8, 0.72, 0.5) if chance(self.rng, 0.5) else (0.75, 0.76, 0.78), "metal")
        self.model.part(band(square_outline(x, y, half), half * 0.4), metal, round=half * 0.2, lift=0.002, outline=0.8)


def _main_colour(rng: np.random.Generator) -> Array:
    """Sample a colour; black, brown and grey ones are the most frequent."""
    kind = between(rng, 0, 1)
    if kind < 0.27:
        return hsv(between(rng, 0, 1), between(rng, 0, 0.2), between(rng, 0.09, 0.22))
    if kind < 0.62:
        return hsv(between(rng, 0.035, 0.1), between(rng, 0.4, 0.78), between(rng, 0.25, 0.74))
    if kind < 0.78:
        return hsv(between(rng, 0.05, 0.65), between(rng, 0, 0.14), between(rng, 0.45, 0.94))
    return hsv(between(rng, 0, 1), between(rng, 0.4, 0.82), between(rng, 0.35, 0.85))
