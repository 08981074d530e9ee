"""Presets: named option values of an editor, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Preset:
    """A named way of using an editor, as plain data; any plugin may bring some, whoever brings the editor."""

    name: str
    """As typed; of one editor each is there once."""
    summary: str
    editor: str
    """The editor that reads it."""
    values: Mapping[str, Any]
    """What the editor makes of it is told in its guide; an editor refuses what it does not know: ``check_preset``."""
    giver: str = ""
    """The distribution that brings it; filled in by i2i."""
