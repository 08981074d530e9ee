"""Contact sheets: pictures in rows and columns on white, with captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

_INK = (64, 64, 64)


@dataclass(frozen=True)
class _Layout:
    """Where things stand, in pixels."""

    cell: tuple[int, int]
    """Width and height of a place for a picture."""
    gap: int
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    left: int
    top: int
    group: int

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Left and upper edge of a place; groups of columns stand a little apart."""
        apart = 2 * self.gap * (column // self.group) if self.group else 0
        return self.left + column * (self.cell[0] + self.gap) + apart, self.top + row * (self.cell[1] + self.gap)


def sheet(
    rows: Sequence[Sequence[np.ndarray]], columns: Sequence[str] = (), labels: Sequence[str] = (), group: int = 0
) -> np.ndarray:
    """Lay pictures out on a white sheet.

    Args:
        rows: Pictures, each uint8 ``(H, W, 3)``. All places have the size of the largest height and width; smaller
            pictures are enlarged to fit, keeping their shape. Rows may differ in length.
        columns: Captions above the columns.
        labels: Names to the left of the rows.
        group: Columns that belong together (2 for pairs); a wider gap follows each group.

    Returns:
        uint8 ``(H, W, 3)``.
    """
    pictures = [picture for row in rows for picture in row]
    if not pictures:
        raise ValueError("a sheet needs at least one picture")
    layout = _lay_out(pictures, columns, labels, group)
    right, bottom = layout.corner(len(rows), max(len(row) for row in rows) - 1)
    canvas = Image.new("RGB", (right + layout.cell[0] + 2 * layout.gap, bottom + layout.gap), "white")
    draw = ImageDraw.Draw(canvas)
    for number, row in enumerate(rows):
        for column, picture in enumerate(row):
            _paste(canvas, picture, layout, layout.corner(number, column))
    for column, caption in enumerate(columns):
        x, y = layout.corner(0, column)
        text = _shorten(caption, layout.font, layout.cell[0])
        draw.text((x + layout.cell[0] / 2, y - layout.gap), text, font=layout.font, fill=_INK, anchor="md")
    for number, label in enumerate(labels):
        x, y = layout.corner(number, 0)
        draw.text((x - layout.gap, y + layout.cell[1] / 2), label, font=layout.font, fill=_INK, anchor="rm")
    return np.array(canvas)


def _lay_out(pictures: Sequence[np.ndarray], columns: Sequence[str], labels: Sequence[str], group: int) -> _Layout:
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    gap = max(3, round(min(height, width) / 32))
    points = min(28, max(11, round(width / 13)))
    font = ImageFont.load_default(size=points)
    left = 2 * gap + (max(int(font.getlength(label)) for label in labels) + gap if labels else 0)
    top = 2 * gap + (points + gap if columns else 0)
    return _Layout((width, height), gap, font, left, top, group)


def _paste(canvas: Image.Image, picture: np.ndarray, layout: _Layout, corner: tuple[int, int]) -> None:
    image = ImageOps.contain(Image.fromarray(picture), layout.cell, Image.Resampling.BICUBIC)
    x, y = (corner[axis] + (layout.cell[axis] - image.size[axis]) // 2 for axis in (0, 1))
    canvas.paste(image, (x, y))


def _shorten(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Cut a caption that is wider than its place."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."
