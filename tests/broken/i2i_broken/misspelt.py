"""A hook that does not exist."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_editor(register: i2i.Register) -> None:
    """Misspell register_editors."""
