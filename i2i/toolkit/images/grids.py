"""Image grids: images in rows and columns with captions, as one image."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

_INK = (64, 64, 64)
_ABOVE = 3  # lines of a caption above a column at most


@dataclass(frozen=True)
class GridLayout:
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


def image_grid(
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
    layout = plan_grid(cell or largest_size(pictures), columns, labels, group)
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


def largest_size(pictures: Sequence[np.ndarray]) -> tuple[int, int]:
    """The largest width and the largest height of pictures, each uint8 ``(H, W, 3)``."""
    return max(picture.shape[1] for picture in pictures), max(picture.shape[0] for picture in pictures)


def plan_grid(
    cell: tuple[int, int], columns: Sequence[str] = (), labels: Sequence[str] = (), group: int = 0
) -> GridLayout:
    """The layout of a sheet whose places are ``cell`` (width, height) large; arguments as for ``sheet``."""
    gap = max(3, round(min(cell) / 32))
    points = min(28, max(11, round(cell[0] / 13)))
    names = [[printable(text) for text in side] for side in (columns, labels)]
    font = choose_font(points, [text for side in names for text in side])
    line = round(1.35 * points)  # from one line to the next
    above = [wrap_text(text, font, cell[0], _ABOVE) for text in names[0]]
    beside = [wrap_text(text, font, max(2 * cell[0], 12 * points), max(1, cell[1] // line)) for text in names[1]]
    widest = max((font.getlength(part) for lines in beside for part in lines), default=0)
    left = 2 * gap + (int(widest) + gap if labels else 0)
    top = 2 * gap + (points + gap + line * (max(len(lines) for lines in above) - 1) if above else 0)
    broken = (tuple("\n".join(lines) for lines in side) for side in (above, beside))
    return GridLayout(cell, gap, font, left, top, group, *broken)


def _paste(canvas: Image.Image, picture: np.ndarray, layout: GridLayout, corner: tuple[int, int]) -> None:
    image = ImageOps.contain(Image.fromarray(picture), layout.cell, Image.Resampling.BICUBIC)
    x, y = (corner[axis] + (layout.cell[axis] - image.size[axis]) // 2 for axis in (0, 1))
    canvas.paste(image, (x, y))


Cells: TypeAlias = Sequence[Sequence["np.ndarray | None"]]


MAX_TABLE_PIXELS = 2**26
"""No sheet has more pixels; the pictures of larger tables are shown smaller."""


LEGIBLE_CELL = 128
"""Smaller pictures are enlarged by whole steps until their longer side has as many pixels."""


def draw_table(cells: Cells, columns: Sequence[str] = (), labels: Sequence[str] = ()) -> np.ndarray:
    """Draw pictures in rows and columns with their captions, large enough to be looked at.

    Args:
        cells: Row by row, each uint8 ``(H, W, 3)``; None leaves a place empty.
        columns: Captions above the columns.
        labels: Names to the left of the rows.

    Returns:
        uint8 ``(H, W, 3)`` of at most ``MAX_TABLE_PIXELS`` pixels.
    """
    width, height = cell = largest_size(present_cells(cells))
    times = -(-LEGIBLE_CELL // max(cell))
    down, across = len(cells), max(len(row) for row in cells)
    scale = float(max(times, 1))
    while True:
        place = (max(1, round(scale * width)), max(1, round(scale * height)))
        extent = plan_grid(place, columns, labels).extent(down, across)
        if extent[0] * extent[1] <= MAX_TABLE_PIXELS or max(place) == 1:
            return image_grid(cells, columns, labels, cell=place)
        # Gaps and captions do not shrink as the pictures do, so that the root alone may come out too large.
        scale *= min(0.98, (MAX_TABLE_PIXELS / (extent[0] * extent[1])) ** 0.5)


def present_cells(cells: Cells) -> list[np.ndarray]:
    pictures = [picture for row in cells for picture in row if picture is not None]
    if not pictures:
        raise ValueError("a table needs at least one picture")
    return pictures


_SMALLEST = 9  # points; smaller letters are not read


def add_captions(pictures: Sequence[np.ndarray], captions: Sequence[str]) -> list[np.ndarray]:
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


Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

_CUT = "..."


def printable(text: str) -> str:
    """One line of text in which everything can be drawn and written to a file.

    File names may hold line breaks, control characters and bytes that are no text; those become question marks.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def choose_font(points: int, texts: Sequence[str]) -> Font:
    """Pillow's own font, which has hardly more than ASCII; for other texts DejaVu Sans, which matplotlib brings."""
    found = None if all(text.isascii() for text in texts) else importlib.util.find_spec("matplotlib")
    if found is not None and found.origin is not None:
        path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            return ImageFont.truetype(path, points)
    return ImageFont.load_default(size=points)


def wrap_text(text: str, font: Font, width: float, lines: int) -> list[str]:
    """Break a text into at most ``lines`` lines of at most ``width`` pixels; what is left over is cut.

    Lines break after spaces and the joints of file names, such as ``_``; longer words are broken anywhere.
    """
    broken = [""]
    for word in re.findall(r"[^\s_./-]*[\s_./-]?", text):
        if font.getlength((broken[-1] + word).rstrip()) <= width:
            broken[-1] += word
            continue
        while font.getlength(word.rstrip()) > width and len(word) > 1:
            fits = max(1, sum(font.getlength(word[: end + 1]) <= width for end in range(len(word))))
            broken, word = [*broken, word[:fits]], word[fits:]
        broken.append(word)
    kept = [line for line in broken if line.strip()] or [""]
    kept = kept if len(kept) <= lines else [*kept[: lines - 1], shorten_text("".join(kept[lines - 1 :]), font, width)]
    return [line.strip() for line in kept]


def shorten_text(text: str, font: Font, width: float) -> str:
    """Cut a text that is wider than ``width`` pixels, and show that it was."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + _CUT) > width:
        text = text[:-1]
    return text + _CUT
