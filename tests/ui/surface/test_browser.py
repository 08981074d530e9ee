"""The surface in a browser: input by mouse, touch and keyboard, what is drawn, and the events that the server gets."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEIGHT_OF_VIEW = 1100
SURFACE = "getElement(Number(document.querySelector('[theme]').id.slice(1))).surface"
"""What ``createSurface`` returned, by NiceGUI's own function."""

if os.environ.get("CI") == "true":
    import playwright.sync_api as playwright  # CI needs it, so its absence is an error there
else:
    playwright = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # NiceGUI would take its own test mode from pytest's variable.
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    server = subprocess.Popen([sys.executable, "-m", "tests.ui.surface.page", str(port)], cwd=ROOT, env=environment)
    try:
        yield wait_for(f"http://127.0.0.1:{port}/", server)
    finally:
        server.terminate()
        server.wait(10)


def wait_for(address: str, server: subprocess.Popen[bytes]) -> str:
    for _ in range(300):
        assert server.poll() is None, "the page's server ended"
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return address
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the page's server does not answer")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing, and CI needs it")
        pytest.skip("needs Chromium (apt install chromium)")
    with playwright.sync_playwright() as library:
        running = library.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


class Page:
    """One visit of the page; positions are pixels of the image."""

    def __init__(self, browser: Any, address: str, width: int = 1366, **context: Any) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": HEIGHT_OF_VIEW}, **context)
        self.tab = self.context.new_page()
        self.problems: list[str] = []
        self.hosts: set[str] = set()
        self.tab.on("pageerror", lambda error: self.problems.append(str(error)))
        self.tab.on("console", lambda line: self.problems.append(line.text) if line.type == "error" else None)
        self.tab.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or "127.0.0.1"))
        self.tab.goto(address)
        self.tab.set_default_timeout(10_000)
        self.tab.wait_for_function(f"document.querySelector('[theme]') && {SURFACE}.size.width > 1")
        self.tab.wait_for_timeout(100)

    def surface(self, code: str, argument: object = None) -> Any:
        """Evaluate JavaScript that uses ``surface``, ``stage`` and ``argument``."""
        return self.tab.evaluate(
            "(argument) => { const element = document.querySelector('[theme]');"
            " const stage = element.shadowRoot.querySelector('.stage');"
            f" const surface = {SURFACE}; return {code}; }}",
            argument,
        )

    def at(self, x: float, y: float) -> tuple[float, float]:
        left, top = self.surface("(({left, top}) => [left, top])(stage.getBoundingClientRect())")
        right, down = self.surface("surface.toStage(argument)", [x, y])
        return left + right, top + down

    def click(self, x: float, y: float, **more: Any) -> None:
        self.tab.mouse.click(*self.at(x, y), **more)

    def drag(self, *points: tuple[float, float]) -> None:
        self.tab.mouse.move(*self.at(*points[0]))
        self.tab.mouse.down()
        for point in points[1:]:
            self.tab.mouse.move(*self.at(*point), steps=4)
        self.tab.mouse.up()

    def press_button(self, name: str) -> None:
        self.tab.get_by_role("button", name=name).click()

    def colour(self, x: float, y: float) -> list[int]:
        """Colour that is shown at a pixel, without what lies over the image."""
        code = (
            "[...stage.querySelector('canvas').getContext('2d').getImageData("
            "...surface.toStage(argument).map((value) => Math.round(value * devicePixelRatio)), 1, 1).data]"
        )
        return list(self.surface(code, [x, y]))

    def wait_for_report(self, expected: object) -> None:
        playwright.expect(self.tab.locator("#report")).to_have_text(json.dumps(expected))

    def report(self) -> Any:
        return json.loads(self.tab.locator("#report").inner_text())

    def expect_status(self, text: str) -> None:
        playwright.expect(self.tab.locator("[theme]").get_by_role("status")).to_contain_text(text)


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Page]:
    page = Page(browser, address)
    yield page
    page.context.close()
    assert page.problems == []
    assert page.hosts == {"127.0.0.1"}


def pair(handle: list[float], target: list[float] | None, number: int = 1) -> dict[str, object]:
    return {"handle": handle, "target": target, "id": number}


