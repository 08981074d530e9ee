"""Contract tests of what is registered with little or no code: presets, models and panels."""

from __future__ import annotations

from importlib.util import find_spec

from ...api.model import Model
from ...guards import build_plugin
from ..panel_session import StandInSession
from .contract_run import ContractRun, RequirementMissing


def check_preset(run: ContractRun) -> None:
    """Let the editor check the preset."""
    preset = run.thing
    if preset.editor not in run.registry.entries("editor"):
        raise RequirementMissing(f"preset {preset.name!r} is for the editor {preset.editor!r}: install it")
    build_plugin(run.registry, "editor", preset.editor).check_preset(preset)


def check_model(run: ContractRun) -> None:
    """Check the fields of a record; nothing is downloaded."""
    model = run.thing
    assert isinstance(model, Model)
    assert model.licence, "state the licence"


def check_panel(run: ContractRun) -> None:
    """Build the panel twice, as for two browser tabs, without a server."""
    panels = [run.build(), run.build()]
    if find_spec("nicegui") is None:
        raise RequirementMissing('panels need NiceGUI: pip install "i2i[ui]"')
    from nicegui import ui
    from nicegui.client import Client
    from nicegui.page import page

    counts = []
    for panel in panels:
        client = Client(page(""))
        try:
            with client, ui.element() as container:
                panel.build(StandInSession())
            counts.append(sum(1 for _ in container.descendants()))
        finally:
            client.delete()
    assert counts[0], "build must create elements in the container that is open"
    assert counts[0] == counts[1], "build must create the same elements for every browser tab"
