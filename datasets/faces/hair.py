"""Hair: how far it stands off the head, where it leaves the face free, and how it is combed; and the beard."""

from __future__ import annotations

from typing import Any

import numpy as np

from .canvas import LEFT, SPAN, TOP, Canvas, Floats, bell, blend, linear, ramp, root, shaded, smooth
from .mouth import half_width as mouth_width
from .mouth import lines as mouth_lines
from .parameters import FaceParameters
from .skull import chin_of, half_width

SHADES = (linear(0.11, 0.085, 0.075), linear(0.26, 0.165, 0.105), linear(0.56, 0.4, 0.23), linear(0.9, 0.74, 0.46))
"""Black, brown, dark blond, light blond."""
RED, GREY = linear(0.6, 0.26, 0.11), linear(0.72, 0.71, 0.7)
_STRANDS = 4096  # a power of two


def _strands() -> Floats:
    """A fixed row of light and dark strands, coarse and fine ones, mean 0; its ends meet."""
    rng = np.random.default_rng(7)
    row = np.zeros(_STRANDS, np.float32)
    for wide, weight in ((2, 0.5), (5, 0.6), (14, 0.5), (50, 0.4)):
        grain = rng.standard_normal(_STRANDS)
        kernel = np.hanning(2 * wide + 1)
        smoothed = np.real(np.fft.ifft(np.fft.fft(grain) * np.abs(np.fft.fft(kernel / kernel.sum(), _STRANDS))))
        row += (weight * smoothed / smoothed.std()).astype(np.float32)
    return np.asarray(row / row.std(), np.float32)


STRANDS = _strands()


def colour(face: FaceParameters) -> Floats:
    """Return the colour of the hair, linear RGB."""
    kind = face.hair_shade * (len(SHADES) - 1)
    index = min(int(kind), len(SHADES) - 2)
    plain = blend(SHADES[index], SHADES[index + 1], kind - index)
    return blend(blend(plain, RED, 0.75 * face.hair_red**2), GREY, 0.9 * face.hair_grey)


def brow_colour(face: FaceParameters) -> Floats:
    """Return the colour of the eyebrows: that of the hair, darker and warmer, as grey looks green on skin."""
    warm = blend((0.5, 0.38, 0.34), (0.5, 0.44, 0.42), face.hair_grey)
    return colour(face) * warm + linear(0.14, 0.075, 0.05) * 0.5


def _waves(face: FaceParameters, x: Any, y: Any) -> Any:
    """Sideways swing of the strands, by height."""
    return 0.05 * face.hair_curl * (np.sin(11 * y + 2.5) + 0.6 * np.sin(23 * y + 7 * np.abs(x)))


def model(canvas: Canvas) -> None:
    """Lay hair over the head, and note in ``canvas.hair`` where it is and in ``canvas.strands`` how it is combed."""
    face = canvas.face
    if face.hair_length <= 0.02:
        return
    short = ramp(face.hair_length / 0.3)
    top, side = face.hair_top * short + 0.01, face.hair_side * short + 0.012
    reach = float(_outline(face, canvas.y, top, side).max()) + 0.2  # locks swing out less far
    where, x, y = canvas.window(-reach, reach, TOP, 1.1 * face.hair_length + 0.1)  # none lies lower
    front, back = canvas.front[where], canvas.back[where]
    waves = _waves(face, x, y)
    strands = canvas.strands[where] = _comb(face, x + waves, y)
    curl = waves * smooth(-0.5, -0.1, y) + 0.035 * face.hair_curl * np.sin(13 * x) * np.sin(15 * y + 3 * x)
    outer = _outline(face, y, top, side)
    outer = outer + curl * (outer > 0.02)
    depth = np.interp(y[:, 0], [-1.3, -0.4, 0.3, 1.0], [0.9, 0.86, 0.62, 0.42])[:, None].astype(np.float32)
    # Towards the crown the hair grows shallow as it grows narrow, or it would end in a ridge.
    dome = ramp(1 - np.maximum(-y / (face.crown + top), 0) ** 3) ** 0.5
    depth *= (0.35 + 0.65 * dome).astype(np.float32)
    share = np.minimum(np.abs(x) / np.maximum(outer, 0.02), 3)
    edge = root(1 - share**2.2) - 2 * (outer <= 0.02)
    middle = np.interp(y[:, 0], [-0.6, 0.2, 1.0], [0.02, -0.12, -0.2])[:, None].astype(np.float32)
    shell_front, shell_back = middle + depth * edge, middle - 1.06 * depth * edge
    mask = canvas.hair[where] = _mask(canvas, x, y)
    thick = 0.03 + 0.06 * short + 0.5 * max(face.hair_top - 0.08, 0) * smooth(-0.4, -0.9, y)
    bumps = 0.012 * short * strands
    over = np.maximum(front + thick * short, shell_front) + bumps
    lock = smooth(0.0, 1.0, mask)
    inside = np.abs(x) < half_width(face, y)
    # None before the neck, below the opening for the face; hair behind the neck is not part of the canvas.
    hangs = ((mask > 0.3) | inside) & (outer > 0.02)
    beside = np.where(hangs, np.maximum(front, over), front)
    front[:] = np.where(inside, front + (over - front) * lock, beside)
    back[:] = np.where(hangs, np.minimum(back, shell_back), back)


