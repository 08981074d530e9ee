"""Pixel formats: read class numbers and grey values from files, and turn outputs into RGB images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..toolkit.images import ImageError, read_image, read_stored_values, to_array

if TYPE_CHECKING:
    from torch import Tensor

NO_CLASS = 255
"""Class number of pixels that belong to no class."""


def read_labels(path: Path, classes: int | None, palette: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """Read the class number of each pixel.

    A grey or indexed file holds the numbers themselves; a file in colour holds the colours of the palette.

    Args:
        classes: Number of classes; None accepts every number.
        palette: RGB colour of each class.

    Returns:
        uint8 ``(H, W)``, or int32 if a number exceeds 255.

    Raises:
        ImageError: The file cannot be read, or holds a number or colour that is of no class.
    """
    numbers = read_stored_values(path)
    if numbers is not None:
        labels = numbers.astype(np.uint8) if numbers.max(initial=0) <= 255 else numbers.astype(np.int32)
    elif palette:
        labels = _from_colours(path, read_image(path, colours="stored"), palette)
    else:
        raise ImageError(
            path, "it is in colour, and its dataset has no palette; save class numbers as a grey or indexed PNG."
        )
    most = classes if classes is not None else len(palette) or None
    if most is not None and (wrong := np.unique(labels[(labels >= most) & (labels != NO_CLASS)])).size:
        raise ImageError(path, f"it holds the class number {wrong[0]}, and there are {most} classes; correct it.")
    return labels


def _from_colours(path: Path, image: np.ndarray, palette: Sequence[tuple[int, int, int]]) -> np.ndarray:
    colours = np.array(palette, dtype=np.int64)
    codes = colours @ np.array([65536, 256, 1])
    order = np.argsort(codes, kind="stable")
    wanted = image.astype(np.int64) @ np.array([65536, 256, 1])
    places = np.searchsorted(codes[order], wanted).clip(0, len(codes) - 1)
    numbers = order[places]
    if (unknown := codes[numbers] != wanted).any():
        colour = tuple(int(value) for value in image[unknown][0])
        raise ImageError(path, f"it holds the colour {colour}, which is not in the palette of its dataset; fix it.")
    labels: np.ndarray = numbers.astype(np.uint8 if len(palette) <= 256 else np.int32)
    return labels


def paint_labels(labels: np.ndarray, palette: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """Paint class numbers ``(H, W)`` in the colours of a palette: uint8 ``(H, W, 3)``; others become black.

    Classes without a colour get one of their own, the same for the same number.
    """
    count = int(labels[labels != NO_CLASS].max(initial=0)) + 1
    table = np.zeros((max(count, NO_CLASS + 1), 3), dtype=np.uint8)
    known = min(len(palette), len(table))
    if known:
        table[:known] = np.array(palette[:known], dtype=np.uint8)
    for number in range(known, count):
        # Odd multipliers spread neighbouring numbers over the colour cube.
        table[number] = [(37 * (number + 1)) % 256, (91 * (number + 1)) % 256, (173 * (number + 1)) % 256]
    if known <= NO_CLASS:
        table[NO_CLASS] = 0
    painted: np.ndarray = table[labels]
    return painted


def read_grey(path: Path, bits: int) -> np.ndarray:
    """Read one channel: uint8, or uint16 for 16 bits, ``(H, W, 1)``; an 8-bit file is scaled to 16 bits, 255 to 65535.

    It holds data, such as depth or a mask, so colour profiles are left aside.

    Raises:
        ImageError: As ``read_image``.
    """
    if bits == 16:
        values = read_stored_values(path)
        if values is not None and values.dtype.itemsize > 1:
            return values.clip(0, 65535).astype(np.uint16)[..., None]
        return read_grey(path, 8).astype(np.uint16) * 257
    return np.array(Image.fromarray(read_image(path, colours="stored")).convert("L"))[..., None]


def panel_image(tensor: Tensor, palette: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """Turn one output of a network into an image: uint8 ``(H, W, 3)``.

    Args:
        tensor: An image ``(1 or 3, H, W)`` in [-1, 1], or integer class numbers ``(H, W)``.
        palette: RGB colour of each class.
    """
    if tensor.ndim == 2:
        return paint_labels(tensor.cpu().numpy(), palette)
    return to_array(tensor.clamp(-1, 1).expand(3, -1, -1))
