"""Facial landmarks in the iBUG order of 68: measure them, and draw faces on an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from torch import Tensor

    from ...api.extractor import Face

EYES = slice(36, 42), slice(42, 48)
"""Indices of the landmarks of the left and the right eye, as seen in the image."""
MIRRORED = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *range(54, 47, -1),
    *range(59, 54, -1),
    *range(64, 59, -1),
    *range(67, 64, -1),
)
"""Index of the landmark that each one becomes in the mirrored image."""


def eye_distance(landmarks: Tensor) -> Tensor:
    """Compute the distance between the centres of the eyes, the unit of landmark errors.

    Args:
        landmarks: ``(..., 68, 2)`` in the iBUG order.

    Returns:
        ``(...)`` in the same unit, never 0.
    """
    left, right = (landmarks[..., part, :].mean(dim=-2) for part in EYES)
    distance: Tensor = (right - left).norm(dim=-1).clamp_min(1e-6)
    return distance


PARTS = (
    (range(0, 17), False, (120, 190, 255)),  # jaw
    (range(17, 22), False, (255, 205, 90)),  # brows
    (range(22, 27), False, (255, 205, 90)),
    (range(27, 31), False, (130, 230, 150)),  # ridge of the nose, nostrils
    (range(31, 36), False, (130, 230, 150)),
    (range(36, 42), True, (90, 235, 235)),  # eyes
    (range(42, 48), True, (90, 235, 235)),
    (range(48, 60), True, (255, 130, 160)),  # outer and inner lips
    (range(60, 68), True, (255, 130, 160)),
)
"""Lines of the iBUG order: indices of their landmarks, whether the line is closed, and an RGB colour."""

LEGIBLE_SIDE = 1024
"""Longer side in pixels up to which images are enlarged by an integer factor to separate the landmarks."""
_FRAME = (255, 255, 255)
_DARK = (20, 20, 20)
_SHIFT = 4  # OpenCV draws at fractions of a pixel: 4 binary digits of them
_ROUND = np.stack([np.cos(np.arange(24) * np.pi / 12), np.sin(np.arange(24) * np.pi / 12)], axis=1)
"""A circle of radius 1: OpenCV's own makes diamonds of small ones."""


def mark_faces(picture: np.ndarray, faces: Sequence[Face]) -> np.ndarray:
    """Draw the boxes and landmarks of faces on a copy of an image, with numbers if there are several faces.

    Args:
        picture: uint8 ``(H, W, 3)``.
        faces: In the order of their numbers, from 1.

    Returns:
        uint8 ``(k H, k W, 3)``; ``k`` is 1 except for small images, which are enlarged (see ``LEGIBLE_SIDE``).
    """
    height, width = picture.shape[:2]
    times = max(1, LEGIBLE_SIDE // max(height, width))
    large = Image.fromarray(picture).resize((times * width, times * height), Image.Resampling.BICUBIC)
    canvas = np.array(large)
    for face in faces:
        points = (face.landmarks.numpy().astype(np.float64) + 0.5) * times - 0.5
        box = (np.array(face.box) + 0.5) * times - 0.5
        _mark(canvas, points, box)
    if len(faces) > 1:
        canvas = _number(canvas, [(np.array(face.box) + 0.5) * times - 0.5 for face in faces])
    return canvas


def _mark(canvas: np.ndarray, points: np.ndarray, box: np.ndarray) -> None:
    """Draw one face in place: its lines half transparent, its landmarks as dots with a dark rim."""
    unit = float(box[2] - box[0]) / 100
    thick = max(1, round(0.7 * unit))
    under = canvas.copy()
    for part, closed, colour in PARTS:
        cv2.polylines(canvas, [_to_fixed_point(points[list(part)])], closed, colour, thick, cv2.LINE_AA, _SHIFT)
    for corner in _corners(box):
        cv2.polylines(canvas, [_to_fixed_point(corner)], False, _FRAME, thick, cv2.LINE_AA, _SHIFT)
    cv2.addWeighted(canvas, 0.7, under, 0.3, 0, dst=canvas)
    radius = max(1.2, unit)
    for part, _, colour in PARTS:
        for point in points[list(part)]:
            for size, paint in ((radius + max(0.6, 0.35 * unit), _DARK), (radius, colour)):
                cv2.fillConvexPoly(canvas, _to_fixed_point(point + size * _ROUND), paint, cv2.LINE_AA, _SHIFT)


def _corners(box: np.ndarray) -> list[np.ndarray]:
    """The four corners of a frame, each a line round it, a sixth of the width long either way."""
    x0, y0, x1, y1 = box
    reach = (x1 - x0) / 6
    return [
        np.array([(x + right * reach, y), (x, y), (x, y + down * reach)])
        for x, right in ((x0, 1), (x1, -1))
        for y, down in ((y0, 1), (y1, -1))
    ]


def _to_fixed_point(points: np.ndarray) -> np.ndarray:
    return (points.clip(-2e4, 2e4) * (1 << _SHIFT)).round().astype(np.int32)


def _number(canvas: np.ndarray, boxes: Sequence[np.ndarray]) -> np.ndarray:
    """Write 1, 2, 3, ... into the upper left corner of each frame."""
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    for number, (x0, y0, x1, _) in enumerate(boxes, start=1):
        size = max(11, round((x1 - x0) / 8))
        corner = (max(x0, 0) + 0.35 * size, max(y0, 0) + 0.25 * size)
        rim = max(1, size // 12)
        font = ImageFont.load_default(size=size)
        draw.text(corner, str(number), font=font, fill=_FRAME, stroke_width=rim, stroke_fill=_DARK, anchor="lt")
    return np.array(image)
