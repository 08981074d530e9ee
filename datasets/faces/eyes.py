"""Eyes and eyebrows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .canvas import Canvas, Floats, bell, blend, linear, ramp, shaded, smooth
from .parameters import FaceParameters

HALF_WIDTH = 0.148
IRIS = 0.069
IRISES = (linear(0.32, 0.18, 0.09), linear(0.48, 0.36, 0.14), linear(0.3, 0.5, 0.24), linear(0.26, 0.5, 0.76))
"""Brown, hazel, green, blue."""
WHITE = linear(0.91, 0.89, 0.87)


def lids(face: FaceParameters, u: Any) -> tuple[Any, Any]:
    """y of the upper and of the lower lid at ``u`` from -1, the inner corner, to 1, the outer one."""
    size = HALF_WIDTH * face.eye_size
    arch = ramp(1 - np.abs(u) ** 2.2)
    line = -face.eye_tilt * u
    opening = face.eyes_open
    upper = line + size * (0.1 * (1 - ramp(opening)) - 0.52 * opening) * arch ** (0.9 - 0.15 * u) * (1 - 0.08 * u)
    lower = line + size * (0.13 + 0.17 * ramp(opening) - 0.05 * max(face.smile, 0)) * arch
    return np.minimum(upper, lower), lower


def place(face: FaceParameters, side: int, u: Any, y: Any) -> tuple[Any, Any]:
    """Return a point of an eye on the canvas; ``side`` is -1 for the left of the image, 1 for the right."""
    return side * (face.eye_spacing + u * HALF_WIDTH * face.eye_size), y


def brow_line(face: FaceParameters, u: Any) -> Any:
    """y of the middle of an eyebrow at ``u`` from -1, its inner end, to 1, its outer one."""
    arch = face.brow_arch * (1 - ((u - 0.28) / 0.95) ** 2 * np.where(u > 0.28, 1.0, 0.55))
    frown = 0.05 * face.brow_frown * ramp((0.5 - u) / 1.5) ** 1.5
    inner = 0.035 * max(-face.brow_frown, 0) * ramp(-u)
    return -face.brow_height - arch - 0.09 * face.brow_raise + frown - inner + 0.02


def brow_x(face: FaceParameters, u: Any) -> Any:
    """Distance of an eyebrow's point from the middle of the face."""
    return face.eye_spacing + 0.02 + u * 0.205 - 0.012 * face.brow_frown


def model(canvas: Canvas) -> None:
    """Model the eyeballs' swelling and the lids' folds."""
    face = canvas.face
    for side in (-1, 1):
        middle = side * face.eye_spacing
        where, x, y = canvas.window(middle - 0.26, middle + 0.26, -0.2, 0.2)
        u = side * (x - middle) / (HALF_WIDTH * face.eye_size)
        upper, lower = lids(face, u)
        ball = 0.06 * bell((x - middle) / 0.135) * bell((y - 0.01) / 0.1)
        inside = canvas.below(upper, y, 0.01) * (1 - canvas.below(lower, y, 0.01)) * (np.abs(u) < 1)
        fold = upper - 0.05 - 0.02 * ramp(face.eyes_open)
        crease = bell((y - fold) / 0.018) * bell(u / 1.15)
        bag = bell((y - lower - 0.085) / 0.02) * bell(u / 0.9)
        canvas.raise_(where, ball - 0.02 * inside - 0.012 * crease - 0.006 * bag)


def paint(canvas: Canvas, brow: Floats) -> None:
    """Eyes, lashes and shaded lids; then eyebrows of this colour."""
    for side in (-1, 1):
        _eye(canvas, side)
        _brow(canvas, side, brow)


