"""The last every shoe is built on: its own measures, its place in the image, its colours and its laces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from i2i.toolkit.drawing import Array, band, between, chance, curve, ellipse, hsv, mix
from i2i.toolkit.drawing.relief import Material, ReliefModel

Outline = Sequence[tuple[float, float]]


class ShoeCanvas:
    """Shoe measures: ``u`` from the toe (0) to the heel (1), ``v`` upwards from the ground in the same unit."""

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
        """Some hide or cloth of this colour."""
        kinds = ("leather", "suede", "canvas", "patent")
        return Material(colour, self.rng.choice(kinds, p=[0.52, 0.2, 0.16, 0.12]).item())

    def place(self, height: float) -> None:
        """Fit a shoe of this height (in shoe lengths) into the middle of the image; low ones are seen from above."""
        self._stretch = between(self.rng, 1.1, 1.4) if height < 0.9 else between(self.rng, 1.0, 1.1)
        whole = height * self._stretch + self._rise
        self._length = min(between(self.rng, 0.84, 0.92), 0.94 / whole)
        self._ground = 0.5 + (height * self._stretch) * self._length / 2

    def at(self, points: Outline | Array) -> Array:
        """Shoe measures ``(N, 2)`` to image units; the toe is nearer to the viewer and so stands lower."""
        u, v = np.asarray(points, np.float32).T
        x = 0.5 + (u - 0.5) * self._length
        y = self._ground - (v * self._stretch + self._rise * (u - 0.5)) * self._length
        return np.stack([x, y], axis=1)

    def shape(self, points: Outline, loose: float = 0.006, closed: bool = True) -> Array:
        """A smooth outline or line through shoe points, each moved a little, in image units."""
        moved = np.asarray(points, np.float32) + self.rng.uniform(-loose, loose, (len(points), 2)).astype(np.float32)
        return self.at(curve(moved, closed))

    def scale(self, measure: float) -> float:
        """A shoe measure in image units."""
        return measure * self._length

    def sole(self, under: Outline, over: Outline, material: Material, round: float = 0.02) -> Array:
        """A sole between its lower and its upper line, both from toe to heel, with corners at the ends."""
        lower, upper = self.shape(under, 0.002, closed=False), self.shape(over, 0.002, closed=False)
        return self.model.part(np.vstack([lower, upper[::-1]]), material, round=self.scale(round), outline=0.9)

    def sew(self, line: Outline, drawn: float = 0.55, thread: bool = True) -> None:
        """A seam along shoe points, with thread beside it."""
        path = self.shape(line, 0.003, closed=False)
        self.model.seam(path, width=0.0042, depth=0.004, drawn=drawn)
        if thread:
            self.model.stitches(path + np.array([0.004, 0.007], np.float32), self.thread)

    def laces(
        self, foot: tuple[float, float], top: tuple[float, float], count: int, wide: float, eyelets: bool
    ) -> None:
        """Rows of lace between two points of the throat, and a bow at the upper end."""
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
        """A metal frame on a strap, the strap's own colour showing within."""
        x, y = self.at([(u, v)])[0]
        half = self.scale(size)
        metal = Material((0.8, 0.72, 0.5) if chance(self.rng, 0.5) else (0.75, 0.76, 0.78), "metal")
        square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)], np.float32) * half + np.array(
            [x, y], np.float32
        )
        self.model.part(band(square, half * 0.4), metal, round=half * 0.2, lift=0.002, outline=0.8)


def _main_colour(rng: np.random.Generator) -> Array:
    """Black, brown and grey most of the time, as in a shop."""
    kind = between(rng, 0, 1)
    if kind < 0.27:
        return hsv(between(rng, 0, 1), between(rng, 0, 0.2), between(rng, 0.09, 0.22))
    if kind < 0.62:
        return hsv(between(rng, 0.035, 0.1), between(rng, 0.4, 0.78), between(rng, 0.25, 0.74))
    if kind < 0.78:
        return hsv(between(rng, 0.05, 0.65), between(rng, 0, 0.14), between(rng, 0.45, 0.94))
    return hsv(between(rng, 0, 1), between(rng, 0.4, 0.82), between(rng, 0.35, 0.85))
