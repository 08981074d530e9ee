"""What of a picture may change: a mask ``(1, 1, R, R)`` from 0, stay, to 1, change, that is soft along its edge."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import torch
from PIL import Image, ImageOps

import i2i
from i2i.toolkit.faces.landmarks import eye_distance
from i2i.toolkit.images import ImageError, read_image

from .formats import Hull, Values
from .handles import Handles

if TYPE_CHECKING:
    from torch import Tensor

FEATHER = 1 / 24
"""Width of the edge, as a share of the picture."""
AROUND = 1 / 8
"""How far from a handle and its way the picture may change with ``--mask auto``, as a share of the picture."""

Outline: TypeAlias = "tuple[np.ndarray, float]"
"""Corners ``(n, 2)`` x, y of a convex polygon, or the ends of a line, pixels; and by how many it is grown."""


def around(handles: Handles, size: int) -> list[Outline]:
    """The ways of all handles, grown by ``AROUND`` and half their length."""
    ends = torch.stack([handles.starts, handles.targets], dim=1).double().cpu().numpy()
    return [(way, AROUND * size + float(np.linalg.norm(way[1] - way[0])) / 2) for way in ends]


def of_values(values: Values, handles: Handles, points: Tensor) -> list[Outline] | None:
    """A preset's region, for landmarks ``(68, 2)``; None for everything."""
    if values.region is None:
        return None
    ends = {int(index): place for index, place in zip(handles.landmarks, handles.targets, strict=True) if index >= 0}
    return [_grown(hull, points, ends) for hull in values.region]


def _grown(hull: Hull, points: Tensor, ends: dict[int, Tensor]) -> Outline:
    """A hull over where landmarks are and where they go."""
    indices = [each - 1 for each in hull.hull]
    places = [points[each] for each in indices] + [ends[each] for each in indices if each in ends]
    grow = hull.grow * float(eye_distance(points))
    return torch.stack(places).double().cpu().numpy(), grow


def drawn(outlines: Iterable[Outline], size: int) -> np.ndarray:
    """The union of outlines, float32 ``(size, size)``: 1 within, falling to 0 over ``FEATHER`` outside."""
    y, x = np.mgrid[:size, :size].astype(np.float64)
    mask = np.zeros((size, size), np.float32)
    width = FEATHER * size
    for corners, grow in outlines:
        away = _distance(corners, x, y) - grow
        mask = np.maximum(mask, np.clip(1 - away / width, 0, 1).astype(np.float32))
    return mask


def _distance(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of pixels to the convex hull of corners; 0 within."""
    hull = cv2.convexHull(corners.astype(np.float32))[:, 0].astype(np.float64)
    best = np.full(x.shape, np.inf)
    left = np.ones(x.shape, bool)
    right = np.ones(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(hull, np.roll(hull, -1, axis=0), strict=True):
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        share = ((x - x0) * dx + (y - y0) * dy) / length if length else np.zeros(x.shape)
        share = share.clip(0, 1)
        best = np.minimum(best, np.hypot(x - x0 - share * dx, y - y0 - share * dy))
        side = dx * (y - y0) - dy * (x - x0)
        left &= side >= 0
        right &= side <= 0
    return np.where((left | right) & (len(hull) > 2), 0.0, best)


def painted(path: Path, photo: i2i.Photo) -> np.ndarray:
    """A mask that the user painted over what they gave, as the generator's picture sees it: float32 ``(R, R)``.

    Raises:
        UsageError: it cannot be read, has another size than what was given, or is black or transparent wherever the
            generator sees it.
    """
    from i2i.toolkit.images.warp import warp

    mask, size = _whiteness(path), photo.pixels.shape[-1]
    if mask.shape != photo.given:
        sizes = [f"{width} x {height}" for height, width in (mask.shape, photo.given)]
        raise i2i.UsageError(
            f"--mask {path} has {sizes[0]} pixels and the picture {sizes[1]}; paint it over the picture itself."
        )
    if photo.placement is not None:
        # Beyond the photo there is nothing to keep or to change, and reflection says as much as anything.
        mask = warp(mask, photo.placement.matrix(size), size, size)
    if mask.max() < 128:
        where = "" if photo.placement is None else " in the part of the photo that is edited"
        raise i2i.UsageError(
            f"--mask {path} is black or transparent{where}, so nothing may change; paint white what may."
        )
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), FEATHER * size / 3)
    return np.asarray(soft, np.float32)


def _whiteness(path: Path) -> np.ndarray:
    """How white a picture is, uint8 ``(H, W)``; what is transparent in it counts as black."""
    try:
        white: np.ndarray = read_image(path).max(axis=2)
    except ImageError as error:
        raise i2i.UsageError(f"--mask {path}: {error.reason}") from None
    with Image.open(path) as image:
        if not image.has_transparency_data:
            return white
        image.load()  # a TIFF is turned by this, any other picture by what follows
        alpha = np.asarray(ImageOps.exif_transpose(image).convert("RGBA").getchannel("A"))
    # It was laid over white: what was read is a v + (1 - a) 255, and a v is wanted.
    return np.asarray(np.maximum(white, 255 - alpha) - (255 - alpha))
