"""What one plugin registers, as a registry sees it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from i2i.registry import KINDS, Plugin, Registry


def registered_by(module: str) -> list[Any]:
    """Import and return everything that a plugin module registers, in the order of kinds, then of names."""
    plugin = Plugin("tested", "tests", "1.0", import_module(module))
    registry = Registry([plugin])
    things = [thing for kind in KINDS for thing in registry.all(kind).values()]
    assert plugin.error is None, plugin.error
    return things
