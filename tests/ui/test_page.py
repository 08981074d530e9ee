"""The page in a real browser: it loads without the network, asks no outside origin, and works at both widths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason='the web page needs NiceGUI: pip install "i2i[ui]"')

from .browser import chromium
from .test_server import started


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


class Watched:
    """A page that keeps what it asks for and what it complains about."""

    def __init__(self, browser: Any, address: str, width: int = 1366, height: int = 768, **settings: Any) -> None:
        self.address = address
        self.context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def check(self) -> None:
        own = (self.address, self.address.replace("http", "ws", 1), "data:", "blob:")
        assert [url for url in self.requests if not url.startswith(own)] == []
        assert any(url.startswith("ws:") for url in self.requests), "there was no websocket"
        assert self.complaints == []


@pytest.mark.parametrize(("width", "height", "scheme"), [(1366, 768, "light"), (390, 844, "dark")])
def test_page_works_without_the_network(browser: Any, tmp_path: Path, width: int, height: int, scheme: str) -> None:
    with started(tmp_path) as (_, address):
        watched = Watched(browser, address, width, height, color_scheme=scheme)
        page = watched.page
        page.goto(f"{address}/plugins")
        page.get_by_role("tab", name="Plugins").wait_for()
        page.get_by_role("button", name="drag").first.click()
        page.get_by_text("editor drag", exact=True).click()
        frames = page.get_by_label("Frames")
        frames.fill("-3")
        page.get_by_text("Input should be greater than").wait_for()
        frames.fill("7")
        page.get_by_text("Input should be greater than").wait_for(state="hidden")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
        assert page.evaluate("document.body.classList.contains('body--dark')") == (scheme == "dark")
        watched.check()
        watched.context.close()


def test_colours_are_remembered_and_the_keyboard_reaches_everything(browser: Any, tmp_path: Path) -> None:
    with started(tmp_path) as (_, address):
        watched = Watched(browser, address)
        page = watched.page
        page.goto(f"{address}/plugins")
        page.get_by_role("tab", name="Plugins").wait_for()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        reached = []
        for _ in range(5):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")
            )
        assert any("Plugins" in text for text in reached) and any("Light or dark" in text for text in reached)
        page.get_by_role("button", name="Light or dark").click()
        page.get_by_text("Dark", exact=True).click()
        page.wait_for_function("document.body.classList.contains('body--dark')")
        page.reload()
        page.wait_for_function("document.body.classList.contains('body--dark')")
        watched.check()
        watched.context.close()


def test_sign_in_and_out_in_a_browser(browser: Any, tmp_path: Path) -> None:
    with started(tmp_path, "--auth", "ada", I2I_UI_PASSWORD="correct horse") as (_, address):
        watched = Watched(browser, address)
        page = watched.page
        page.goto(f"{address}/plugins")
        page.get_by_label("User name").fill("ada")
        page.get_by_label("Password").fill("wrong horse")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").wait_for()
        watched.complaints.clear()  # the browser mentions the status 401
        page.get_by_label("User name").fill("ada")
        page.get_by_label("Password").fill("correct horse")
        page.keyboard.press("Enter")
        page.get_by_role("tab", name="Plugins").wait_for()
        watched.check()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("User name").wait_for()
        page.goto(address)
        page.get_by_label("User name").wait_for()
        watched.context.close()