def test_two_clicks_place_a_pair_and_the_server_is_told(page: Page) -> None:
    page.click(30, 40)
    page.expect_status("handle 1 placed at 30, 40; now its target")
    page.click(60, 41)
    page.wait_for_report([pair([30.0, 40.0], [60.0, 41.0])])
    page.drag((30, 40), (35, 45))
    page.wait_for_report([pair([35.0, 45.0], [60.0, 41.0])])
    page.tab.keyboard.press("Control+z")
    page.wait_for_report([pair([30.0, 40.0], [60.0, 41.0])])
    page.click(60, 41)
    page.tab.keyboard.press("Backspace")
    page.wait_for_report([])


def test_click_is_drawn_within_50_ms(page: Page) -> None:
    code = """new Promise((done) => {
        const overlay = stage.querySelectorAll('canvas')[1];
        const { left, top } = overlay.getBoundingClientRect();
        const [x, y] = surface.toStage([60, 45]);
        const pointer = { pointerId: 1, pointerType: 'mouse', button: 0, clientX: left + x, clientY: top + y };
        overlay.setPointerCapture = () => {};
        const begin = performance.now();
        overlay.dispatchEvent(new PointerEvent('pointerdown', pointer));
        overlay.dispatchEvent(new PointerEvent('pointerup', pointer));
        const look = () => {
            const [red, green] = overlay.getContext('2d').getImageData(x - 6, y, 1, 1).data;
            if (red > 150 && green < 80) done(performance.now() - begin);
            else requestAnimationFrame(look);
        };
        look();
    })"""
    # The fastest of a few, as other processes share the cores.
    times = []
    for _ in range(5):
        times.append(page.surface(code))
        page.surface("surface.clear()")
        page.tab.wait_for_timeout(100)
    assert min(times) < 50


def test_double_click_and_long_press_remove_a_pair(page: Page) -> None:
    page.press_button("preset")
    page.wait_for_report([pair([30.0, 40.0], [60.0, 40.0], 5)])
    page.click(60, 40, click_count=2, delay=20)
    page.wait_for_report([])
    page.tab.keyboard.press("Control+z")
    page.click(40, 42, delay=800)  # where tracking moved the handle
    page.wait_for_report([])


def test_quick_clicks_on_two_places_remove_nothing(page: Page) -> None:
    page.click(30, 40, click_count=2)
    page.click(60, 40, click_count=2)
    page.tab.wait_for_timeout(300)
    assert len(page.report()) <= 1


def test_points_are_placed_with_the_keyboard(page: Page) -> None:
    page.surface("stage.focus({ preventScroll: true })")
    for key in ("Enter", "Shift+ArrowLeft", "Enter"):
        page.tab.keyboard.press(key)
    page.expect_status("handle 1 placed at 50, 45")
    for key in ("Escape", "Enter", "ArrowDown", "Enter"):
        page.tab.keyboard.press(key)
    page.wait_for_report([pair([50.0, 45.0], [60.0, 46.0])])
    for key in ("Escape", ".", "ArrowUp", "ArrowUp"):
        page.tab.keyboard.press(key)
    page.expect_status("handle 1 at 50, 43")
    page.wait_for_report([pair([50.0, 43.0], [60.0, 46.0])])


def test_wheel_zooms_to_the_pointer_and_keys_zoom_and_pan(page: Page) -> None:
    where = page.at(90, 20)
    page.tab.mouse.move(*where)
    page.tab.mouse.wheel(0, -240)
    page.tab.wait_for_timeout(200)
    assert page.at(90, 20) == pytest.approx(where, abs=1)  # the browser rounds positions of the mouse
    assert page.surface("surface.toStage([1, 0])[0] - surface.toStage([0, 0])[0]") > 8
    before = page.at(90, 20)
    page.surface("stage.focus({ preventScroll: true })")
    page.tab.keyboard.press("ArrowRight")
    assert page.at(90, 20)[0] == pytest.approx(before[0] - 40, abs=0.1)
    page.tab.keyboard.press("0")
    assert page.at(90, 20) == pytest.approx(where, abs=0.1)
    assert page.tab.locator("#report").inner_text() == "nothing"


