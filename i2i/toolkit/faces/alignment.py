"""Face alignment: compute the FFHQ crop from landmarks or points by hand, and extract it from the photo.

Points are ``(x, y)`` in pixels, x to the right and y down; (0, 0) is the centre of the upper left pixel, in the photo
and in the crop alike. The photo is the upright one, as ``i2i.toolkit.images.read_image`` gives it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from ...api.errors import I2IError
from ...api.placement import Placement
from ..images.warp import warp
from .landmarks import EYES
from .points import FacePoints

_COARSE = 128
"""Pixels of a crop's side at which what is blurred is computed: a blur over 2 % of the side has no finer detail."""


def ffhq_placement(landmarks: Any) -> Placement:
    """Compute the FFHQ crop of a face (Karras et al. 2019, "A Style-Based Generator Architecture", appendix A).

    Args:
        landmarks: ``(68, 2)`` x, y in the iBUG order, pixels of the photo; an array or a tensor.

    Raises:
        I2IError: all landmarks are at one point.
    """
    points = np.asarray(landmarks, np.float64)
    if points.shape != (68, 2):
        raise ValueError(f"a face has landmarks (68, 2), got {points.shape}")
    left, right = (points[part].mean(axis=0) for part in EYES)
    return _eyes_mouth_placement(left, right, (points[48] + points[54]) / 2)


def points_placement(points: FacePoints) -> Placement:
    """Compute the FFHQ crop of a face whose eyes and mouth are placed by hand, by the same formula."""
    left, right, mouth = (np.array(point) for point in (points.left_eye, points.right_eye, points.mouth))
    return _eyes_mouth_placement(left, right, mouth)


