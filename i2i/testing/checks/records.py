"""Contract tests of what is registered with little or no code: presets, models and panels."""

from __future__ import annotations

from ...api.model import Model
from ...guards import build_plugin
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
    """Check what lists show of a panel."""
    assert run.thing.name and run.thing.summary