def _eye(canvas: Canvas, side: int) -> None:
    face = canvas.face
    size = HALF_WIDTH * face.eye_size
    middle = side * face.eye_spacing
    where, x, y = canvas.window(middle - 0.26, middle + 0.26, -0.22, 0.22)
    u = side * (x - middle) / size
    upper, lower = lids(face, u)
    within = ramp((1 - np.abs(u)) * size / canvas.pixel + 0.5)
    around = bell(u / 1.25)
    canvas.paint(where, 0.3 * bell((y - upper + 0.05) / 0.07) * around, linear(0.5, 0.28, 0.22) * 0.8)
    canvas.paint(where, 0.16 * bell((y - lower - 0.06) / 0.05) * around, linear(0.5, 0.3, 0.32) * 0.7)
    crease = upper - 0.05 - 0.02 * ramp(face.eyes_open)
    canvas.paint(where, 0.35 * bell((y - crease) / 0.013) * bell(u / 1.0), linear(0.25, 0.13, 0.1))

    white = canvas.below(upper, y) * (1 - canvas.below(lower, y)) * within
    shade = 0.55 + 0.45 * smooth(0.0, 0.05, y - upper) - 0.12 * np.abs(u) ** 2
    canvas.paint(where, white, shaded(WHITE, shade), 0.25)
    gaze_x, gaze_y = middle + 0.045 * face.gaze_x, -0.012 + 0.03 * face.gaze_y - 0.02 * ramp(face.eyes_open)
    apart = np.hypot(x - gaze_x, y - gaze_y)
    disc = _disc(canvas, apart, IRIS) * white
    kind = face.iris * (len(IRISES) - 1)
    index = min(int(kind), len(IRISES) - 2)
    colour = blend(IRISES[index], IRISES[index + 1], kind - index)
    light = 0.55 + 0.75 * ramp((y - gaze_y) / IRIS * 0.5 + 0.5)
    canvas.paint(where, disc, shaded(colour, light * (1 - 0.55 * smooth(0.72, 1.0, apart / IRIS))), 0.25)
    canvas.paint(where, _disc(canvas, apart, 0.027) * white, linear(0.03, 0.03, 0.04), 0.25)
    glint = _disc(canvas, np.hypot(x - gaze_x - 0.02, y - gaze_y + 0.026), 0.0145) * white
    canvas.paint(where, glint, linear(1, 1, 1))

    thick = np.maximum(0.013 + 0.006 * u, 0.001)  # towards the outer corner; beyond the inner one ``within`` is 0
    lash = bell((y - upper + 0.006) / thick) * within
    canvas.paint(where, 0.9 * lash, linear(0.1, 0.06, 0.05), 0.1)
    canvas.paint(where, 0.4 * bell((y - lower) / 0.01) * within, linear(0.35, 0.18, 0.15))
    corner = _disc(canvas, np.hypot(u + 0.97, (y - face.eye_tilt) / size), 0.1)
    canvas.paint(where, 0.5 * corner, linear(0.7, 0.35, 0.32))


def _disc(canvas: Canvas, apart: Any, radius: float) -> Any:
    return ramp((radius - apart) / canvas.pixel + 0.5)


def _brow(canvas: Canvas, side: int, colour: Floats) -> None:
    face = canvas.face
    where, x, y = canvas.window(-0.62 if side < 0 else 0.02, -0.02 if side < 0 else 0.62, -0.48, -0.02)
    u = (side * x - brow_x(face, 0.0)) / 0.205
    thick = face.brow_thickness * np.where(u < 0, 1, 1 - 0.55 * ramp(u) ** 1.5)
    ends = smooth(-1.08, -0.8, u) * smooth(1.08, 0.75, u)
    from_line = (y - brow_line(face, u)) / thick
    hairs = 0.88 + 0.12 * np.sin(95 * u + 28 * from_line)
    canvas.paint(where, 0.92 * ends * hairs * bell(from_line) ** 0.8, colour, 0.1)


def landmarks(face: FaceParameters, side: int) -> tuple[Floats, Floats]:
    """Return the points of one eye ``(6, 2)`` and of its brow ``(5, 2)`` on the canvas, in the iBUG order.

    On the right of the image (``side`` 1) the brow runs from its inner end outward, and the eye from its inner corner
    round by the upper lid; on the left the brow begins at its outer end, and the eye at its outer corner.
    """
    u = np.array([-1.0, -0.36, 0.36, 1.0])
    upper, lower = lids(face, u)
    (inner, *below, outer), (_, *above, _) = zip(u, lower, strict=True), zip(u, upper, strict=True)
    run = [inner, *above, outer, *below[::-1]] if side > 0 else [outer, *above[::-1], inner, *below]
    eye = [place(face, side, *point) for point in run]
    along = np.array([-0.9, -0.5, -0.05, 0.45, 0.95])
    thick = face.brow_thickness
    brow = np.stack([side * brow_x(face, along), brow_line(face, along) - 0.35 * thick], axis=1)
    return np.asarray(eye, np.float32), np.asarray(brow if side > 0 else brow[::-1], np.float32)
