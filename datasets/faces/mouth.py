"""The mouth: four lines across it, and what lies between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .canvas import Canvas, Floats, bell, blend, linear, ramp, shaded, smooth
from .parameters import FaceParameters
from .skull import JAW_DROP

TEETH = linear(0.93, 0.91, 0.86)
DARK = linear(0.16, 0.05, 0.05)


def half_width(face: FaceParameters) -> float:
    """Half the distance of the corners: wider in a smile, narrower where the mouth is open."""
    return face.mouth_width * (1 + 0.2 * max(face.smile, 0) - 0.04 * min(face.smile, 0) - 0.12 * face.mouth_open)


def lines(face: FaceParameters, u: Any) -> tuple[Any, Any, Any, Any]:
    """y at ``u`` from -1 to 1, corner to corner: top and lower edge of the upper lip, top and base of the lower one."""
    rest, smile = face.mouth_height, face.smile
    arch = ramp(1 - u * u)
    lift = (0.12 if smile > 0 else 0.1) * smile
    corners = rest - lift * u * u + 0.35 * JAW_DROP * face.mouth_open * np.abs(u) ** 3
    drop = JAW_DROP * face.mouth_open * arch**0.8
    parted = 0.045 * max(smile - 0.35, 0) * arch
    seam = corners - 0.012 * bell(u / 0.25)
    bow = 1 + 0.16 * bell((np.abs(u) - 0.26) / 0.2) - 0.16 * bell(u / 0.13)
    thin = 1 - 0.22 * abs(smile) - 0.15 * face.mouth_open
    upper_edge = seam - 0.2 * drop - parted * 0.5
    top = upper_edge - face.upper_lip * thin * arch**0.75 * bow
    lower_edge = seam + 0.8 * drop + parted
    base = lower_edge + face.lower_lip * thin * arch**0.65
    return top, upper_edge, lower_edge, base


def model(canvas: Canvas) -> None:
    """Model the lips' swelling, the seam between them, and the folds beside a smile."""
    face = canvas.face
    wide = half_width(face)
    where, x, y = canvas.window(-0.62, 0.62, 0.4, 1.25)
    u = np.clip(x / wide, -1.15, 1.15)
    top, upper_edge, lower_edge, base = lines(face, u)
    arch = ramp(1 - u * u) ** 0.5
    upper = bell((y - (top + upper_edge) / 2 + 0.004) / (0.62 * (upper_edge - top) + 0.012))
    lower = bell((y - (lower_edge + base) / 2) / (0.62 * (base - lower_edge) + 0.012))
    gap = canvas.below(upper_edge, y, 0.01) * (1 - canvas.below(lower_edge, y, 0.01)) * (np.abs(u) < 1)
    seam = bell((y - (upper_edge + lower_edge) / 2) / (0.012 + (lower_edge - upper_edge) * 0.6))
    canvas.raise_(where, arch * (0.045 * upper + 0.055 * lower - 0.045 * seam) - 0.06 * gap)
    hollow = bell((np.abs(x) - wide - 0.03) / 0.05) * bell((y - lines(face, 1.0)[0] - 0.01) / 0.06)
    canvas.raise_(where, -0.02 * (1 + max(face.smile, 0)) * hollow)
    strength = 0.006 + 0.02 * max(face.smile, 0)
    fold = 0.2 + (y - face.nose_length) * (0.42 + 0.25 * max(face.smile, 0))
    extent = smooth(face.nose_length - 0.06, face.nose_length + 0.08, y) * smooth(0.88, 0.7, y)
    canvas.raise_(where, -strength * bell((np.abs(x) - fold) / 0.03) * extent)


def paint(canvas: Canvas, skin: Floats) -> None:
    """Paint what the open mouth shows, then the lips."""
    face = canvas.face
    wide = half_width(face)
    where, x, y = canvas.window(-0.45, 0.45, 0.45, 1.25)
    u = x / wide
    top, upper_edge, lower_edge, base = lines(face, np.clip(u, -1, 1))
    within = ramp((1 - np.abs(u)) * wide / canvas.pixel + 0.5)
    gap = canvas.below(upper_edge, y) * (1 - canvas.below(lower_edge, y)) * within
    canvas.paint(where, gap, DARK, 0.1)
    _inside(canvas, where, u, y, upper_edge, lower_edge, gap)
    colour = blend(skin * (0.82, 0.55, 0.52), linear(0.76, 0.13, 0.17), 0.16 + 0.78 * face.lip_red**3)
    upper = canvas.below(top, y, 0.008) * (1 - canvas.below(upper_edge, y)) * within
    lower = canvas.below(lower_edge, y) * (1 - canvas.below(base, y, 0.012)) * within
    canvas.paint(where, 0.92 * upper, colour * 0.82, 0.6)
    sheen = 1 + 0.18 * bell((y - lower_edge - 0.4 * (base - lower_edge)) / 0.03)
    canvas.paint(where, 0.92 * lower, shaded(colour, sheen), 0.7)
    seam = bell((y - (upper_edge + lower_edge) / 2) / (0.009 + 0.4 * (lower_edge - upper_edge)))
    canvas.paint(where, 0.75 * seam * ramp(1.05 - np.abs(u)) ** 0.3 * (1 - gap), DARK)


def _inside(canvas: Canvas, where: Any, u: Any, y: Any, upper: Any, lower: Any, gap: Any) -> None:
    """Teeth above and below in the dark, and the tongue."""
    face = canvas.face
    tooth = 0.9 + 0.1 * np.cos(u * 19) ** 2
    light = ramp(1.05 - np.abs(u) ** 2) * tooth
    rise = 0.07 + 0.01 * max(face.smile, 0)
    row = (1 - canvas.below(upper + rise * ramp(1.1 - u * u), y, 0.01)) * gap
    canvas.paint(where, row, shaded(TEETH, 0.92 * light))
    row = canvas.below(lower - 0.025 * ramp(1 - u * u), y, 0.01) * gap * ramp(face.mouth_open * 2)
    canvas.paint(where, row, shaded(TEETH, 0.7 * light))
    tongue = canvas.below(lower - 0.075 * ramp(1 - (u / 0.7) ** 2), y, 0.02) * gap * (1 - row) * (np.abs(u) < 0.7)
    canvas.paint(where, 0.8 * tongue, linear(0.66, 0.3, 0.3))


def landmarks(face: FaceParameters) -> Floats:
    """Return points 48 to 67 of the iBUG order on the canvas, ``(20, 2)``."""
    wide = half_width(face)
    outer = np.array([-1, -0.64, -0.26, 0, 0.26, 0.64, 1])
    top, _, _, base = lines(face, outer)
    inner = np.array([-0.86, -0.4, 0, 0.4, 0.86])
    _, upper, lower, _ = lines(face, inner)
    middle = (upper + lower) / 2
    points = [*zip(outer, top, strict=True), *list(zip(outer, base, strict=True))[5:0:-1]]
    points += [(inner[0], middle[0]), *list(zip(inner, upper, strict=True))[1:4], (inner[4], middle[4])]
    points += list(zip(inner, lower, strict=True))[3:0:-1]
    return np.asarray([(u * wide, y) for u, y in points], np.float32)
