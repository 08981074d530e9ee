"""The presets of an editor: looked up and checked before torch is imported."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..api.errors import UsageError, did_you_mean
from ..guards import build_plugin

if TYPE_CHECKING:
    from ..api.editor import Editor
    from ..api.options import Options
    from ..api.preset import Preset
    from ..registry import Registry


def presets_of(registry: Registry, editor: str) -> dict[str, Preset]:
    """Return the presets of an editor by name, with the distribution that provides them."""
    entries = registry.where("preset", editor=editor).values()
    return {entry.name: replace(entry.load(), provider=entry.provider.distribution) for entry in entries}


def check_presets(registry: Registry, kind: type[Editor], options: Options) -> None:
    """Refuse unknown or invalid presets; does not import torch.

    Raises:
        UsageError: no plugin provides the preset; suggests the most similar name.
        I2IError: the values of the preset are invalid.
    """
    editor: Editor = build_plugin(registry, "editor", kind.name)
    known = presets_of(registry, kind.name)
    for name in editor.presets(options):
        if name not in known:
            raise UsageError(f"--preset {name}: there is no such preset.{did_you_mean(name, known)}")
        editor.check_preset(known[name])
