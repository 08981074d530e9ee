"""The tab "Edit" in a browser: open, drag, adjust, upload, undo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("nicegui", reason='the web page needs NiceGUI: pip install "i2i[ui]"')

from .browser import chromium
from .test_page import Watched
from .test_server import started

SECONDS = 90_000
"""Longest wait for the worker, milliseconds."""
PIXELS = "document.querySelector('[theme]').shadowRoot.querySelector('canvas').toDataURL()"
"""What the lower canvas of the surface shows: the image, without handles."""
SURFACE = "getElement(Number(document.querySelector('[theme]').id.slice(1))).surface"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all tests, without downloaded models."""
    home = str(tmp_path_factory.mktemp("home"))
    with started(tmp_path_factory.mktemp("server"), I2I_HOME=home, OMP_NUM_THREADS="1") as (_, found):
        yield found


class EditPage(Watched):
    """A visit of the tab; positions are pixels of the image."""

    def open(self) -> None:
        self.page.goto(self.address)
        self.shown()

    def shown(self) -> None:
        """Wait until an image is there and nothing runs."""
        start = self.page.get_by_role("button", name="Start", exact=True)
        start.and_(self.page.locator(":not(.disabled)")).wait_for(timeout=SECONDS)

    def pixels(self) -> str:
        """Return the image as the browser shows it, after its last change was drawn."""
        self.page.evaluate("new Promise((done) => setTimeout(() => requestAnimationFrame(done), 300))")
        return str(self.page.evaluate(PIXELS))

    def click(self, x: float, y: float) -> None:
        stage = self.page.locator(".stage").bounding_box()
        left, top = self.page.evaluate(f"{SURFACE}.toStage([{x}, {y}])")
        self.page.mouse.click(stage["x"] + left, stage["y"] + top)

    def change(self, pixels: str) -> None:
        """Wait until the surface shows something else."""
        self.page.wait_for_function(f"(before) => {PIXELS} !== before", arg=pixels, timeout=SECONDS)


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[EditPage]:
    page = EditPage(browser, address)
    page.open()
    yield page
    page.check()
    page.context.close()


def test_drag_stop_undo_and_redo(visit: EditPage) -> None:
    page = visit.page
    first = visit.pixels()
    page.evaluate(  # the surface reports no handles that move by themselves
        f"(() => {{ const surface = {SURFACE}; const track = surface.trackHandles; window.handles = [];"
        " surface.trackHandles = (moved) => { window.handles.push(JSON.stringify(moved)); track(moved); }; })()"
    )
    visit.click(20, 40)
    visit.click(32, 52)
    page.get_by_role("button", name="Start", exact=True).click()
    visit.change(first)
    page.wait_for_function("window.handles.length > 1 && window.handles.at(-1) !== window.handles[0]", timeout=SECONDS)
    stop = page.get_by_role("button", name="Stop")
    if stop.is_enabled():
        stop.click()
    visit.shown()
    page.get_by_role("button", name="Step 2 Drag").wait_for()
    last = visit.pixels()
    assert last != first
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_role("button", name="Undo", exact=True).and_(page.locator(".disabled")).wait_for()
    assert visit.pixels() == first
    page.get_by_role("button", name="Redo", exact=True).click()
    page.get_by_role("button", name="Redo", exact=True).and_(page.locator(".disabled")).wait_for()
    assert visit.pixels() == last
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Copy as command").click()
    page.get_by_text("i2i edit --plugin drag --image seed:1").wait_for()


def test_preset_as_first_click(browser: Any, address: str) -> None:
    visit = EditPage(browser, address, 390, 844)
    visit.page.goto(address)
    visit.page.get_by_role("button", name="Smile").click()
    visit.shown()
    first = visit.pixels()
    visit.page.get_by_role("slider", name="Strength of Smile").wait_for()
    visit.page.get_by_role("button", name="Apply").click()
    visit.page.get_by_role("button", name="Step 2 Smile").wait_for(timeout=SECONDS)
    visit.shown()
    assert visit.pixels() != first
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390, "the page scrolls sideways"
    visit.check()
    visit.context.close()


def test_upload_is_prepared_and_edited(visit: EditPage, tmp_path: Path) -> None:
    page = visit.page
    with page.expect_download() as download:
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Image", exact=True).click()
    download.value.save_as(tmp_path / "face.png")
    with Image.open(tmp_path / "face.png") as face:
        photo = np.pad(np.array(face.convert("RGB")), ((8, 8), (24, 24), (0, 0)), mode="edge")
    Image.fromarray(photo).save(tmp_path / "holiday.png")
    page.locator("input[type=file]").set_input_files(tmp_path / "holiday.png")
    page.get_by_role("button", name="Step 3 Invert").wait_for(timeout=SECONDS)
    visit.shown()
    page.get_by_role("button", name="Open mouth").click()
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Step 4 Open mouth").wait_for(timeout=SECONDS)
    visit.shown()
    edited = visit.pixels()
    page.get_by_role("button", name="Whole photo").click()
    visit.change(edited)
    assert page.get_by_role("alert").all_inner_texts() == []


def test_any_editor_runs_from_its_form(visit: EditPage) -> None:
    page = visit.page
    first = visit.pixels()
    page.get_by_text("More edits").click()
    page.get_by_label("Editor", exact=True).click()
    page.get_by_role("option").filter(has_text="mix:").click()
    page.get_by_label("Preset", exact=True).click()
    page.get_by_role("option", name="sefa").click()
    page.get_by_role("button", name="Run mix").click()
    page.get_by_role("button", name="Step 2 Sefa").wait_for(timeout=SECONDS)
    visit.change(first)
    page.get_by_label("Component", exact=True).fill("-1")
    page.get_by_role("button", name="Run mix").click()
    page.get_by_text("A value of mix is wrong; correct the field that is marked red.").wait_for()
    page.get_by_role("button", name="Close", exact=True).click()


def test_closing_the_page_ends_its_edit(browser: Any, address: str) -> None:
    visit = EditPage(browser, address)
    visit.open()
    first = visit.pixels()
    visit.click(20, 40)  # first, as the fields below scroll the page
    visit.click(60, 10)
    visit.page.get_by_text("Settings of the drag").click()
    visit.page.get_by_label("Steps", exact=True).fill("100000")
    visit.page.get_by_label("Patience", exact=True).fill("0")
    visit.page.get_by_role("button", name="Start", exact=True).click()
    visit.change(first)
    visit.context.close()
    after = EditPage(browser, address)
    after.open()  # its image would wait for the end of the edit
    after.context.close()


def test_text_as_png_is_refused_in_a_sentence(visit: EditPage, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("hello, I am text")
    visit.page.locator("input[type=file]").set_input_files(tmp_path / "notes.png")
    visit.page.get_by_role("alert").get_by_text("notes.png: it is no JPEG, PNG or other image, but text").wait_for()
    visit.page.get_by_role("button", name="Close", exact=True).click()
