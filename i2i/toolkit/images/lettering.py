"""Texts on pictures: a font that has their letters, and lines that fit."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from PIL import ImageFont

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


def wrap(text: str, font: Font, width: float, lines: int) -> list[str]:
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
    kept = kept if len(kept) <= lines else [*kept[: lines - 1], shorten("".join(kept[lines - 1 :]), font, width)]
    return [line.strip() for line in kept]


def shorten(text: str, font: Font, width: float) -> str:
    """Cut a text that is wider than ``width`` pixels, and show that it was."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + _CUT) > width:
        text = text[:-1]
    return text + _CUT
