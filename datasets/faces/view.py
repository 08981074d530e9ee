"""The head as a viewer sees it: turned, and looked up on its sheet ray by ray."""

from __future__ import annotations

from copy import copy
from math import cos, radians, sin
from typing import Any

import cv2
import numpy as np

from .canvas import AIR, LEFT, TOP, Canvas, Floats
from .parameters import Face

EXTENT, ABOVE = 2.62, 1.27
"""Height and width of a picture in 100 mm, and how much of it lies above the eyes: about the crop of FFHQ."""
PIVOT = np.array([0, 0.42, -0.12], np.float32)
"""What the head turns about: near the top of the neck."""
NEAR, FAR, STRIDE = 1.25, -1.3, 0.055
"""Depths between which a ray looks for the head, and its stride on the first, coarse walk."""
STEPS = 5
"""Of the second, fine walk, which goes from one coarse stride before to two behind."""


def turn_of(face: Face) -> Floats:
    """The matrix ``(3, 3)`` from the head's directions to the room's."""
    yaw, pitch, roll = radians(face.yaw), radians(face.pitch), radians(face.roll)
    about_y = np.array([[cos(yaw), 0, sin(yaw)], [0, 1, 0], [-sin(yaw), 0, cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, cos(pitch), sin(pitch)], [0, -sin(pitch), cos(pitch)]])
    about_z = np.array([[cos(roll), -sin(roll), 0], [sin(roll), cos(roll), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y, np.float32)


def shift_of(turn: Floats) -> Floats:
    """Where the head's origin comes to lie in the room: the face stays in the middle, as aligned photographs have it."""
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
    """The head's picture ``(size, size, 4)``: linear RGB, multiplied by the share of each pixel, and that share."""
    relief = np.dstack([canvas.front, canvas.back])
    fine = 2 * size
    coarse, near_by = _walk(canvas, relief, turn, size // 2), np.ones((3, 3), np.uint8)
    first = cv2.dilate(coarse, near_by)
    # Past the edge of a cheek or a nose, a ray meets not the nearest surface around it but the one behind.
    second = cv2.erode(np.where(coarse > FAR, coarse, NEAR), near_by)
    first, second = (cv2.resize(each, (fine, fine), interpolation=cv2.INTER_NEAREST) for each in (first, second))
    pixels = np.flatnonzero(first > FAR)
    rays = _Rays(canvas, turn, fine, pixels)
    depth, hit = _meet(rays, relief, first.ravel()[pixels])
    missed = np.flatnonzero(~hit & (second.ravel()[pixels] < first.ravel()[pixels]))
    depth[missed], hit[missed] = _meet(rays.some(missed), relief, second.ravel()[pixels[missed]])
    whole = np.zeros((fine * fine, 4), np.float32)
    found = np.flatnonzero(hit)
    whole[pixels[found], :3] = rays.some(found).read(lit, depth[found])
    whole[pixels[found], 3] = 1
    return cv2.resize(whole.reshape(fine, fine, 4), (size, size), interpolation=cv2.INTER_AREA)


def _walk(canvas: Canvas, relief: Floats, turn: Floats, size: int) -> Floats:
    """The depth before which each ray of a picture first meets the head ``(size, size)``; ``FAR`` where it does not."""
    rays = _Rays(canvas, turn, size, np.arange(size * size))
    depths = np.arange(NEAR, FAR, -STRIDE, dtype=np.float32)[:, None]
    inside = rays.outside(relief, depths) < 0
    first = inside.argmax(axis=0)
    return np.where(inside.any(axis=0), depths[first, 0], np.float32(FAR)).reshape(size, size)


def _meet(rays: _Rays, relief: Floats, start: Floats) -> tuple[Floats, Any]:
    """Depths ``(N,)`` at which rays meet the head, looked for shortly before and behind ``start``, and whether they do."""
    before = np.minimum(start + STRIDE, NEAR)
    depths = before - np.arange(STEPS + 1, dtype=np.float32)[:, None] * np.float32(3 * STRIDE / STEPS)
    outside = rays.outside(relief, depths)
    inside = outside < 0
    first = np.maximum(inside.argmax(axis=0), 1)
    every = np.arange(len(start))
    after, until = outside[first, every], outside[first - 1, every]
    share = np.clip(after / np.minimum(after - until, -1e-6), 0, 1)
    return depths[first, every] + share * np.float32(3 * STRIDE / STEPS), inside.any(axis=0)


class _Rays:
    """Some rays of a picture, ``(N,)``, by the head's directions."""

    def __init__(self, canvas: Canvas, turn: Floats, size: int, pixels: Any) -> None:
        """``pixels`` are counted row by row."""
        x, y = screen(size)
        shift = shift_of(turn)
        x, y = x[0, pixels % size] - shift[0], y[pixels // size, 0] - shift[1]
        self._towards, self._pixel = turn[2], np.float32(canvas.pixel)
        # Where each passes the depth 0 of the room; rows of ``turn`` are the room's directions.
        self._start = [turn[0, axis] * x + turn[1, axis] * y - turn[2, axis] * shift[2] for axis in range(3)]

    def some(self, which: Any) -> _Rays:
        """Those of these numbers."""
        few = copy(self)
        few._start = [part[which] for part in self._start]
        return few

    def outside(self, relief: Floats, depths: Floats) -> Floats:
        """How far points at depths ``(D, N)`` of the room lie outside the head, along the head's z; below 0 within."""
        found = self.read(relief, depths)
        z = self._start[2] + self._towards[2] * depths
        return np.maximum(z - found[..., 0], found[..., 1] - z)

    def read(self, sheet: Floats, depths: Floats) -> Floats:
        """What a sheet ``(S, S, C)`` says at depths ``(..., N)`` of the room: ``(..., N, C)``."""
        x = (self._start[0] + self._towards[0] * depths - LEFT) / self._pixel - np.float32(0.5)
        y = (self._start[1] + self._towards[1] * depths - TOP) / self._pixel - np.float32(0.5)
        row = 1 << 14  # OpenCV takes no more than 32,767 pixels in a row
        places = [np.pad(part.ravel(), (0, -part.size % row)).reshape(-1, row) for part in (x, y)]
        edge = (AIR, -AIR) if sheet.shape[2] == 2 else 0
        found = cv2.remap(sheet, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=edge)
        return found.reshape(-1, sheet.shape[2])[: x.size].reshape(*x.shape, sheet.shape[2])
