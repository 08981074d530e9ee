"""Skin: its tone, blush, freckles and hollows' shade; and the ears, which are made of nothing else."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Floats, bell, blend, linear, ramp, root, smooth
from .parameters import FaceParameters
from .skull import half_width

TONES = (
    linear(0.31, 0.19, 0.135),
    linear(0.5, 0.33, 0.24),
    linear(0.69, 0.48, 0.36),
    linear(0.84, 0.64, 0.52),
    linear(0.93, 0.77, 0.68),
)
EAR = (0.13, 0.215)
"""y of an ear's middle and half its height."""


def colour(face: FaceParameters) -> Floats:
    """Return the colour of the skin, linear RGB."""
    kind = face.skin * (len(TONES) - 1)
    index = min(int(kind), len(TONES) - 2)
    tone = blend(TONES[index], TONES[index + 1], kind - index)
    return np.asarray(tone * (1 + 0.09 * face.skin_warmth * np.array([1, 0.1, -1.2])), np.float32)


def model_ears(canvas: Canvas) -> None:
    """Add both ears to the bald head."""
    face = canvas.face
    middle, tall = EAR
    covered = ramp((face.hair_length - 0.5) / 0.15)  # long hair lies over the ears
    reach = (0.06 + face.ears) * (1 - 0.6 * covered)
    for side in (-1, 1):
        edge = float(half_width(face, np.float32(middle)))
        x0 = side * (edge + 0.4 * face.ears)
        where, x, y = canvas.window(x0 - 0.22, x0 + 0.22, middle - 0.3, middle + 0.3)
        lean = 0.12 * (y - middle)
        apart = np.square((side * (x - x0) + lean) / reach) + np.square((y - middle) / tall) * (1 + 0.5 * (y > middle))
        shell = root(np.maximum(1 - apart, -4))
        hollow = 0.06 * bell((np.sqrt(apart) - 0.5) / 0.28)
        canvas.front[where] = np.maximum(canvas.front[where], -0.14 + 0.13 * shell - hollow * (apart < 1))
        canvas.back[where] = np.minimum(canvas.back[where], np.where(apart < 1, -0.3, 1.0))


def paint(canvas: Canvas) -> None:
    """Paint the whole canvas in the colour of the skin, with the redder and darker regions of a face."""
    face = canvas.face
    tone = colour(face)
    canvas.colour[:] = tone[:, None, None]
    red = tone * (1.02, 0.72, 0.7)
    where, x, y = canvas.window(-1.0, 1.0, -0.4, 0.9)
    cheeks = bell((np.abs(x) - 0.4) / 0.17) * bell((y - 0.4) / 0.16)
    nose = bell(x / 0.14) * bell((y - face.nose_length + 0.06) / 0.1)
    ears = smooth(0.0, 0.06, np.abs(x) - half_width(face, y)) * bell((y - 0.15) / 0.3)
    canvas.paint(where, (0.2 + 0.45 * face.blush) * cheeks + 0.3 * nose + 0.5 * ears, red)
    holes = bell((np.abs(x) - 0.42 * face.nose_width) / (0.24 * face.nose_width)) * bell(
        (y - face.nose_length - 0.002) / 0.024
    )
    canvas.paint(where, 0.85 * holes, tone * (0.16, 0.1, 0.1), 0.0)
    wings = bell((np.abs(x) - face.nose_width - 0.012) / 0.018) * bell((y - face.nose_length + 0.045) / 0.06)
    canvas.paint(where, 0.3 * wings, tone * (0.5, 0.36, 0.34))
    if face.freckles > 0.01:
        _freckles(canvas, tone)


def _freckle_places() -> Floats:
    """Fixed spots ``(N, 3)`` over nose and cheeks: x, y and radius."""
    rng = np.random.default_rng(3)
    x = 0.56 * np.tanh(rng.normal(0, 0.6, 120))
    y = 0.28 + rng.normal(0, 0.13, 120) + 0.12 * np.abs(x)
    return np.stack([x, y, rng.uniform(0.013, 0.028, 120)], axis=1).astype(np.float32)


FRECKLES = _freckle_places()


def _freckles(canvas: Canvas, tone: Floats) -> None:
    where, x, y = canvas.window(-0.7, 0.7, -0.3, 1.0)
    bare = np.ones((y.size, x.size), np.float32)  # what no freckle covers
    for x0, y0, radius in FRECKLES[: int(50 + 70 * canvas.face.freckles)]:
        reach, wide = 2 * radius + canvas.pixel, np.hypot(radius, 0.6 * canvas.pixel)
        columns = slice(*np.searchsorted(x[0], (x0 - reach, x0 + reach)))
        rows = slice(*np.searchsorted(y[:, 0], (y0 - reach, y0 + reach)))
        share = 0.8 * canvas.face.freckles * (radius / wide) ** 2
        bare[rows, columns] *= 1 - share * bell((x[:, columns] - x0) / wide) * bell((y[rows] - y0) / wide)
    canvas.paint(where, 1 - bare, tone * (0.56, 0.36, 0.28))
