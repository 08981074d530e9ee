"""Affine warps of images, without aliasing.

Points are ``(x, y)`` in pixels; (0, 0) is the centre of the upper left pixel.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from PIL import Image

_AS_IS = 1e-3
"""Downsampling by less than this fraction is none: without it, numbers such as 1.0000001 would cost an exact copy."""


def warp(picture: np.ndarray, matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """Warp an image by a similarity transform: one scale factor, rotation and translation.

    Upsampling is bicubic, and a translation by whole pixels copies them exactly. Downsampling is free of aliasing: the
    integer part of the factor is applied by Lanczos resampling first; the rest, below 2, by drawing at twice the
    resolution and Lanczos downsampling. Positions are accurate to 1/32 pixel. The border is reflected.

    Args:
        picture: uint8 ``(H, W, 3)`` or ``(H, W)``.
        matrix: ``(2, 3)``, maps pixels of the result to pixels of the image.
        height: Height of the result in pixels.
        width: Width of the result in pixels.

    Returns:
        uint8 ``(height, width, 3)`` or ``(height, width)``.
    """
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    whole = math.floor(scale + _AS_IS)
    if whole > 1:
        rows, columns = picture.shape[:2]
        small = max(1, round(columns / whole)), max(1, round(rows / whole))
        picture = _resize(picture, *small)
        each = np.array([small[0] / columns, small[1] / rows])
        matrix = matrix * each[:, None]
        matrix[:, 2] += each / 2 - 0.5
        scale /= whole
    times = 1 if scale <= 1 + _AS_IS else 2
    finer = matrix / times
    finer[:, 2] = matrix[:, 2] + matrix[:, :2] @ np.full(2, 0.5 / times - 0.5)
    drawn = _interpolate(np.ascontiguousarray(picture), finer, times * height, times * width)
    return drawn if times == 1 else _resize(drawn, width, height)


def _interpolate(picture: np.ndarray, matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """Interpolate cubically, with repeated reflection at the borders."""
    for axis in (0, 1):
        if picture.shape[axis] == 1:  # OpenCV seeks the reflection of a single pixel for ever
            picture = np.repeat(picture, 2, axis=axis)
    corners = np.array([(x, y, 1) for x in (0, width - 1) for y in (0, height - 1)]) @ matrix.T
    last = np.array(picture.shape[1::-1]) - 1
    if (corners >= -last).all() and (corners <= 2 * last).all():
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    # OpenCV folds places step by step, at each pixel; far away that takes minutes.
    x, y = np.arange(width)[None], np.arange(height)[:, None]
    across, along = (a * x + b * y + c for a, b, c in matrix)
    across, along = _reflect(across, int(last[0])), _reflect(along, int(last[1]))
    return np.asarray(cv2.remap(picture, across, along, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101))


def _reflect(places: np.ndarray, last: int) -> np.ndarray:
    """Reflect positions into a line of pixels 0 to ``last``, float32."""
    around = places % (2 * last)
    return np.asarray(np.minimum(around, 2 * last - around), np.float32)


def _resize(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))
