"""A module that prints while it is imported, and whose hook prints."""

from __future__ import annotations

import i2i

print("printed at import")


@i2i.hookimpl
def register_panels(register: i2i.Register) -> None:
    """Print."""
    print("printed in a hook")
