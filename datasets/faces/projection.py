"""The projection of a head: rotated, and rendered by ray casting against the height maps of its canvas.

A ray through each pixel walks into the image until it lies within the relief, and where what it meets is bent or
ends, one through each quarter of the pixel. All rays of a coarser image make a first, long walk together, and then
each fine one a short walk from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from math import cos, radians, sin
from typing import Any

import cv2
import numpy as np

from .canvas import AIR, LEFT, TOP, Canvas, Floats, Window, smooth
from .parameters import FaceParameters

EXTENT, ABOVE = 2.62, 1.27
"""Height and width of an image in 100 mm, and how much of it lies above the eyes: about the crop of FFHQ."""
PIVOT = np.array([0, 0.42, -0.12], np.float32)
"""What the head turns about: near the top of the neck."""
NEAR, FAR, STRIDE = 1.25, -1.3, 0.055
"""Depths between which a ray looks for the head, and its stride on the first, coarse walk."""
STEPS = 5
"""Of the second, fine walk, which goes from one coarse stride before to two behind."""
BEHIND, LOW, UNDERSIDE = 0.65, 0.5, 0.5
"""z and y beyond which the back may be seen below the jaw, and the share of the front's light that it sends."""
BENT = 0.1
"""By how much a pixel's depth departs from its neighbours' plane where the pixel is looked at in quarters."""
_AT_ONCE = 30000
"""Rays that walk together: OpenCV takes no rows beyond 32,767."""


def turn_of(face: FaceParameters) -> Floats:
    """Return the matrix ``(3, 3)`` from the head's directions to the room's."""
    yaw, pitch, roll = radians(face.yaw), radians(face.pitch), radians(face.roll)
    about_y = np.array([[cos(yaw), 0, sin(yaw)], [0, 1, 0], [-sin(yaw), 0, cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, cos(pitch), sin(pitch)], [0, -sin(pitch), cos(pitch)]])
    about_z = np.array([[cos(roll), -sin(roll), 0], [sin(roll), cos(roll), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y, np.float32)


def shift_of(turn: Floats) -> Floats:
    """Return the position of the head's origin in the room; the face is near the middle, as in aligned photos."""
    middle = np.array([0, 0.35, 0.72], np.float32)
    kept = PIVOT - turn @ PIVOT
    drift = (turn @ middle + kept - middle)[:2] * 0.72
    return np.asarray(kept - np.append(drift, 0), np.float32)


def project(points: Floats, turn: Floats, size: int) -> Floats:
    """Points ``(N, 3)`` of the head -> pixels ``(N, 2)``; (0, 0) is the centre of the upper left pixel."""
    seen = points @ turn.T + shift_of(turn)
    return np.asarray((seen[:, :2] + (EXTENT / 2, ABOVE)) * (size / EXTENT) - 0.5, np.float32)


def screen(size: int) -> tuple[Floats, Floats]:
    """Pixel centres of an image in the room: x ``(1, size)`` and y ``(size, 1)``."""
    line = (np.arange(size, dtype=np.float32) + 0.5) * (EXTENT / size)
    return (line - EXTENT / 2)[None, :], (line - ABOVE)[:, None]


def look(canvas: Canvas, lit: Floats, turn: Floats, size: int) -> Floats:
    """Return the image of the head ``(4, size, size)``: premultiplied linear RGB, and the coverage.

    Args:
        lit: Light from the canvas to the viewer, ``(3, canvas.size, canvas.size)``.
        turn: Matrix ``(3, 3)`` from the head's directions to the room's.
    """
    rays = _Rays(canvas, turn, 2 * size)
    depths = _depths(canvas, turn, rays, size)
    seen = np.concatenate([rays.read(lit, depths), np.ones((1, *depths.shape), np.float32)])
    seen *= depths > FAR
    _shade_below(canvas, lit, rays, depths, seen)
    return np.stack([cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA) for plane in seen])


def _shade_below(canvas: Canvas, lit: Floats, rays: _Rays, depths: Floats, seen: Floats) -> None:
    """Shade the visible part of the back below the jaw, as the canvas has the light of the front.

    Args:
        depths: At which the rays met the head, ``(N, N)``; of any value where they did not.
        seen: Linear RGB, and 1 for those that met it, else 0: ``(4, N, N)``; changed in place.
    """
    # Blurred, as both fall to 0 within one pixel of the canvas at the edge.
    rows = slice(int((LOW - TOP) / canvas.pixel), None)
    wide = 2 * max(round(0.05 / canvas.pixel), 2) + 1
    under = np.zeros((4, canvas.size, canvas.size), np.float32)
    for plane, level in zip(under, lit, strict=False):
        plane[rows] = cv2.blur(level[rows], (wide, wide))
    under[3, rows] = cv2.dilate(canvas.front[rows], np.ones((wide, wide), np.uint8))
    half, rays, depths, seen = depths.size // 2, rays.flat(), depths.ravel(), seen.reshape(4, -1)
    for pixels in _in_turns(half + np.flatnonzero(seen[3, half:])):  # in the lower half of the image
        some = rays.some(pixels)
        y, z = some.along(1, depths[pixels]) * canvas.pixel + (TOP + canvas.pixel / 2), some.along(2, depths[pixels])
        low = np.flatnonzero((y > LOW) & (z < BEHIND))
        pixels, y, z = pixels[low], y[low], z[low]
        *around, front = some.some(low).read(under, depths[pixels])
        share = smooth(0.03, 0.3, front - z) * smooth(LOW, LOW + 0.3, y)
        for plane, level in zip(seen, around, strict=False):
            plane[pixels] += share * (UNDERSIDE * level - plane[pixels])


def _in_turns(pixels: Any) -> Iterator[Any]:
    return (pixels[start : start + _AT_ONCE] for start in range(0, len(pixels), _AT_ONCE))


def _depths(canvas: Canvas, turn: Floats, fine: _Rays, size: int) -> Floats:
    """The depths ``(2 size, 2 size)`` at which the ``fine`` rays of an image meet the head, ``FAR`` where none is."""
    relief, near_by = np.stack([canvas.front, -canvas.back]), np.ones((3, 3), np.uint8)
    walked = _walk(canvas, relief, turn, size // 2)
    first = cv2.dilate(walked, near_by)
    # Past the edge of a cheek or a nose, a ray meets not the nearest surface around it but the one behind.
    second = cv2.erode(np.where(walked > FAR, walked, np.float32(NEAR)), near_by)
    whole = _search(_Rays(canvas, turn, size), relief, _enlarged(first, size), _enlarged(second, size))
    # Between the rays of whole pixels the head is flat enough in most places: four a pixel go where it is not.
    bent = _enlarged(cv2.dilate(np.abs(cv2.Laplacian(whole, cv2.CV_32F)), near_by), 2 * size) > BENT
    start = np.where(bent, _enlarged(first, 2 * size), np.float32(FAR))
    between = cv2.resize(whole, (2 * size, 2 * size), interpolation=cv2.INTER_LINEAR)
    return np.where(bent, _search(fine, relief, start, _enlarged(second, 2 * size)), between)


def _enlarged(image: Any, size: int) -> Floats:
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_NEAREST), np.float32)


