"""The tab "Translate" in a real browser."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason='the web page needs NiceGUI: pip install "i2i[ui]"')

from .browser import chromium
from .test_page import Watched
from .test_server import started

_PIXELS = """surface => {
  const canvas = surface.shadowRoot.querySelector("canvas");
  return canvas.toDataURL();
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


def shown(page: Any) -> str:
    """A digest of the output that is shown."""
    return hashlib.sha256(page.locator(".i2i-view").evaluate(_PIXELS).encode()).hexdigest()


def wait_for_change(page: Any, before: str) -> str:
    for _ in range(100):
        if (now := shown(page)) != before:
            return now
        page.wait_for_timeout(100)
    raise AssertionError("the output did not change")


def test_drawing_a_rectangle_changes_the_translation(browser: Any, small_run: Path, tmp_path: Path) -> None:
    with started(tmp_path, OMP_NUM_THREADS="1") as (_, address):
        watched = Watched(browser, address)
        page = watched.page
        page.goto(f"{address}/translate")
        page.get_by_text("There is no trained run yet").wait_for()
        page.get_by_label("Folder of another run").fill(str(tmp_path))
        page.get_by_role("button", name="Open").click()
        page.get_by_text("is not the folder of a run").wait_for()
        page.get_by_role("button", name="Close").click()
        page.get_by_label("Folder of another run").fill(str(small_run))
        page.keyboard.press("Enter")
        page.get_by_text("32 x 32 px in").wait_for(timeout=60_000)
        page.wait_for_timeout(300)
        example = shown(page)
        page.get_by_role("button", name="Blank").click()
        blank = wait_for_change(page, example)
        page.get_by_role("button", name="#a50000").click()
        box = page.locator(".i2i-surface").first.locator(".stage").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x - 60, y - 60)
        page.mouse.down()
        page.mouse.move(x + 60, y + 60, steps=4)
        page.mouse.up()
        drawn = wait_for_change(page, blank)
        page.locator(".i2i-surface").first.get_by_role("button", name="Undo").click()
        wait_for_change(page, drawn)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download", exact=True).click()
        assert download.value.suggested_filename == "small.png"
        (tmp_path / "note.png").write_text("no image", encoding="utf-8")
        page.locator("input[type=file]").set_input_files(tmp_path / "note.png")
        page.get_by_text("note.png").wait_for()
        page.get_by_role("button", name="Close").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 1366, "the page scrolls sideways"
        watched.check()
        watched.context.close()
