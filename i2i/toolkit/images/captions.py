"""Captions below the pictures of a sheet, where they are large enough to carry one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_INK = (64, 64, 64)
_SMALLEST = 9  # points; smaller letters are not read


def captioned(pictures: Sequence[np.ndarray], captions: Sequence[str]) -> list[np.ndarray]:
    """Each picture, uint8 ``(H, W, 3)`` and all of one size, with its caption on a white strip below it.

    Where one of the captions is wider than its picture, all pictures stay as they are.
    """
    points = min(24, max(_SMALLEST, round(pictures[0].shape[1] / 16)))
    font = ImageFont.load_default(size=points)
    if max(font.getlength(caption) for caption in captions) > pictures[0].shape[1]:
        return list(pictures)
    return [_with_strip(*pair, font, round(1.4 * points)) for pair in zip(pictures, captions, strict=True)]


def _with_strip(
    picture: np.ndarray, caption: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, height: int
) -> np.ndarray:
    rows, columns = picture.shape[:2]
    canvas = Image.new("RGB", (columns, rows + height), "white")
    canvas.paste(Image.fromarray(picture), (0, 0))
    ImageDraw.Draw(canvas).text((columns / 2, rows + height / 2), caption, font=font, fill=_INK, anchor="mm")
    return np.array(canvas)