def _walk(canvas: Canvas, relief: Floats, turn: Floats, size: int) -> Floats:
    """The depth before which each ray of an image first meets the head ``(size, size)``; ``FAR`` where it does not."""
    tip = (turn[2, 0] * canvas.x + turn[2, 1] * canvas.y + turn[2, 2] * canvas.front).max() + shift_of(turn)[2]
    depths = np.arange(NEAR, FAR, -STRIDE, dtype=np.float32)
    depths = depths[depths < tip + STRIDE, None]
    met = np.full(size * size, FAR, np.float32)
    every = _Rays(canvas, turn, size).flat()
    left = every.through(canvas.solid(), depths)
    for near in np.array_split(depths, 3):
        for pixels in _in_turns(left):
            first, _ = _first_inside(every.some(pixels).outside(relief, near))
            met[pixels] = np.append(near, np.float32(FAR))[first]
        left = left[met[left] == FAR]
    return met.reshape(size, size)


def _search(rays: _Rays, relief: Floats, first: Floats, second: Floats) -> Floats:
    """The depths at which rays meet the head, looked for near two others, all ``(size, size)``; none from ``FAR``."""
    shape, first, second, every = first.shape, first.ravel(), second.ravel(), rays.flat()
    depths = np.full(first.size, FAR, np.float32)
    for pixels in _in_turns(np.flatnonzero(first > FAR)):
        some, start, again = every.some(pixels), first[pixels], second[pixels]
        depth, hit = _meet(some, relief, start)
        missed = np.flatnonzero(~hit & (again < start))
        depth[missed], hit[missed] = _meet(some.some(missed), relief, again[missed])
        depths[pixels[hit]] = depth[hit]
    return depths.reshape(shape)


