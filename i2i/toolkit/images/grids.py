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
    """Positions of the cells and captions of an image grid, in pixels."""

    cell: tuple[int, int]
    """Width and height of a cell."""
    gap: int
    """Distance between cells."""
    font: Font
    """Font of the captions."""
    left: int
    """Left edge of the first column."""
    top: int
    """Top edge of the first row."""
    group: int
    """Number of columns in a group; 0 for no groups."""
    columns: tuple[str, ...] = ()
    """Captions above the columns, with line breaks."""
    labels: tuple[str, ...] = ()
    """Labels to the left of the rows, with line breaks."""

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Return the left and top edge of a cell."""
        apart = 2 * self.gap * (column // self.group) if self.group else 0
        return self.left + column * (self.cell[0] + self.gap) + apart, self.top + row * (self.cell[1] + self.gap)

    def extent(self, rows: int, columns: int) -> tuple[int, int]:
        """Return width and height of a grid with this number of rows and columns."""
        right, bottom = self.corner(rows, columns - 1)
        return right + self.cell[0] + 2 * self.gap, bottom + self.gap


def image_grid(
    rows: Sequence[Sequence[np.ndarray | None]],
    columns: Sequence[str] = (),
    labels: Sequence[str] = (),
    group: int = 0,
    cell: tuple[int, int] | None = None,
) -> np.ndarray:
    """Draw images in rows and columns on a white background.

    Args:
        rows: Images, each uint8 ``(H, W, 3)``; None leaves a cell empty. Images of another size than the cells are
            resized with their aspect ratio kept. Rows may differ in length.
        columns: Captions above the columns, at most three lines each; longer ones are shortened.
        labels: Labels to the left of the rows, shortened to the height of their row.
        group: Number of columns in a group (2 for pairs); a wider gap follows each group.
        cell: Width and height of the cells in pixels; None for the largest width and height of the images.

    Returns:
        uint8 ``(H, W, 3)``.
    """
    pictures = [picture for row in rows for picture in row if picture is not None]
    if not pictures:
        raise ValueError("an image grid needs at least one image")
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
    """Return the largest width and the largest height of images, each uint8 ``(H, W, 3)``."""
    return max(picture.shape[1] for picture in pictures), max(picture.shape[0] for picture in pictures)


def plan_grid(
    cell: tuple[int, int], columns: Sequence[str] = (), labels: Sequence[str] = (), group: int = 0
) -> GridLayout:
    """Compute the layout of a grid; ``cell`` is (width, height) in pixels, the rest as for ``image_grid``."""
    gap = max(3, round(min(cell) / 32))
    points = _letter_size(cell[0], 13, 11, 28)
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
"""Largest number of pixels of a table; the images of larger tables are downsampled."""


LEGIBLE_CELL = 128
"""Longer side in pixels to which the images of a table are enlarged by an integer factor."""


def draw_table(cells: Cells, columns: Sequence[str] = (), labels: Sequence[str] = (), caption: str = "") -> np.ndarray:
    """Draw an image grid whose cells are large enough to see details and whose total size is limited.

    Args:
        cells: Rows of images, each uint8 ``(H, W, 3)``; None leaves a cell empty.
        columns: Captions above the columns.
        labels: Labels to the left of the rows.
        caption: A text below the images, of at most three lines.

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
            drawn = image_grid(cells, columns, labels, cell=place)
            return _with_text_below(drawn, caption, plan_grid(place, columns, labels)) if caption else drawn
        # Gaps and captions do not shrink as the images do, so that the root alone may come out too large.
        scale *= min(0.98, (MAX_TABLE_PIXELS / (extent[0] * extent[1])) ** 0.5)


def _with_text_below(drawn: np.ndarray, text: str, layout: GridLayout) -> np.ndarray:
    """Add a text below a grid, from the left edge of its first column if it fits there."""
    points = _letter_size(layout.cell[0], 13, 11, 28)
    text = printable(text)
    font = choose_font(points, [text])
    height, width = drawn.shape[:2]
    beside = layout.left + font.getlength(text) + 2 * layout.gap <= width
    left = layout.left if beside else 2 * layout.gap
    lines = wrap_text(text, font, width - left - 2 * layout.gap, _ABOVE)
    line = round(1.35 * points)
    canvas = Image.new("RGB", (width, height + line * len(lines) + layout.gap), "white")
    canvas.paste(Image.fromarray(drawn), (0, 0))
    draw = ImageDraw.Draw(canvas)
    for number, part in enumerate(lines):
        draw.text((left, height + line * number), part, font=font, fill=_INK, anchor="la")
    return np.array(canvas)


def present_cells(cells: Cells) -> list[np.ndarray]:
    """Return the images of all cells that are not empty; raise ValueError if there is none."""
    pictures = [picture for row in cells for picture in row if picture is not None]
    if not pictures:
        raise ValueError("a table needs at least one image")
    return pictures


_SMALLEST = 9  # points; smaller letters are not read


def add_captions(pictures: Sequence[np.ndarray], captions: Sequence[str]) -> list[np.ndarray]:
    """Add a caption on a white strip below each image.

    Args:
        pictures: uint8 ``(H, W, 3)``, all of one size.
        captions: One for each image.

    Returns:
        uint8 ``(H + strip, W, 3)`` each; the images unchanged if one of the captions is wider than its image.
    """
    points = _letter_size(pictures[0].shape[1], 16, _SMALLEST, 24)
    font = ImageFont.load_default(size=points)
    if max(font.getlength(caption) for caption in captions) > pictures[0].shape[1]:
        return list(pictures)
    return [_with_strip(*pair, font, round(1.4 * points)) for pair in zip(pictures, captions, strict=True)]


def _letter_size(width: int, share: int, least: int, usual: int) -> int:
    """Return the size of letters, px: a ``share``-th of the width of an image, within bounds that suit small images.

    Images of photographs are shown reduced, so that letters of the usual size could not be read there.
    """
    return max(min(usual, max(least, round(width / share))), round(width / 22))


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
    """Return a text as one line of printable characters.

    Line breaks become spaces; control characters and undecodable bytes of file names become question marks.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def choose_font(points: int, texts: Sequence[str]) -> Font:
    """Return a font of ``points`` px: Pillow's own for ASCII texts, else DejaVu Sans from matplotlib."""
    found = None if all(text.isascii() for text in texts) else importlib.util.find_spec("matplotlib")
    if found is not None and found.origin is not None:
        path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            return ImageFont.truetype(path, points)
    return ImageFont.load_default(size=points)


def wrap_text(text: str, font: Font, width: float, lines: int) -> list[str]:
    """Break a text into at most ``lines`` lines of at most ``width`` pixels; the last one is shortened if necessary.

    Lines break after spaces and separators of file names, such as ``_``; longer words are broken anywhere.
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
    """Shorten a text to ``width`` pixels; ``...`` marks the end of a shortened one."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + _CUT) > width:
        text = text[:-1]
    return text + _CUT
