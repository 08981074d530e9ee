"""The head as a viewer sees it: turned, and looked up on its sheet ray by ray.

A ray through each quarter of a pixel walks into the picture until it lies within the relief. All rays of a coarser
picture make a first, long walk together, and then each fine one a short walk from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from math import cos, radians, sin
from typing import Any

import cv2
import numpy as np

from .canvas import AIR, LEFT, TOP, Canvas, Floats, smooth
from .parameters import Face

EXTENT, ABOVE = 2.62, 1.27
"""Height and width of a picture in 100 mm, and how much of it lies above the eyes: about the crop of FFHQ."""
PIVOT = np.array([0, 0.42, -0.12], np.float32)
"""What the head turns about: near the top of the neck."""
NEAR, FAR, STRIDE = 1.25, -1.3, 0.055
"""Depths between which a ray looks for the head, and its stride on the first, coarse walk."""
STEPS = 5
"""Of the second, fine walk, which goes from one coarse stride before to two behind."""
BEHIND, LOW, UNDERSIDE = 0.65, 0.5, 0.5
"""z and y beyond which the back may be seen below the jaw, and the share of the front's light that it sends."""
_AT_ONCE = 8192
"""Rays that walk together: what they need stays in a processor's cache, and OpenCV takes no rows beyond 32,767."""


