"""Image grids show every image as it is."""

from __future__ import annotations

import numpy as np
import pytest

from i2i.toolkit.images.grids import add_captions, image_grid, wrap_text

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_sheet_shows_each_picture_once_and_untouched() -> None:
    colours = [[RED, GREEN], [BLUE]]
    rows = [[np.full((40, 50, 3), colour, np.uint8) for colour in row] for row in colours]
    plain = image_grid(rows)
    for colour in (RED, GREEN, BLUE):
        ys, xs = np.nonzero((plain == colour).all(2))
        assert (np.ptp(ys) + 1, np.ptp(xs) + 1, len(ys)) == (40, 50, 2000)
    assert (plain[0] == 255).all() and (plain[:, 0] == 255).all() and (plain[-1] == 255).all()
    captioned = image_grid(
        rows, columns=("input", "a caption much too long for its place"), labels=("first", "second"), group=1
    )
    assert captioned.shape[0] > plain.shape[0] and captioned.shape[1] > plain.shape[1]
    above = captioned[: np.nonzero((captioned == RED).all(2))[0][0]]
    assert (above < 128).any(), "the captions are drawn above the first row"
    assert (captioned[:, -3:] == 255).all(), "a long caption does not run off the sheet"


def test_sheet_fits_smaller_pictures_into_the_largest_place() -> None:
    canvas = image_grid([[np.full((64, 64, 3), RED, np.uint8), np.full((8, 16, 3), BLUE, np.uint8)]])
    ys, xs = np.nonzero((canvas == BLUE).all(2))
    assert (np.ptp(ys) + 1, np.ptp(xs) + 1) == (32, 64)
    with pytest.raises(ValueError, match="at least one"):
        image_grid([])


def test_sheet_leaves_places_empty_and_takes_the_size_it_is_told() -> None:
    red = np.full((64, 64, 3), RED, np.uint8)
    canvas = image_grid([[None, red]], cell=(32, 48))
    ys, xs = np.nonzero((canvas == RED).all(2))
    assert (np.ptp(ys) + 1, np.ptp(xs) + 1) == (32, 32), "the picture keeps its shape"
    assert xs.min() > 32 and (canvas[:, : xs.min()] == 255).all()


@pytest.mark.parametrize(
    ("text", "lines", "expected"),
    [
        ("seed 7", 3, ["seed 7"]),
        ("a name in words", 3, ["a name in", "words"]),
        ("IMG_2024_0001", 3, ["IMG_2024_", "0001"]),
        ("abcdefghijklmnop", 3, ["abcdefghij", "klmnop"]),
        ("one two three four five", 2, ["one two", "three f..."]),
        ("", 3, [""]),
    ],
)
def test_captions_break_at_words_and_joints(text: str, lines: int, expected: list[str]) -> None:
    class Typewriter:
        """A font whose letters are all one pixel wide."""

        getlength = staticmethod(len)

    assert wrap_text(text, Typewriter(), 10, lines) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "least"), [(64, 7), (256, 12), (1024, 30)])
def test_captions_grow_with_the_images(size: int, least: int) -> None:
    pictures = [np.full((size, size, 3), 255, np.uint8)]
    strip = add_captions(pictures, ["seed 1"])[0][size:]
    above = image_grid([pictures], ["seed 1"])
    for letters in (strip, above[: len(above) - size]):
        rows = np.flatnonzero(letters.min(axis=(1, 2)) < 128)
        assert least <= rows[-1] - rows[0] + 1 <= 2 * least
