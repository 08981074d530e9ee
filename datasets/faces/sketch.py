"""The lines of a face's landmarks: black strokes on white."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from i2i.drawing import band, curve, fill

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
"""Of a stroke, in parts of the picture."""


def sketch(landmarks: Floats, size: int) -> npt.NDArray[np.uint8]:
    """Landmarks ``(68, 2)``, pixels -> a line drawing uint8 ``(size, size, 3)``."""
    picture = np.ones((size, size, 3), np.float32)
    points = (landmarks + 0.5) / size
    for first, last, closed in STROKES:
        line = curve(points[first : last + 1], closed)
        line = np.vstack([line, line[:1]]) if closed else line
        for start, end in zip(line[:-1], line[1:], strict=True):
            if np.abs(end - start).max() > 1e-5:
                fill(picture, band([start, end], max(WIDTH, 1.2 / size)), (0.0, 0.0, 0.0))
    return np.asarray(np.rint(picture.clip(0, 1) * 255), np.uint8)
