"""Masks of where an image may change, 1, or stays, 0, with soft edges: from presets, points or a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import torch

import i2i
from i2i.toolkit.faces.landmarks import eye_distance
from i2i.toolkit.images import ImageError, decode_image
from i2i.toolkit.images.warp import warp

from .handles import Handles
from .preset_values import Hull, PresetValues

if TYPE_CHECKING:
    from torch import Tensor

FEATHER = 1 / 24
"""Width of the soft edge, as a fraction of the image."""
POINT_MARGIN = 1 / 8
"""Margin around the path from a handle to its target with ``--mask auto``, as a fraction of the image."""

Outline: TypeAlias = "tuple[np.ndarray, float]"
"""Corners ``(n, 2)`` x, y of a convex polygon, or the ends of a line, pixels; and its margin, pixels."""


def point_outlines(handles: Handles, size: int) -> list[Outline]:
    """Return the paths of all handles with margins of ``POINT_MARGIN`` plus half their length."""
    ends = torch.stack([handles.starts, handles.targets], dim=1).double().cpu().numpy()
    return [(path, POINT_MARGIN * size + float(np.linalg.norm(path[1] - path[0])) / 2) for path in ends]


def preset_outlines(values: PresetValues, handles: Handles, points: Tensor) -> list[Outline] | None:
    """Return the region of a preset for landmarks ``points (68, 2)``; None for everywhere."""
    if values.region is None:
        return None
    ends = {int(index): target for index, target in zip(handles.landmarks, handles.targets, strict=True) if index >= 0}
    return [_hull_outline(hull, points, ends) for hull in values.region]


def _hull_outline(hull: Hull, points: Tensor, ends: dict[int, Tensor]) -> Outline:
    """Return a hull over the initial and target positions of landmarks."""
    indices = [landmark - 1 for landmark in hull.hull]
    positions = [points[index] for index in indices] + [ends[index] for index in indices if index in ends]
    grow = hull.grow * float(eye_distance(points))
    return torch.stack(positions).double().cpu().numpy(), grow


def draw_outlines(outlines: Iterable[Outline], size: int) -> np.ndarray:
    """Draw the union of outlines, float32 ``(size, size)``: 1 inside, falling to 0 over ``FEATHER`` outside."""
    y, x = np.mgrid[:size, :size].astype(np.float64)
    mask = np.zeros((size, size), np.float32)
    width = FEATHER * size
    for corners, grow in outlines:
        outside = _hull_distance(corners, x, y) - grow
        mask = np.maximum(mask, np.clip(1 - outside / width, 0, 1).astype(np.float32))
    return mask


def _hull_distance(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return distances of pixels to the convex hull of corners; 0 inside."""
    hull = cv2.convexHull(corners.astype(np.float32))[:, 0].astype(np.float64)
    best = np.full(x.shape, np.inf)
    left = np.ones(x.shape, bool)
    right = np.ones(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(hull, np.roll(hull, -1, axis=0), strict=True):
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        along = ((x - x0) * dx + (y - y0) * dy) / length if length else np.zeros(x.shape)
        along = along.clip(0, 1)
        best = np.minimum(best, np.hypot(x - x0 - along * dx, y - y0 - along * dy))
        side = dx * (y - y0) - dy * (x - x0)
        left &= side >= 0
        right &= side <= 0
    return np.where((left | right) & (len(hull) > 2), 0.0, best)


def read_mask(path: Path, photo: i2i.Photo) -> np.ndarray:
    """Read a mask of the user and warp it to the generator's image: float32 ``(R, R)`` in [0, 1].

    Raises:
        UsageError: it cannot be read, its size differs from that of the image as given, or it is black or transparent
            in the whole part that is edited.
    """
    mask, size = _read_whiteness(path), photo.pixels.shape[-1]
    if mask.shape != photo.given:
        sizes = [f"{width} x {height}" for height, width in (mask.shape, photo.given)]
        raise i2i.UsageError(
            f"--mask {path} has {sizes[0]} pixels and the image {sizes[1]}; paint it over the image itself."
        )
    if photo.placement is not None:
        # Outside the photo there is nothing to keep or to change, so that any padding is right; it is reflected.
        mask = warp(mask, photo.placement.matrix(size), size, size)
    if mask.max() < 128:
        where = "" if photo.placement is None else " in the part of the photo that is edited"
        raise i2i.UsageError(
            f"--mask {path} is black or transparent{where}, so nothing may change; paint white what may."
        )
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), FEATHER * size / 3)
    return np.asarray(soft, np.float32)


def _read_whiteness(path: Path) -> np.ndarray:
    """Read an image as a mask, uint8 ``(H, W)``: white is 255; transparent pixels count as black."""
    try:
        image = decode_image(path, colours="stored")
    except ImageError as error:
        raise i2i.UsageError(f"--mask {path}: {error.reason}") from None
    white: np.ndarray = image.pixels.max(axis=2)
    if image.alpha is None:
        return white
    # The decoder composites over white, a v + (1 - a) 255, and a v is wanted.
    return np.asarray(np.maximum(white, 255 - image.alpha) - (255 - image.alpha))
