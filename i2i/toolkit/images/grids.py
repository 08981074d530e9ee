"""Contact sheets: pictures in rows and columns on white, with captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from .lettering import Font, choose_font, printable, wrap

_INK = (64, 64, 64)
_ABOVE = 3  # lines of a caption above a column at most


@dataclass(frozen=True)
class Layout:
    """Where the pictures and captions of a sheet stand, in pixels."""

    cell: tuple[int, int]
    """Width and height of a place for a picture."""
    gap: int
    font: Font
    left: int
    top: int
    group: int
    columns: tuple[str, ...] = ()
    """Captions as they are drawn, their lines broken."""
    labels: tuple[str, ...] = ()

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Left and upper edge of a place; groups of columns stand a little apart."""
        apart = 2 * self.gap * (column // self.group) if self.group else 0
        return self.left + column * (self.cell[0] + self.gap) + apart, self.top + row * (self.cell[1] + self.gap)

    def extent(self, rows: int, columns: int) -> tuple[int, int]:
        """Width and height of a sheet with that many places down and across."""
        right, bottom = self.corner(rows, columns - 1)
        return right + self.cell[0] + 2 * self.gap, bottom + self.gap


def sheet(
    rows: Sequence[Sequence[np.ndarray | None]],
    columns: Sequence[str] = (),
    labels: Sequence[str] = (),
    group: int = 0,
    cell: tuple[int, int] | None = None,
) -> np.ndarray:
    """Lay pictures out on a white sheet.

    Args:
        rows: Pictures, each uint8 ``(H, W, 3)``; None leaves a place empty. Pictures of another size than the places
            are made to fit, keeping their shape. Rows may differ in length.
        columns: Captions above the columns; long ones are broken into lines, and cut where three are too few.
        labels: Names to the left of the rows; likewise, in as many lines as their row has room for.
        group: Columns that belong together (2 for pairs); a wider gap follows each group.
        cell: Width and height of the places; None for the largest width and height of the pictures.

    Returns:
        uint8 ``(H, W, 3)``.
    """
    pictures = [picture for row in rows for picture in row if picture is not None]
    if not pictures:
        raise ValueError("a sheet needs at least one picture")
    layout = lay_out(cell or largest(pictures), columns, labels, group)
    canvas = Image.new("RGB", layout.extent(len(rows), max(len(row) for row in rows)), "white")
    draw = ImageDraw.Draw(canvas)
    for number, row in enumerate(rows):
        for column, picture in enumerate(row):
            if picture is not None:
                _paste(canvas, picture, layout, layout.corner(number, column))
    for column, caption in enumerate(layout.columns):
        x, y = layout.corner(0, column)
        draw.text(
            (x + layout.cell[0] / 2, y - layout.gap), caption, font=layout.font, fill=_INK, anchor="md", align="center"
        )
    for number, label in enumerate(layout.labels):
        x, y = layout.corner(number, 0)
        draw.text(
            (x - layout.gap, y + layout.cell[1] / 2), label, font=layout.font, fill=_INK, anchor="rm", align="right"
        )
    return np.array(canvas)


def largest(pictures: Sequence[np.ndarray]) -> tuple[int, int]:
    """The largest width and the largest height of pictures, each uint8 ``(H, W, 3)``."""
    return max(picture.shape[1] for picture in pictures), max(picture.shape[0] for picture in pictures)


def lay_out(cell: tuple[int, int], columns: Sequence[str] = (), labels: Sequence[str] = (), group: int = 0) -> Layout:
    """The layout of a sheet whose places are ``cell`` (width, height) large; arguments as for ``sheet``."""
    gap = max(3, round(min(cell) / 32))
    points = min(28, max(11, round(cell[0] / 13)))
    names = [[printable(text) for text in side] for side in (columns, labels)]
    font = choose_font(points, [text for side in names for text in side])
    line = round(1.35 * points)  # from one line to the next
    above = [wrap(text, font, cell[0], _ABOVE) for text in names[0]]
    beside = [wrap(text, font, max(2 * cell[0], 12 * points), max(1, cell[1] // line)) for text in names[1]]
    widest = max((font.getlength(part) for lines in beside for part in lines), default=0)
    left = 2 * gap + (int(widest) + gap if labels else 0)
    top = 2 * gap + (points + gap + line * (max(len(lines) for lines in above) - 1) if above else 0)
    broken = (tuple("\n".join(lines) for lines in side) for side in (above, beside))
    return Layout(cell, gap, font, left, top, group, *broken)


def _paste(canvas: Image.Image, picture: np.ndarray, layout: Layout, corner: tuple[int, int]) -> None:
    image = ImageOps.contain(Image.fromarray(picture), layout.cell, Image.Resampling.BICUBIC)
    x, y = (corner[axis] + (layout.cell[axis] - image.size[axis]) // 2 for axis in (0, 1))
    canvas.paste(image, (x, y))
