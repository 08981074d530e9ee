"""Objects modelled as a relief of rounded parts on a white background: their photograph and their edge drawing.

A part is a polygon with rounded edges that is added on top of the earlier parts. Lighting, gloss and shadows come from
the height map; the drawing has the visible outlines and seams. Units are those of ``i2i.toolkit.drawing``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from . import (
    Array,
    Bytes,
    Colour,
    Points,
    band,
    blur,
    cover,
    cover_all,
    finish,
    grid,
    hollow,
    mix,
    noise,
    normals,
    shadow,
)

_LIGHT = (-0.42, -0.66, 0.62)
_FINEST = 256  # pixels: smaller images are drawn at this resolution and downsampled, as real ones are


@dataclass(frozen=True)
class Material:
    """Material of a part."""

    colour: Colour
    finish: Literal["leather", "suede", "canvas", "patent", "rubber", "metal"] = "leather"


_GLOSS = {"leather": 0.3, "suede": 0.02, "canvas": 0.03, "patent": 0.85, "rubber": 0.12, "metal": 1.0}
_GRAIN = {"leather": 0.0013, "suede": 0.003, "canvas": 0.0, "patent": 0.001, "rubber": 0.002, "metal": 0.0}
_MOTTLE = {"leather": 0.22, "suede": 0.3, "canvas": 0.1, "patent": 0.06, "rubber": 0.08, "metal": 0.05}


class ReliefModel:
    """An object that is built part by part; later parts cover earlier ones.

    Args:
        rng: Source of all random numbers.
        size: Resolution of the result in pixels.
    """

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.size = size
        self.fine = max(size, _FINEST)
        square = (self.fine, self.fine)
        self._colour = np.ones((*square, 3), np.float32)
        self._height = np.zeros(square, np.float32)
        self._gloss = np.zeros(square, np.float32)
        self._shape = np.zeros(square, np.float32)
        self._ink = np.zeros(square, np.uint8)
        self._grain = noise(rng, self.fine, (90, 90), 2, 0.6) - 0.5
        self._mottle = noise(rng, self.fine, (7, 7), 5, 0.6) - 0.5
        self._faint = noise(rng, self.fine, (14, 14), 3, 0.6)
        self._slack = noise(rng, self.fine, (4, 4), 2) - 0.5
        x, y = grid(self.fine)
        self._weave = (np.sin(x * 560) * np.sin(y * 560)).astype(np.float32)

    def part(
        self,
        points: Points,
        material: Material,
        round: float = 0.02,
        lift: float = 0.0,
        within: Array | None = None,
        outline: float = 0.85,
        paint: Array | None = None,
    ) -> Array:
        """Add a part with rounded edges.

        Args:
            points: Outline of the part, ``(N, 2)`` in image units.
            material: Colour and surface.
            round: Radius of the rounded edge, which is also the height of the part, in image units.
            lift: Height of the edge above the parts below, which determines the shadow, in image units.
            within: Mask of an earlier part that clips this one.
            outline: Fraction of the outline that the drawing shows, in [0, 1].
            paint: Image ``(fine, fine, 3)`` that replaces the colour of the material.

        Returns:
            Mask of the part ``(fine, fine)`` in [0, 1].
        """
        where, mask = cover(points, self.fine)
        whole = np.zeros_like(self._height)
        if not mask.size:
            return whole
        if within is not None:
            mask = mask * within[where]
        whole[where] = mask
        solid = _pad_mask(mask > 0.5)
        self._cushion(where, mask, solid, round, lift)
        colour = np.asarray(material.colour, np.float32) if paint is None else paint[where]
        tone = 1 + _MOTTLE[material.finish] * self._mottle[where]
        if material.finish == "canvas":
            tone = tone + 0.09 * self._weave[where]
        self._height[where] += mask * _GRAIN[material.finish] * self._grain[where]
        self._colour[where] += mask[..., None] * (colour * tone[..., None] - self._colour[where])
        self._gloss[where] += mask * (_GLOSS[material.finish] - self._gloss[where])
        np.maximum(self._shape[where], mask, out=self._shape[where])
        self._draw_outline(where, solid, outline)
        return whole

    def _cushion(self, where: tuple[slice, slice], mask: Array, solid: Bytes, round: float, lift: float) -> None:
        inside = cv2.distanceTransform(solid, cv2.DIST_L2, 3)[1:-1, 1:-1] / self.fine
        rise = round * np.sqrt(1 - (1 - np.clip(inside / round, 0, 1)) ** 2)
        rise = mix(rise, blur(rise, round * 0.3), 0.8)
        self._height[where] += mask * (rise + lift)

    def _draw_outline(self, where: tuple[slice, slice], solid: Bytes, share: float) -> None:
        times = max(self.fine // _FINEST, 1)
        inner = cv2.erode(solid, np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8), iterations=times)
        solid, inner = solid[1:-1, 1:-1], inner[1:-1, 1:-1]
        ink = self._ink[where]
        ink[solid > 0] = 0
        ink[(solid > inner) & (self._faint[where] < _quantile(share))] = 1

    def seam(
        self, line: Points, width: float | Array = 0.004, depth: float = 0.004, drawn: float = 0.6, dark: float = 0.3
    ) -> None:
        """Add a groove along an open line; ``drawn`` is the fraction that the drawing shows, in [0, 1]."""
        where, mask = cover(band(line, width), self.fine)
        mask = mask * self._shape[where]
        self._height[where] -= mask * depth
        self._colour[where] *= (1 - dark * mask)[..., None]
        if drawn > 0 and mask.size:
            trace = np.zeros_like(self._ink)
            fixed = np.round(np.asarray(line, np.float32) * self.fine * 16).astype(np.int32)
            cv2.polylines(trace, [fixed], False, 1, max(self.fine // _FINEST, 1), cv2.LINE_8, 4)
            trace &= (self._shape > 0.5) & (self._faint < _quantile(drawn))
            np.maximum(self._ink, trace, out=self._ink)

    def stitches(self, line: Points, colour: Colour, pitch: float = 0.014, width: float = 0.0034) -> None:
        """Add stitches along an open line; they do not appear in the drawing."""
        points = np.asarray(line, np.float32)
        way = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        starts = np.arange(pitch * 0.25, way[-1] - pitch * 0.5, pitch)
        if len(starts) == 0:
            return
        spots = np.stack([starts, starts + pitch * 0.55], axis=1)
        ends = np.stack([np.interp(spots, way, points[:, axis]) for axis in (0, 1)], axis=-1)
        where, mask = cover_all([band(pair, width) for pair in ends], self.fine)
        mask = mask * self._shape[where]
        self._height[where] += mask * 0.002
        self._colour[where] += mask[..., None] * (np.asarray(colour, np.float32) - self._colour[where])

    def edges(self) -> Bytes:
        """Return the edge drawing, black on white: uint8 ``(size, size, 3)``."""
        solid = _pad_mask(self._shape > 0.5)
        ink, whole = self._ink.copy(), (slice(None), slice(None))
        self._draw_outline(whole, solid, 0.97)
        np.maximum(self._ink, ink, out=self._ink)
        paper = np.repeat((1 - self._ink.astype(np.float32))[..., None], 3, axis=2)
        return finish(paper, self.size)

    def photo(self) -> Bytes:
        """Return the photograph, in soft light on white: uint8 ``(size, size, 3)``."""
        relief = blur(self._height + 0.024 * self._slack * self._shape, 0.0022)
        nx, ny, nz = normals(relief)
        lx, ly, lz = _LIGHT
        diffuse = np.clip(nx * lx + ny * ly + nz * lz, 0, 1) * shadow(relief, (-0.6, -0.9), reach=0.05)
        ambient = (0.5 - 0.2 * ny) * hollow(relief, 0.015, 0.035)
        halfway = (nx * lx + ny * ly + nz * (lz + 1)) / hypot(lx, ly, lz + 1)
        facing = np.clip(halfway, 0, 1)
        shine = self._gloss * (0.75 * facing ** (8 + 70 * self._gloss) + 0.35 * (1 - nz) ** 2 * np.clip(0.4 - ny, 0, 1))
        lower = 1.12 - 0.3 * grid(self.fine)[1]
        light = (ambient + 0.85 * diffuse) * lower
        lit = np.sqrt(np.clip(self._colour**2 * light[..., None] + shine[..., None], 0, 1))
        return finish(mix(self._ground()[..., None], lit, self._shape[..., None]), self.size)

    def _ground(self) -> Array:
        """Return a white background with a soft shadow below the object."""
        sunk = np.roll(self._shape, max(round(0.012 * self.fine), 1), axis=0)
        return np.asarray(1 - 0.16 * blur(sunk, 0.012), np.float32)


def _pad_mask(mask: npt.NDArray[np.bool_]) -> Bytes:
    """Return the mask as uint8 with a border of zeros one pixel wide, so that shapes end at the edge of the image."""
    return np.pad(mask.astype(np.uint8), 1)


def _quantile(share: float) -> float:
    """Return the level that this fraction of ``noise`` stays below (measured: nearly normal, 0.51 ± 0.19)."""
    return 9.0 if share >= 1 else 0.51 + 0.19 * float(np.log(max(share, 1e-6) / (1 - share)) / 1.7)
