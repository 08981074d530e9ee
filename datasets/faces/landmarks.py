"""The 68 points of the iBUG order (Sagonas et al., "300 Faces in-the-Wild Challenge", 2013), true to the drawing."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import eyes, mouth
from .canvas import Canvas, Floats
from .parameters import FaceParameters
from .projection import project
from .skull import FLATNESS, chin_of, half_width

JAW_TOP = -0.02
"""y at which the row of points along the jaw begins."""


def landmarks(canvas: Canvas, turn: Floats, size: int) -> Floats:
    """Pixels ``(68, 2)`` in an image of this size; (0, 0) is the centre of the upper left pixel."""
    face = canvas.face
    left, right = eyes.landmarks(face, -1), eyes.landmarks(face, 1)
    flat = np.concatenate([left[1], right[1], _nose(face), left[0], right[0], mouth.landmarks(face)])
    solid = np.column_stack([flat, canvas.depth(flat)]).astype(np.float32)
    return project(np.concatenate([_jaw(canvas, turn), solid]), turn, size)


def _nose(face: FaceParameters) -> Floats:
    """Points 27 to 35: down the ridge, then along the base."""
    base, wide = face.nose_length, face.nose_width
    ridge = [(0.0, y) for y in np.linspace(0.0, base - 0.1, 4)]
    low = [(-0.86 * wide, base - 0.015), (-0.45 * wide, base + 0.02), (0, base + 0.035)]
    low += [(-x, y) for x, y in low[1::-1]]
    return np.asarray(ridge + low, np.float32)


def _jaw(canvas: Canvas, turn: Floats) -> Floats:
    """Points 0 to 16 of the head ``(17, 3)``, on the line at which its side turns away from the viewer.

    On the side that is turned away this line moves towards the nose, as those who mark photographs see it; on the near
    side it stays on the edge of the cheek.
    """
    face = canvas.face
    chin = chin_of(face)
    y = np.linspace(JAW_TOP, chin - 0.004, 400, dtype=np.float32)
    x = half_width(face, y)
    distance = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    distance = np.append(distance, distance[-1] + x[-1])  # to the point of the chin
    y, x = np.append(y, chin - 0.004), np.append(x, 0)
    along = np.interp(np.linspace(0, distance[-1], 9), distance, np.arange(len(distance)))
    y, x = (np.interp(along, np.arange(len(distance)), line) for line in (y, x))
    left = _tangents(canvas, turn, -x, y)
    right = _tangents(canvas, turn, x[:-1], y[:-1])
    return np.concatenate([left, right[::-1]])


def _tangents(canvas: Canvas, turn: Floats, x: Any, y: Any) -> Floats:
    """Of the levels at ``y`` with edges at ``x``, both ``(N,)``: the points ``(N, 3)`` that are seen furthest out."""
    # Not read at the chin's edge: a coarse canvas, with pixels 0.06 wide, falls to 0 there.
    inner = np.minimum(y - 0.02, chin_of(canvas.face) - 0.09)
    depth = np.maximum(canvas.depth(np.column_stack([np.zeros_like(y), inner])), 0.05)
    angle = np.linspace(0.04, 1.2, 60)  # not behind the cheek's edge, and not at the middle of the face
    across = np.cos(angle) ** (2 / FLATNESS) * x[:, None]
    ahead = np.sin(angle) * depth[:, None]
    seen = (across * turn[0, 0] + ahead * turn[0, 2]) * np.sign(x)[:, None]
    index = seen.argmax(axis=1)
    every = np.arange(len(y))
    z = np.where(x == 0, depth, ahead[every, index])
    return np.column_stack([across[every, index], y, z]).astype(np.float32)
