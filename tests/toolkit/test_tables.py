"""Tables are large enough to look at and small enough to hold, and a page of them trusts no name."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2i.toolkit.images import grids as tables
from i2i.toolkit.images.grids import LEGIBLE_CELL, MAX_TABLE_PIXELS, draw_table
from i2i.toolkit.images.pages import write_page

RED, BLUE = (255, 0, 0), (0, 0, 255)
HOSTILE = '<script>alert(\'1\')</script>" onload="x" & {title}\n\udc80.jpg'
LETTERS = '<script>alert(\'1\')</script>" onload="x" & {title} ?.jpg'


def plain(colour: Sequence[int], height: int = 64, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


class Page(HTMLParser):
    """What a browser would take from a page: tags in order, attributes and texts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.names: set[str] = set()
        self.images: list[dict[str, str]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}
        if tag == "img":
            self.images.append({name: value or "" for name, value in attrs})
        if tag not in ("meta", "img", "input", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "every tag is closed where it should be"

    def handle_data(self, data: str) -> None:
        if data.strip() and "style" not in self.open:
            self.texts.append((self.open[-1], data))

    def pictures(self) -> list[np.ndarray]:
        return [self._read(image["src"]) for image in self.images]

    def _read(self, source: str) -> np.ndarray:
        kind, data = source.split(";base64,")
        with Image.open(BytesIO(b64decode(data, validate=True))) as image:
            assert kind == f"data:image/{(image.format or '').lower()}"
            return np.array(image.convert("RGB"))


@pytest.mark.parametrize(("side", "shown"), [(64, 128), (48, 144), (128, 128), (200, 200)])
def test_small_pictures_are_enlarged_by_whole_steps(side: int, shown: int) -> None:
    drawn = draw_table([[plain(RED, side, side), None], [plain(BLUE, side, side)]], ("a", "b"), ("first", "second"))
    for colour in (RED, BLUE):
        ys, xs = np.nonzero((drawn == colour).all(2))
        assert (np.ptp(ys) + 1, np.ptp(xs) + 1) == (shown, shown)
    red = np.nonzero((drawn == RED).all(2))
    right = drawn[red[0].min() :, red[1].max() + 1 :]
    assert right.shape[1] > shown and (right == 255).all(), "an empty place takes its room, and stays empty"


def test_no_sheet_is_larger_than_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_TABLE_PIXELS", 2**16)
    cells = [[plain(RED, 96, 96)] * 6 for _ in range(6)]
    drawn = draw_table(cells, ["a caption"] * 6, ["the name of a row"] * 6)
    pixels = drawn.shape[0] * drawn.shape[1]
    assert 2**15 < pixels <= 2**16, "within the bound, and not far below it"
    assert (drawn == RED).all(2).sum() > pixels / 4
    assert (MAX_TABLE_PIXELS, LEGIBLE_CELL) == (2**26, 128)


def test_long_names_take_lines_and_not_the_sheet() -> None:
    usual = draw_table([[plain(RED)]], ("a",), ("b",))
    long = draw_table([[plain(RED)]], ("word " * 90,), ("a_name_of_a_file_" * 30,))
    assert long.shape[0] < usual.shape[0] + 60 and long.shape[1] < usual.shape[1] + 2 * 128 + 10
    above = long[: np.nonzero((long == RED).all(2))[0].min()]
    inked = (above < 160).all(2).any(1)
    assert (np.diff(inked.astype(int)) == 1).sum() >= 3, "three lines of letters"


def test_names_in_other_letters_are_drawn_and_not_boxed() -> None:
    sheets = [draw_table([[plain(RED)]], (name,)) for name in ("Фото", "Λόγος", "Ñandú")]
    boxes = draw_table([[plain(RED)]], ("\uffff" * 4,))
    widths = {int((each < 160).all(2).sum()) for each in [*sheets, boxes]}
    assert len(widths) == 4, "each has a look of its own"


def test_nothing_to_show_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        draw_table([[None]])


def test_page_holds_every_picture_with_its_captions_and_note(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    write_page(
        tmp_path / "grid.html",
        [[None, plain(RED)], [noise, plain(BLUE, 256, 192)]],
        columns=("one", "two"),
        labels=("first", "second"),
        notes=[["", "24.0 dB"], ["a note"]],
        title="Style mixing",
        about={"plugin": "mix", "options": {"rows": [8, 18]}},
    )
    page = Page(tmp_path / "grid.html")
    assert not page.open, "every tag is closed"
    assert [image["alt"] for image in page.images] == ["first · two", "second · one", "second · two"]
    red, same, blue = page.pictures()
    assert (red == RED).all()
    np.testing.assert_array_equal(same, noise)
    assert blue.shape == (256, 192, 3)
    assert np.abs(blue.astype(int) - BLUE).max() <= 3, "JPEG keeps a plain colour but for rounding"
    assert page.tags.count("tr") == 3 and page.tags.count("td") == 5
    assert [text for tag, text in page.texts if tag == "small"] == ["24.0 dB", "a note"]
    assert [text for tag, text in page.texts if tag in ("title", "h1")] == ["Style mixing"] * 2
    assert [text for tag, text in page.texts if tag == "dd"] == ["mix", '{"rows": [8, 18]}']
    assert list(tmp_path.iterdir()) == [tmp_path / "grid.html"], "one file, and none left over"


def test_page_trusts_no_name(tmp_path: Path) -> None:
    everywhere = {"columns": [HOSTILE], "labels": [HOSTILE], "notes": [[HOSTILE]]}
    write_page(tmp_path / "a.html", [[plain(RED)]], **everywhere, title=HOSTILE, about={HOSTILE: {HOSTILE: HOSTILE}})
    page = Page(tmp_path / "a.html")
    assert not {"script", "link", "iframe", "object", "base", "a"} & set(page.tags)
    assert not {name for name in page.names if name.startswith("on")} | {"href"} & page.names
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text and "http://" not in text and "https://" not in text and "url(" not in text
    seen = "".join(text for _, text in page.texts)
    assert seen.count(LETTERS) == 6, "title (twice), column, row, note and term show the name's own letters"
    assert page.images[0]["alt"] == f"{LETTERS} · {LETTERS}"


def test_page_without_captions_is_only_pictures(tmp_path: Path) -> None:
    write_page(tmp_path / "a.html", [[plain(RED)], [plain(BLUE), plain(RED)]])
    page = Page(tmp_path / "a.html")
    assert len(page.images) == 3 and not {"th", "thead", "small", "details"} & set(page.tags)


def test_page_of_many_pictures_stays_small(tmp_path: Path) -> None:
    # Noise is the worst that a JPEG can meet; photographs take a third of it.
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    write_page(tmp_path / "a.html", [[noise] * 12] * 12)
    assert 2_000_000 < (tmp_path / "a.html").stat().st_size < 10_000_000
    assert Page(tmp_path / "a.html").pictures()[0].shape == (256, 256, 3)
    write_page(tmp_path / "b.html", [[plain(RED, 2048, 1024)] * 4] * 4)
    height, width = Page(tmp_path / "b.html").pictures()[0].shape[:2]
    assert 16 * height * width <= 2**24 and abs(height - 2 * width) <= 2


def test_caption_is_below_the_images(tmp_path: Path) -> None:
    plain_table = draw_table([[plain(RED), plain(BLUE)]], ("a", "b"), ("first",))
    words = "what the numbers mean"
    with_caption = draw_table([[plain(RED), plain(BLUE)]], ("a", "b"), ("first",), words)
    height, width = plain_table.shape[:2]
    assert with_caption.shape[1] == width and np.array_equal(with_caption[:height], plain_table)
    below = with_caption[height:]
    assert 10 < len(below) < 60 and (below < 128).any(), "some ink"
    long = draw_table([[plain(RED), plain(BLUE)]], ("a", "b"), ("first",), "word " * 300)
    assert long.shape[0] - height <= 3 * 45 and long.shape[1] == width, "three lines at most"
    write_page(tmp_path / "a.html", [[plain(RED)]], caption=words + " <b>")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert f"</table>\n<p>{words} &lt;b&gt;</p>" in page