def _outline(face: FaceParameters, y: Any, top: float, side: float) -> Any:
    """Half the width of the hair at heights ``y``; 0 above it and below its ends."""
    crown = face.crown + top
    round_ = 1 + 0.04 * bell((y + 0.4) / 0.3)
    above = (face.head_width + side) * ramp(1 - np.maximum(-y / crown, 0) ** 3.5) ** 0.5 * round_
    length = face.hair_length
    end = -0.3 + 1.1 * length
    fall = round_ * (face.head_width + side) * (1 + 0.12 * smooth(0.2, 1.0, y) * ramp(length - 0.5))
    below = fall * ramp((end - y) / (0.22 + 0.1 * length)) ** 0.5
    return np.minimum(above, below)


def _mask(canvas: Canvas, x: Any, y: Any) -> Floats:
    """Compute where hair covers the canvas: around the face, and above the ends."""
    face, length = canvas.face, canvas.face.hair_length
    wide = face.head_width * (0.93 - 0.1 * ramp(length - 0.6))
    part = face.parting
    hairline = -0.63 * face.crown / 1.1
    sweep = face.fringe * (0.75 + 0.25 * np.cos(7 * (x - part))) * bell((x - part) / 0.75)
    parted = 0.1 * ramp(face.fringe * 4) * bell((x - part) / 0.1)
    ragged = 0.02 * STRANDS[((x * 700).astype(int)) % _STRANDS] * ramp(0.3 + face.fringe * 3)
    lid = hairline + np.maximum(sweep, -0.12) - parted + ragged
    centre = 0.35
    across = np.abs(x) / wide
    up = (centre - y) / (centre - lid)
    opening = np.maximum(up, 0) ** 3.2 + across**3.6
    soft = 0.05 + 0.14 * ramp(0.4 - length) + canvas.pixel * 2
    mask = smooth(0, soft * 2.2, opening - 1)
    ends = -0.28 + 1.1 * length + ragged * ramp(1.5 - 2 * length)
    thin = 0.1 * ramp(1.5 - 2 * length)  # short hair grows thin before the ear, long hair is cut
    return np.asarray(mask * smooth(ends + 0.1 + thin, ends - 0.06 - thin, y), np.float32)


def _comb(face: FaceParameters, x: Any, y: Any) -> Floats:
    """Light and dark of the strands, which run from the parting outward and down."""
    angle = np.arctan((x - 0.3 * face.parting) / (y + face.crown + 0.55))  # the canvas ends below where it divides by 0
    index = (angle * (_STRANDS / 3.2) + _STRANDS).astype(np.int32) & (_STRANDS - 1)
    return np.asarray(STRANDS.take(index), np.float32)


def paint(canvas: Canvas) -> None:
    """Colour what ``model`` laid."""
    face = canvas.face
    if face.hair_length <= 0.02:
        return
    where = canvas.solid()
    hair = canvas.hair[where]
    tone = np.exp(0.17 * canvas.strands[where]) * (0.62 + 0.38 * smooth(0.05, 0.9, hair))
    canvas.paint(where, hair, shaded(colour(face), tone), 0.55)


def beard(canvas: Canvas) -> None:
    """Stubble to a full beard, with a moustache, round the mouth and along the jaw."""
    face = canvas.face
    if face.beard <= 0.01:
        return
    where, x, y = canvas.window(-0.9, 0.9, 0.3, 1.4)
    chin = chin_of(face)
    sides = smooth(0.36, 0.62, np.abs(x) / np.maximum(half_width(face, y), 0.05)) * smooth(0.05, 0.5, y)
    rim = face.mouth_height + 0.02 + 0.12 * ramp(1 - np.abs(x) / 0.4)
    cheek = smooth(rim - 0.02, rim + 0.14, y + 0.28 * sides * ramp(np.abs(x) - 0.3))
    moustache = bell((y - face.nose_length - 0.135 - 0.25 * x * x) / 0.055) * smooth(0.36, 0.26, np.abs(x))
    goatee = bell(x / 0.3) * smooth(face.mouth_height + 0.1, face.mouth_height + 0.2, y)
    low = smooth(face.mouth_height + 0.1, face.mouth_height + 0.3, y)
    mask = np.maximum.reduce([cheek * np.maximum(np.maximum(sides, goatee), low), moustache, goatee])
    wide = mouth_width(face)
    u = np.clip(x / wide, -1.1, 1.1)
    top, _, _, base = mouth_lines(face, u)
    lips = smooth(-0.02, 0.015, y - top) * smooth(0.02, -0.015, y - base) * (np.abs(x) < wide)
    grain = np.exp(0.16 * _grain(canvas)[where])
    share = ramp(mask * (1 - lips)) * (0.25 + 0.68 * face.beard)
    canvas.paint(where, share, shaded(brow_colour(face), 1.15 * grain), 0.15)
    canvas.raise_(where, 0.04 * ramp(face.beard * 2 - 0.9) * share * smooth(chin + 0.1, chin - 0.1, y))


def _grain(canvas: Canvas) -> Floats:
    """Return a fixed fine pattern over the canvas, the same at every size."""
    columns = ((canvas.x - LEFT) / SPAN * 190).astype(int)
    rows = ((canvas.y - TOP) / SPAN * 120).astype(int)
    return np.asarray(STRANDS[(columns * 37 + rows * 101) % _STRANDS], np.float32)
