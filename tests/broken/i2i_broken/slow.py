"""A module whose import takes long."""

from __future__ import annotations

import time

import i2i

_UNTIL = time.process_time() + 0.4
while time.process_time() < _UNTIL:
    pass


@i2i.hookimpl
def register_panels(register: i2i.Register) -> None:
    """Register nothing."""