def turn_of(face: Face) -> Floats:
    """The matrix ``(3, 3)`` from the head's directions to the room's."""
    yaw, pitch, roll = radians(face.yaw), radians(face.pitch), radians(face.roll)
    about_y = np.array([[cos(yaw), 0, sin(yaw)], [0, 1, 0], [-sin(yaw), 0, cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, cos(pitch), sin(pitch)], [0, -sin(pitch), cos(pitch)]])
    about_z = np.array([[cos(roll), -sin(roll), 0], [sin(roll), cos(roll), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y, np.float32)


def shift_of(turn: Floats) -> Floats:
    """Where the head's origin lies in the room: the face stays near the middle, as in aligned photographs."""
    middle = np.array([0, 0.35, 0.72], np.float32)
    kept = PIVOT - turn @ PIVOT
    drift = (turn @ middle + kept - middle)[:2] * 0.72
    return np.asarray(kept - np.append(drift, 0), np.float32)


def project(points: Floats, turn: Floats, size: int) -> Floats:
    """Points ``(N, 3)`` of the head -> pixels ``(N, 2)``; (0, 0) is the centre of the upper left pixel."""
    seen = points @ turn.T + shift_of(turn)
    return np.asarray((seen[:, :2] + (EXTENT / 2, ABOVE)) * (size / EXTENT) - 0.5, np.float32)


def screen(size: int) -> tuple[Floats, Floats]:
    """Pixel centres of a picture in the room: x ``(1, size)`` and y ``(size, 1)``."""
    line = (np.arange(size, dtype=np.float32) + 0.5) * (EXTENT / size)
    return (line - EXTENT / 2)[None, :], (line - ABOVE)[:, None]


def look(canvas: Canvas, lit: Floats, turn: Floats, size: int) -> Floats:
    """The head's picture ``(size, size, 4)``: linear RGB, multiplied by the share of each pixel, and that share.

    Args:
        lit: Light that the sheet sends to the viewer, ``(canvas.size, canvas.size, 3)``.
        turn: Matrix ``(3, 3)`` from the head's directions to the room's.
    """
    relief = np.dstack([canvas.front, canvas.back])
    fine = 2 * size
    coarse, near_by = _walk(canvas, relief, turn, size // 2), np.ones((3, 3), np.uint8)
    first = cv2.dilate(coarse, near_by)
    # Past the edge of a cheek or a nose, a ray meets not the nearest surface around it but the one behind.
    second = cv2.erode(np.where(coarse > FAR, coarse, np.float32(NEAR)), near_by)
    first, second = (
        cv2.resize(each, (fine, fine), interpolation=cv2.INTER_NEAREST).ravel() for each in (first, second)
    )
    every, whole = _Rays(canvas, turn, fine), np.zeros((fine * fine, 4), np.float32)
    depths = np.empty(fine * fine, np.float32)
    for pixels in _in_turns(np.flatnonzero(first > FAR)):
        rays = every.some(pixels)
        depth, hit = _meet(rays, relief, first[pixels])
        missed = np.flatnonzero(~hit & (second[pixels] < first[pixels]))
        depth[missed], hit[missed] = _meet(rays.some(missed), relief, second[pixels[missed]])
        found = pixels[hit]
        whole[found, :3] = every.some(found).read(lit, depth[hit])
        whole[found, 3] = 1
        depths[found] = depth[hit]
    _shade_below(canvas, lit, every, depths, whole)
    return np.asarray(cv2.resize(whole.reshape(fine, fine, 4), (size, size), interpolation=cv2.INTER_AREA), np.float32)


def _shade_below(canvas: Canvas, lit: Floats, rays: _Rays, depths: Floats, whole: Floats) -> None:
    """Put into the shade what is seen of the back below the jaw: the sheet's light is the front's.

    Args:
        depths: At which the rays met the head, ``(N,)``; of any value where they did not.
        whole: Linear RGB, and 1 for those that met it, else 0: ``(N, 4)``.
    """
    # From around, since at the edge both fall to nothing from one pixel of the sheet to the next.
    under = np.zeros((canvas.size, canvas.size, 4), np.float32)
    rows = slice(int((LOW - TOP) / canvas.pixel), None)
    wide = 2 * max(round(0.05 / canvas.pixel), 2) + 1
    under[rows, :, :3] = cv2.blur(lit[rows], (wide, wide))
    under[rows, :, 3] = cv2.dilate(canvas.front[rows], np.ones((wide, wide), np.uint8))
    half = len(whole) // 2
    for pixels in _in_turns(half + np.flatnonzero(whole[half:, 3])):  # in the lower half of the picture
        some = rays.some(pixels)
        y, z = some.along(1, depths[pixels]), some.along(2, depths[pixels])
        low = (y > LOW) & (z < BEHIND)
        pixels, y, z = pixels[low], y[low], z[low]
        around = some.some(low).read(under, depths[pixels])
        share = smooth(0.03, 0.3, around[:, 3] - z) * smooth(LOW, LOW + 0.3, y)
        whole[pixels, :3] += share[:, None] * (UNDERSIDE * around[:, :3] - whole[pixels, :3])


def _in_turns(pixels: Any) -> Iterator[Any]:
    return (pixels[start : start + _AT_ONCE] for start in range(0, len(pixels), _AT_ONCE))


def _walk(canvas: Canvas, relief: Floats, turn: Floats, size: int) -> Floats:
    """The depth before which each ray of a picture first meets the head ``(size, size)``; ``FAR`` where it does not."""
    depths = np.arange(NEAR, FAR, -STRIDE, dtype=np.float32)[:, None]
    (rows, columns), met = canvas.solid(), np.full(size * size, FAR, np.float32)
    box = [canvas.x[0, columns][[0, -1]], canvas.y[rows, 0][[0, -1]]]
    every = _Rays(canvas, turn, size)
    left = every.through(box, depths)
    for near in np.array_split(depths, 3):
        for pixels in _in_turns(left):
            first, found = _first_inside(every.some(pixels).outside(relief, near))
            met[pixels] = np.where(found, near[first, 0], np.float32(FAR))
        left = left[met[left] == FAR]
    return met.reshape(size, size)


def _meet(rays: _Rays, relief: Floats, start: Floats) -> tuple[Floats, Any]:
    """Depths ``(N,)`` at which rays meet the head, and whether they do: looked for from just before ``start``."""
    before = np.minimum(start + STRIDE, NEAR)
    depths = before - np.arange(STEPS + 1, dtype=np.float32)[:, None] * np.float32(3 * STRIDE / STEPS)
    outside = rays.outside(relief, depths)
    first, found = _first_inside(outside)
    first = np.maximum(first, 1)
    every = np.arange(len(start))
    after, until = outside[first, every], outside[first - 1, every]
    share = np.clip(after / np.minimum(after - until, -1e-6), 0, 1)
    return depths[first, every] + share * np.float32(3 * STRIDE / STEPS), found


def _first_inside(outside: Floats) -> tuple[Any, Any]:
    """Of ``(D, N)``: the number of the first below 0 in each column, and whether there is one."""
    # Three times as fast as argmax and any over the first axis.
    steps = np.arange(len(outside), dtype=np.uint8)[:, None]
    first = np.where(outside < 0, steps, np.uint8(255)).min(axis=0)
    found = first < 255
    return np.where(found, first, 0), found


class _Rays:
    """Rays of a picture, ``(N,)``, by the head's directions; all of them to begin with, row by row."""

    def __init__(self, canvas: Canvas, turn: Floats, size: int) -> None:
        x, y = screen(size)
        shift = shift_of(turn)
        x, y = x - shift[0], y - shift[1]
        self._towards, self._pixel = turn[2], np.float32(canvas.pixel)
        # Where each passes the depth 0 of the room; rows of ``turn`` are the room's directions.
        start = (turn[0, axis] * x + turn[1, axis] * y - turn[2, axis] * shift[2] for axis in range(3))
        self._start = [part.ravel() for part in start]

    def some(self, which: Any) -> _Rays:
        """Those of these numbers."""
        few = copy(self)
        few._start = [part[which] for part in self._start]
        return few

    def through(self, box: list[Floats], depths: Floats) -> Any:
        """Numbers of the rays that may pass through a box of the sheet, x and y of two edges each, at these depths."""
        possible = np.ones(self._start[0].size, bool)
        for start, towards, (low, high) in zip(self._start, self._towards, box, strict=False):
            ends = start + towards * depths[0], start + towards * depths[-1]
            possible &= (np.maximum(*ends) > low) & (np.minimum(*ends) < high)
        return np.flatnonzero(possible)

    def along(self, axis: int, depths: Floats) -> Floats:
        """A coordinate of the head at depths ``(..., N)`` or ``(D, 1)`` of the room."""
        place = self._start[axis] + self._towards[axis] * depths
        return np.asarray(place, np.float32)

    def outside(self, relief: Floats, depths: Floats) -> Floats:
        """How far points at depths ``(D, N)`` of the room lie outside the head, along the head's z; below 0 within."""
        found = self.read(relief, depths)
        z = self.along(2, depths)
        before = found[..., 1] - z
        z -= found[..., 0]
        return np.asarray(np.maximum(z, before, out=z), np.float32)

    def read(self, sheet: Floats, depths: Floats) -> Floats:
        """What a sheet ``(S, S, C)`` says at depths ``(..., N)`` of the room: ``(..., N, C)``."""
        x, y = self.along(0, depths), self.along(1, depths)
        for line, edge in ((x, LEFT), (y, TOP)):  # in place: new memory costs more than the arithmetic on it
            line -= edge
            line /= self._pixel
            line -= 0.5
        if not x.size:
            return np.zeros((*x.shape, sheet.shape[2]), np.float32)
        border = (AIR, -AIR) if sheet.shape[2] == 2 else (0.0,) * 4
        found = cv2.remap(sheet, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=border)
        return np.asarray(found, np.float32).reshape(*x.shape, sheet.shape[2])