def _eyes_mouth_placement(left: np.ndarray, right: np.ndarray, mouth: np.ndarray) -> Placement:
    """Compute the FFHQ crop from the centres of the eyes and of the mouth, ``(2,)`` each."""
    eyes, across = (left + right) / 2, right - left
    down = mouth - eyes
    x = across + np.array((down[1], -down[0]))  # level as the eyes say and as the mouth under them says
    length = math.hypot(*x)
    if not (math.isfinite(length) and length > 0):
        raise I2IError("A face cannot be aligned: its landmarks have no direction; choose another photo.")
    x *= max(2.0 * math.hypot(*across), 1.8 * math.hypot(*down)) / length
    y, centre = np.array((-x[1], x[0])), eyes + 0.1 * down
    return Placement.of_plain([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


def square_placement(height: int, width: int) -> Placement:
    """Return the largest centred square of a photo of ``height`` x ``width`` px, aligned to whole pixels."""
    side = min(height, width)
    x, y = (width - side) // 2 - 0.5, (height - side) // 2 - 0.5
    return Placement(((x, y), (x, y + side), (x + side, y + side), (x + side, y)))


def rectangle_placement(height: int, width: int, aspect_ratio: tuple[int, int]) -> Placement:
    """Return the crop whose content is the largest centred rectangle of an aspect ratio, aligned to whole pixels.

    Args:
        height: Height of the photo in pixels.
        width: Width of the photo in pixels.
        aspect_ratio: Width and height of the rectangle, as ``Model.aspect_ratio``; ``(1, 1)`` gives the largest square.
    """
    wide, high = aspect_ratio
    columns = min(float(width), height * wide / high)
    rows = min(float(height), width * high / wide)
    side = max(rows, columns)
    x = (width - columns) // 2 - 0.5 - (side - columns) / 2
    y = (height - rows) // 2 - 0.5 - (side - rows) / 2
    return Placement(((x, y), (x, y + side), (x + side, y + side), (x + side, y)), aspect_ratio)


def extract_crop(picture: np.ndarray, placement: Placement, size: int) -> np.ndarray:
    """Extract a crop from a photo as FFHQ does: outside the photo its reflection is shown, blurred near the border.

    An axis-aligned square of ``size`` pixels within the photo is copied exactly. Other crops are interpolated or
    downsampled without aliasing; see ``warp``. Of a placement with bars only the content shows the photo; the bars are
    black.

    Args:
        picture: uint8 ``(H, W, 3)``, the upright photo.
        placement: Position of the crop in the photo.
        size: Resolution of the crop in pixels.

    Returns:
        uint8 ``(size, size, 3)``.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or 0 in picture.shape:
        raise ValueError(f"a photo is uint8 (H, W, 3), got {picture.dtype} {picture.shape}")
    surroundings = Surroundings(placement, *picture.shape[:2])
    x0, y0, x1, y1 = surroundings.box
    part, shift = picture[y0:y1, x0:x1], np.array([x0, y0])
    left, top, right, bottom = placement.content_box(size)
    matrix = placement.matrix(size)
    matrix[:, 2] += matrix[:, :2] @ np.array([left, top], np.float64) - shift
    content = warp(part, matrix, bottom - top, right - left)
    if surroundings.padded:
        pixels = np.stack(np.meshgrid(np.arange(left, right), np.arange(top, bottom)), axis=-1)
        x, y = placement.to_photo(pixels, size).transpose(2, 0, 1)
        blur, fill = surroundings.shares(x, y)
        values = content.astype(np.float32)
        values += (_blur_crop(part, placement, shift, size)[top:bottom, left:right] - values) * blur[..., None]
        values += (surroundings.median(part) - values) * fill[..., None]
        content = values.round().clip(0, 255).astype(np.uint8)
    if content.shape[:2] == (size, size):
        return content
    crop = np.zeros((size, size, 3), np.uint8)
    crop[top:bottom, left:right] = content
    return crop


def _blur_crop(part: np.ndarray, placement: Placement, shift: np.ndarray, size: int) -> np.ndarray:
    """The crop under a Gaussian of 2 % of its side, float32 ``(size, size, 3)``; computed with room around it."""
    room = _COARSE // 4
    matrix = placement.matrix(_COARSE)
    matrix[:, 2] += matrix[:, :2] @ np.full(2, -float(room)) - shift
    coarse = warp(part, matrix, _COARSE + 2 * room, _COARSE + 2 * room).astype(np.float32)
    blurred = cv2.GaussianBlur(coarse, (0, 0), 0.02 * _COARSE)
    each = _COARSE / size
    back = np.array([[each, 0, room + each / 2 - 0.5], [0, each, room + each / 2 - 0.5]])
    return cv2.warpAffine(blurred, back, (size, size), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)


@dataclass(frozen=True)
class Surroundings:
    """What of a photo matters for a crop, and how FFHQ's alignment continues beyond the photo.

    The crop's bounds and a border of a tenth of its side are taken from the photo. Where that is not enough, it is
    reflected on all sides, over at least 0.3 of the side. Within a third of that width from where the photo ends it is
    blurred more and more, and beyond it fades to the median colour. Unlike there, a crop that comes within 4 pixels of
    the photo's border but not a pixel beyond it is left as it is.
    """

    placement: Placement
    height: int
    width: int

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 of the pixels that are taken from the photo, at least one, x1 and y1 not among them."""
        x0, y0, x1, y1 = self._wanted
        left, top = (min(max(low, 0), end - 1) for low, end in ((x0, self.width), (y0, self.height)))
        return left, top, max(min(x1, self.width), left + 1), max(min(y1, self.height), top + 1)

    @cached_property
    def padded(self) -> bool:
        """Whether the crop shows more than a pixel beyond the photo."""
        x0, y0, x1, y1 = self.placement.bounds()
        return min(x0, y0) < -1.5 or x1 > self.width + 0.5 or y1 > self.height + 0.5

    def shares(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the fractions of blur and of the median colour at points of the photo: 0 to 1, float32."""
        if not self.padded:
            nothing = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
            return nothing, nothing
        x0, y0, x1, y1 = self.box
        left, top, right, bottom = self._pads
        across = 1 - np.minimum((x - x0 + left) / left, (x1 - 1 + right - x) / right)
        along = 1 - np.minimum((y - y0 + top) / top, (y1 - 1 + bottom - y) / bottom)
        mask = np.maximum(across, along).astype(np.float32)
        return (3 * mask + 1).clip(0, 1), mask.clip(0, 1)

    def median(self, part: np.ndarray) -> np.ndarray:
        """Return the median colour ``(3,)`` of the pixels of the photo and their reflection, at a low resolution."""
        rows, columns = part.shape[:2]
        left, top, right, bottom = self._pads
        scale = min(1.0, _COARSE / max(columns + left + right, rows + top + bottom))
        size = max(1, round(scale * columns)), max(1, round(scale * rows))
        small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        rim = [tuple(round(scale * pad) for pad in pads) for pads in ((top, bottom), (left, right))]
        return np.asarray(np.median(np.pad(small, (*rim, (0, 0)), "reflect"), axis=(0, 1)), np.float32)

    @cached_property
    def _wanted(self) -> tuple[int, int, int, int]:
        border = max(round(0.1 * self.placement.side), 3)
        x0, y0, x1, y1 = self.placement.bounds()
        return math.floor(x0) - border, math.floor(y0) - border, math.ceil(x1) + border, math.ceil(y1) + border

    @cached_property
    def _pads(self) -> tuple[float, float, float, float]:
        """Pixels of reflection at the left, top, right and bottom of ``box``."""
        least = round(0.3 * self.placement.side)
        x0, y0, x1, y1 = self._wanted
        missing = (-x0, -y0, x1 - self.width, y1 - self.height)
        left, top, right, bottom = (float(max(each, least, 1)) for each in missing)
        return left, top, right, bottom
