"""The tab "Plugins": what is installed, and a form or panel for each editor and trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

pytest.importorskip("nicegui", reason='the web page needs NiceGUI: pip install "i2i[ui]"')

from nicegui import ui
from nicegui.testing import User

import i2i
from i2i.testing import registry_of
from i2i.ui.pages import PAGES
from i2i.ui.pages.shell import build_shell
from i2i.ui.server import PageContext

from .simulation import field, simulate

PLUGINS = next(page for page in PAGES if page.name == "plugins")


class Warm(i2i.Editor):
    name = "warm"
    summary = "Warm colours."

    class Options(i2i.Options):
        strength: float = Field(0.5, ge=0, le=1, description="Strength.")

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        raise NotImplementedError


class Cold(Warm):
    name = "cold"
    summary = "Cold colours."


class WarmPanel(i2i.Panel):
    name = "warm-panel"
    summary = "A panel in place of the form of 'warm'."
    editor = "warm"

    def build(self, session: i2i.PanelSession) -> None:
        async def run() -> None:
            await session.run("warm", strength=1)

        def crash() -> None:
            raise ValueError("no reason")

        ui.label("made by the panel")
        ui.button("Run", on_click=run)
        ui.button("Crash", on_click=crash)


class BrokenPanel(i2i.Panel):
    name = "broken"
    summary = "A panel that fails."
    editor = "cold"

    def build(self, session: i2i.PanelSession) -> None:
        raise ValueError("no reason")


async def expand(user: User, text: str) -> None:
    for row in user.find(ui.expansion).elements:
        if row.text == text:
            row.value = True


def test_plugins_tab_shows_forms_and_panels(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    context = PageContext(registry_of(Warm, Cold, WarmPanel), tmp_path)

    async def check(user: User) -> None:
        await user.should_see("Installed: 1.")
        (row,) = user.find(ui.expansion).elements
        assert row.props["caption"] == "Cold colours. (i2i-tests 9.9: 2 editors, 1 panel)"
        await user.should_not_see("editor warm")
        await expand(user, "tests")
        await expand(user, "editor cold")
        assert field(user, "Strength")
        await expand(user, "editor warm")
        await user.should_see("made by the panel")
        user.find("Run").click()
        await user.should_see("There is no image on this tab")
        user.find("Crash").click()
        await user.should_see("Something unexpected failed")
        assert any("ValueError: no reason" in each.text for each in user.find(ui.label).elements)
        user.find("Search").type("nothing like this")
        await user.should_see("Nothing of this name is installed.")

    simulate(lambda: build_shell(context, [PLUGINS], PLUGINS), check)


def test_panel_that_fails_leaves_the_tab_usable(tmp_path: Path) -> None:
    context = PageContext(registry_of(Warm, Cold, BrokenPanel), tmp_path)

    async def check(user: User) -> None:
        await expand(user, "tests")
        await expand(user, "editor cold")
        await user.should_see("failed in build(): ValueError: no reason")
        await expand(user, "editor warm")
        assert field(user, "Strength")

    simulate(lambda: build_shell(context, [PLUGINS], PLUGINS), check)
