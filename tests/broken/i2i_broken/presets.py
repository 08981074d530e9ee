"""Presets that their editors refuse, or cannot read."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_presets(register: i2i.Register) -> None:
    """Register the presets."""
    register(i2i.Preset("broken-values", "Wrong values.", "drag", {"no such key": 1}))
    register(i2i.Preset("broken-none", "No values.", "drag", None))  # type: ignore[arg-type]
    register(i2i.Preset("one", "Its check fails.", "broken-editor", {"fail": True}))
    register(i2i.Preset("broken-editor", "For nobody.", "no-such-editor", {}))
