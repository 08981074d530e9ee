"""Presets that an editor reads, whoever brings them, and the check of those that a user asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..api.errors import UsageError, did_you_mean
from ..guards import build_plugin

if TYPE_CHECKING:
    from ..api.editor import Editor
    from ..api.preset import Preset
    from ..registry import Registry


def presets_of(registry: Registry, editor: str) -> dict[str, Preset]:
    """By name those of an editor, with who brings them."""
    own = registry.where("preset", editor=editor).values()
    return {each.name: replace(each.load(), giver=each.provider.distribution) for each in own}


def check_presets(registry: Registry, kind: type[Editor], options: Any) -> None:
    """Refuse what nobody brings, or nobody could use; imports nothing slow.

    Raises:
        UsageError: there is no such preset; names the nearest.
        I2IError: its values are not sound.
    """
    editor = build_plugin(registry, "editor", kind.name)
    known = presets_of(registry, kind.name)
    for name in editor.presets(options):
        if name not in known:
            raise UsageError(f"--preset {name}: there is no such preset.{did_you_mean(name, known)}")
        editor.check_preset(known[name])
