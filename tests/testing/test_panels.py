"""Panels: what ``plugins check`` and the contract test say of sound and faulty ones."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import i2i
from i2i.testing import registry_of
from i2i.testing.checks import CHECKS
from i2i.testing.checks.contract_run import ContractRun
from i2i.testing.panel_session import StandInSession
from i2i.validation import check_plugin, check_thing

pytest.importorskip("nicegui", reason='panels need NiceGUI: pip install "i2i[ui]"')


class Slider(i2i.Panel):
    name = "slider"
    summary = "A slider."
    editor = "warm"

    def build(self, session: i2i.PanelSession) -> None:
        from nicegui import ui

        ui.slider(min=0, max=1)


class Nothing(Slider):
    name = "nothing"

    def build(self, session: i2i.PanelSession) -> None:
        """Create nothing."""


class OnlyOnce(Slider):
    name = "only-once"
    built = False

    def build(self, session: i2i.PanelSession) -> None:
        if not OnlyOnce.built:
            super().build(session)
        super().build(session)
        OnlyOnce.built = True


class Crash(Slider):
    name = "crash"

    def build(self, session: i2i.PanelSession) -> None:
        raise ValueError("no reason")


class Warm(i2i.Editor):
    name = "warm"
    summary = "Warm colours."

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        raise NotImplementedError


def behave(panel: type[i2i.Panel], folder: Path) -> None:
    CHECKS["panel"](ContractRun(registry_of(panel), "panel", panel.name, folder))


def test_sound_panel_passes(tmp_path: Path) -> None:
    behave(Slider, tmp_path)
    assert check_plugin(registry_of(Slider, Warm), "tests") == []


@pytest.mark.parametrize("panel", [Nothing, OnlyOnce])
def test_panel_without_the_same_elements_fails(panel: type[i2i.Panel], tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="build must create"):
        behave(panel, tmp_path)


def test_failure_of_a_panel_names_its_plugin(tmp_path: Path) -> None:
    with pytest.raises(i2i.I2IError, match=r"panel 'crash' of .* failed in build\(\): ValueError: no reason"):
        behave(Crash, tmp_path)


def test_check_names_faults_of_panels() -> None:
    assert "its editor" not in str(check_plugin(registry_of(Slider, Warm), "tests"))
    assert "it is for the editor 'warm', which is not there" in check_plugin(registry_of(Slider), "tests")[0]
    old = type("Old", (i2i.Panel,), {"name": "old", "summary": "As in 0.1."})
    assert list(check_thing("panel", old)) == ["it must define build (see i2i.Panel.build)"]
    odd = type("Odd", (Slider,), {"editor": 3})
    assert "editor is 3" in check_thing("panel", odd)[0]


def test_stand_in_session_keeps_what_is_asked_of_it() -> None:
    session = StandInSession()
    assert asyncio.run(session.run("drag", preset="smile")) is session.image
    assert session.edits == [("drag", {"preset": "smile"})]
