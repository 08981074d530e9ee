"""Presets: named option values of an editor, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """Named option values of an editor, as plain data; any plugin may provide presets for any editor."""

    name: str
    """As typed; unique among the presets of an editor."""
    summary: str
    editor: str
    """The editor that reads it."""
    values: Mapping[str, Any]
    """What the editor reads, as its guide documents; unknown values are refused (``Editor.check_preset``)."""
    provider: str = ""
    """The distribution that provides it; set by i2i."""

    @property
    def giver(self) -> str:
        """The old name of ``provider``."""
        return self.provider
