"""The bare head: outline, profile, nose and the lesser swellings of a face."""

from __future__ import annotations

from typing import Any

import numpy as np

from .canvas import AIR, Canvas, Floats, bell, ramp, root, smooth
from .parameters import FaceParameters

FLATNESS = 2.3
"""Exponent of a level cut through the head: 2 is an ellipse, more is flatter before."""
JAW_DROP = 0.17
"""How far an open mouth takes the chin down."""
PROFILE = np.array(
    # y, z of the middle of the face, without its nose
    [
        (-1.0, 0.08),
        (-0.94, 0.34),
        (-0.8, 0.58),
        (-0.6, 0.73),
        (-0.4, 0.795),
        (-0.22, 0.825),
        (-0.12, 0.825),
        (0.02, 0.79),
        (0.2, 0.79),
        (0.42, 0.82),
        (0.62, 0.845),
        (0.75, 0.82),
        (0.86, 0.835),
        (0.95, 0.8),
        (1.0, 0.6),
        (1.1, 0.3),
    ],
    np.float32,
)
"""Heights above the eyes are parts of the crown's, those below parts of the chin's."""


def chin_of(face: FaceParameters) -> float:
    """y of the chin, which drops as the mouth opens."""
    return face.chin + JAW_DROP * face.mouth_open


def half_width(face: FaceParameters, y: Any) -> Any:
    """Half the width of the head at heights ``y``; 0 above the crown and below the chin."""
    down, up = y / chin_of(face), -y / face.crown
    jaw = ramp(1 - np.maximum(down, 0) ** face.jaw) ** 0.52 * (1 - face.chin_taper * smooth(0.5, 1.0, down))
    skull = ramp(1 - np.maximum(up, 0) ** 3.1) ** 0.5 * (1 + 0.05 * bell((up - 0.35) / 0.3) * smooth(0.0, 0.3, up))
    return face.head_width * np.where(y > 0, jaw, skull)


def model(canvas: Canvas) -> None:
    """Model the whole relief of a bald head."""
    face = canvas.face
    height = np.where(canvas.y > 0, canvas.y / chin_of(face), canvas.y / face.crown)[:, 0]
    width = np.maximum(half_width(face, canvas.y), 0.02)
    profile = _profile(height)[:, None]
    rear = np.interp(height, [-1, -0.9, -0.6, 0.3, 0.55, 0.9, 1.0], [0.1, 0.5, 0.86, 0.92, 0.6, -0.2, -0.58])[:, None]
    share = np.minimum(np.abs(canvas.x) / width, 2)
    edge, beyond = root(1 - share**FLATNESS), 2 * np.maximum(share - 1, 0)
    canvas.front[:] = profile.astype(np.float32) * edge - beyond
    canvas.back[:] = beyond - rear.astype(np.float32) * edge
    _swell(canvas)
    _nose(canvas)
    empty = np.abs(height) >= 1
    canvas.front[empty], canvas.back[empty] = AIR, -AIR


def _profile(height: Any) -> Any:
    """A smooth line through ``PROFILE``: straight pieces, rounded off."""
    line = np.interp(height, PROFILE[:, 0], PROFILE[:, 1])
    wide = max(len(height) // 40, 1)
    kernel = np.hanning(2 * wide + 3)
    return np.convolve(np.pad(line, wide + 1, mode="edge"), kernel / kernel.sum(), mode="same")[wide + 1 : -wide - 1]


def _swell(canvas: Canvas) -> None:
    """Brow ridge, eye sockets, cheekbones, cheeks, chin: soft hills and hollows."""
    face, chin = canvas.face, chin_of(canvas.face)
    smile = max(face.smile, 0.0)
    hills: tuple[tuple[float, float, float, float, float], ...] = (
        # x (both sides), y, its two radii, height
        (0.3, -0.17, 0.26, 0.08, 0.035),
        (face.eye_spacing, 0.01, 0.2, 0.12, -0.075),
        (0.09, 0.03, 0.07, 0.1, -0.03),
        (0.46, 0.24, 0.16, 0.15, face.cheekbones),
        (0.36, 0.44 - 0.05 * smile, 0.15, 0.13, 0.02 + 0.05 * smile),
        (0.5, 0.66, 0.16, 0.18, -0.035),
        (0.0, chin - 0.11, 0.17, 0.1, 0.05),
        (0.0, chin - 0.27, 0.2, 0.06, -0.02),
        (0.66, -0.25, 0.12, 0.2, -0.03),
    )
    for middle, level, wide, high, by in hills:
        where, x, y = canvas.window(-middle - 3 * wide, middle + 3 * wide, level - 3 * high, level + 3 * high)
        across = bell((x - middle) / wide) + (bell((x + middle) / wide) if middle else 0)
        canvas.raise_(where, by * bell((y - level) / high) * across)


def nose_line(face: FaceParameters) -> tuple[Floats, Floats]:
    """Heights y and elevations of the nose's ridge over the face, from its root to its base."""
    base, up = face.nose_length, face.nose_height
    y = np.array([-0.1, 0.0, 0.18, 0.32, base - 0.09, base - 0.035, base + 0.01, base + 0.05])
    z = np.array([0.0, 0.045, 0.115 + face.nose_bridge, 0.18, up, up * 0.86, up * 0.35, 0.0])
    return y.astype(np.float32), z.astype(np.float32)


def _nose(canvas: Canvas) -> None:
    face = canvas.face
    base, wide = face.nose_length, face.nose_width
    where, x, y = canvas.window(-0.4, 0.4, -0.14, base + 0.12)
    line = np.interp(y[:, 0], *nose_line(face))[:, None].astype(np.float32)
    waist = np.interp(y[:, 0], [-0.1, 0.02, base - 0.12, base], [0.1, 0.075, 0.105, wide * 0.78])[:, None]
    ridge = line * np.exp(-((np.abs(x) / waist.astype(np.float32)) ** 2.4))
    wings = 0.105 * bell((np.abs(x) - wide + 0.045) / 0.055) * bell((y - base + 0.06) / 0.06)
    tip = 0.03 * bell(x / 0.075) * bell((y - base + 0.1) / 0.07)
    septum = 0.06 * bell(x / 0.03) * bell((y - base + 0.005) / 0.035)
    canvas.raise_(where, np.maximum(ridge + tip + septum, wings) + 0.35 * np.minimum(ridge, wings))
    holes = bell((np.abs(x) - 0.42 * wide) / (0.27 * wide)) * bell((y - base + 0.004) / 0.026)
    canvas.raise_(where, -0.05 * holes)