def _meet(rays: _Rays, relief: Floats, start: Floats) -> tuple[Floats, Any]:
    """Depths ``(N,)`` at which rays meet the head, and whether they do: looked for from just before ``start``."""
    before = np.minimum(start + STRIDE, NEAR)
    depths = before - np.arange(STEPS + 1, dtype=np.float32)[:, None] * np.float32(3 * STRIDE / STEPS)
    outside = rays.outside(relief, depths)
    first, found = _first_inside(outside)
    here = first.clip(1, STEPS).astype(np.intp) * len(start) + np.arange(len(start))
    after, until = outside.ravel()[here], outside.ravel()[here - len(start)]
    share = np.clip(after / np.minimum(after - until, -1e-6), 0, 1)
    return depths.ravel()[here] + share * np.float32(3 * STRIDE / STEPS), found


def _first_inside(outside: Floats) -> tuple[Any, Any]:
    """Of ``(D, N)``: how many stand before the first below 0 in each column, and whether there is one."""
    # Twenty times as fast as argmax and any over the first axis.
    before, *others = (outside >= 0).view(np.uint8)
    first = before.copy()
    for each in others:
        before &= each
        first += before
    return first, before == 0


class _Rays:
    """Rays of an image, ``(size, size)`` to begin with, in the head's coordinates: x and y in pixels of its canvas."""

    def __init__(self, canvas: Canvas, turn: Floats, size: int) -> None:
        x, y = screen(size)
        shift = shift_of(turn)
        x, y = x - shift[0], y - shift[1]
        scale = np.array([1 / canvas.pixel, 1 / canvas.pixel, 1], np.float32)
        edge = np.array([LEFT / canvas.pixel + 0.5, TOP / canvas.pixel + 0.5, 0], np.float32)
        self._towards = turn[2] * scale
        # Where each passes the depth 0 of the room; rows of ``turn`` are the room's directions.
        across, down = turn[0] * scale, turn[1] * scale
        middle = -shift[2] * self._towards - edge
        self._start = [across[axis] * x + (down[axis] * y + middle[axis]) for axis in range(3)]

    def some(self, which: Any) -> _Rays:
        """Return those of these numbers, row by row: ``(N,)``."""
        few = copy(self)
        few._start = [part[which] for part in self._start]
        return few

    def flat(self) -> _Rays:
        """Return the same in one row: ``(N,)``."""
        few = copy(self)
        few._start = [part.ravel() for part in self._start]
        return few

    def through(self, window: Window, depths: Floats) -> Any:
        """Return the numbers of the rays that may pass through a window of the canvas at these depths."""
        possible = np.ones(self._start[0].shape, bool)
        for start, towards, part in zip(self._start, self._towards, reversed(window), strict=False):
            ends = start + towards * depths[0], start + towards * depths[-1]
            possible &= (np.maximum(*ends) > part.start) & (np.minimum(*ends) < part.stop - 1)
        return np.flatnonzero(possible)

    def along(self, axis: int, depths: Floats) -> Floats:
        """Return a coordinate at depths of the room, ``(..., N)`` or ``(D, 1)``."""
        place = self._towards[axis] * depths
        return np.asarray(place + self._start[axis], np.float32)

    def outside(self, relief: Floats, depths: Floats) -> Floats:
        """Return how far points at depths ``(D, N)`` lie outside the head, along its z; below 0 within.

        Args:
            relief: The front and the back, the latter with its sign turned, ``(2, S, S)``.
        """
        front, back = self.read(relief, depths, AIR)
        z = self.along(2, depths)
        before = np.subtract(z, front, out=front)
        behind = np.negative(np.add(back, z, out=back), out=back)  # the back's own depths have the opposite sign
        return np.asarray(np.maximum(before, behind, out=before), np.float32)

    def read(self, planes: Floats, depths: Floats, border: float = 0.0) -> Floats:
        """Sample a canvas ``(C, S, S)`` at depths ``(..., N)`` of the room: ``(C, ..., N)``; ``border`` outside."""
        x, y = np.atleast_2d(self.along(0, depths), self.along(1, depths))
        found = np.empty((len(planes), *x.shape), np.float32)
        for plane, out in zip(planes, found, strict=True):
            if out.size:
                cv2.remap(plane, x, y, cv2.INTER_LINEAR, out, cv2.BORDER_CONSTANT, border)
        return found.reshape(len(planes), *np.broadcast_shapes(depths.shape, self._start[0].shape))
