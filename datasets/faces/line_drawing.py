"""The lines of a face's landmarks: black strokes on white."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from i2i.toolkit.drawing import curve

from .canvas import Floats

STROKES = (
    # first and last point, and whether the line closes
    (0, 16, False),
    (17, 21, False),
    (22, 26, False),
    (27, 30, False),
    (31, 35, False),
    (36, 41, True),
    (42, 47, True),
    (48, 59, True),
    (60, 67, True),
)
WIDTH = 0.009
"""Of a stroke, in parts of the image."""
THINNEST = 1.2
"""Width of a stroke in pixels, where that is more."""
_SHIFT = 4  # OpenCV draws at fractions of a pixel: 4 binary digits of them


def sketch(landmarks: Floats, size: int) -> npt.NDArray[np.uint8]:
    """Landmarks ``(68, 2)``, pixels -> a line drawing uint8 ``(size, size, 3)``; parts outside are left out."""
    fine = 4 if size <= 512 else 2  # drawn larger and shrunk, so that edges are smooth
    lines = np.full((size * fine, size * fine), 255, np.uint8)
    wide = fine * max(WIDTH * size, THINNEST)
    wide = 2 * round((wide - 1) / 2)  # OpenCV's lines of an even width come out one pixel wider, others two
    points = (landmarks + 0.5) * fine - 0.5
    for first, last, closed in STROKES:
        line = curve(points[first : last + 1], closed) * (1 << _SHIFT)
        cv2.polylines(lines, [line.round().astype(np.int32)], closed, 0, wide, cv2.LINE_8, _SHIFT)
    small = cv2.resize(lines, (size, size), interpolation=cv2.INTER_AREA)
    return np.repeat(small[..., None], 3, axis=2)