def test_space_and_middle_button_pan(page: Page) -> None:
    start = page.at(60, 45)
    page.surface("stage.focus({ preventScroll: true })")
    page.tab.keyboard.down("Space")
    page.drag((60, 45), (70, 45))
    page.tab.keyboard.up("Space")
    moved = page.at(60, 45)
    assert moved[0] > start[0] + 20
    page.tab.mouse.move(*moved)
    page.tab.mouse.down(button="middle")
    page.tab.mouse.move(*start)
    page.tab.mouse.up(button="middle")
    assert page.at(60, 45) == pytest.approx(start, abs=0.1)
    assert page.tab.locator("#report").inner_text() == "nothing"


def test_mask_is_read_at_the_size_of_the_image(page: Page) -> None:
    page.press_button("read mask")
    page.wait_for_report(None)
    page.press_button("Mask: what may move")
    page.drag((55, 45), (65, 45))
    page.wait_for_report({"empty": False})
    page.tab.wait_for_timeout(100)
    assert page.colour(60, 45)[:3] == [128, 128, 128] != page.colour(5, 5)[:3]
    page.press_button("read mask")
    page.wait_for_report({"size": [120, 90], "inside": 255, "outside": 0})
    page.press_button("Eraser")
    page.drag((50, 45), (70, 45))
    page.press_button("read mask")
    page.wait_for_report({"size": [120, 90], "inside": 0, "outside": 0})
    page.press_button("Undo")
    page.press_button("read mask")
    page.wait_for_report({"size": [120, 90], "inside": 255, "outside": 0})


def test_mask_of_the_server_comes_back_in_several_messages(page: Page) -> None:
    page.press_button("read noise")
    playwright.expect(page.tab.locator("#report")).to_contain_text("[", timeout=20000)
    size, difference = page.report()
    assert size > 600_000 and difference <= 1


def test_rectangles_have_the_colours_of_their_classes(page: Page) -> None:
    page.press_button("Rectangles")
    page.tab.get_by_role("button", name="door").click()
    page.drag((30, 30), (60, 60))
    page.press_button("read drawing")
    page.wait_for_report([[165, 0, 0, 255], [0, 0, 0, 0]])
    page.click(40, 40)
    page.tab.get_by_role("button", name="wall").click()
    page.press_button("read drawing")
    page.wait_for_report([[13, 61, 251, 255], [0, 0, 0, 0]])
    page.press_button("Delete what is selected")
    page.press_button("Pen")
    page.drag((40.5, 35), (40.5, 50))
    page.press_button("read drawing")
    playwright.expect(page.tab.locator("#report")).to_contain_text("[[0, 0, 0, 2")


def test_fast_frames_are_dropped_and_the_last_one_is_shown(page: Page) -> None:
    page.click(30, 40)
    page.press_button("frames")
    page.tab.wait_for_timeout(1500)
    assert page.colour(60, 45)[:3] == [0, 200, 0]
    assert page.surface("surface.size") == {"width": 120, "height": 90}
    assert len(page.report()) == 1


def test_face_is_chosen_and_images_are_compared(page: Page) -> None:
    page.press_button("faces")
    page.press_button("Choose a face")
    page.click(80, 40)
    page.wait_for_report({"face": 1})
    page.press_button("compare")
    page.tab.wait_for_timeout(300)
    assert page.colour(30, 80)[:3] == [200, 0, 0]
    page.drag((60, 80), (15, 80))
    page.tab.wait_for_timeout(100)
    assert page.colour(30, 80)[:3] == [128, 128, 128]


def test_pinch_zooms_and_places_no_point(browser: Any, address: str) -> None:
    page = Page(browser, address, width=360, has_touch=True, is_mobile=True, device_scale_factor=2)
    session = page.context.new_cdp_session(page.tab)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    x, y = page.at(60, 45)
    touch("touchStart", (x - 20, y))
    touch("touchStart", (x - 20, y), (x + 20, y))
    touch("touchMove", (x - 40, y), (x + 40, y))
    touch("touchEnd")
    page.tab.wait_for_timeout(300)
    assert page.at(60, 45) == pytest.approx((x, y), abs=1)
    assert page.at(70, 45)[0] - x > 40
    assert page.tab.locator("#report").inner_text() in ("nothing", "[]")
    page.tab.touchscreen.tap(*page.at(60, 45))
    page.expect_status("handle 1 placed at 60, 45")
    assert page.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()
    assert page.problems == []
