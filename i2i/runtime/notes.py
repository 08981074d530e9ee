"""Notes of the engine to the user, on stderr; the progress display is ``i2i.toolkit.progress``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..api.device import Device


def note(text: str, device: Device | None = None) -> None:
    """Print one line on stderr; of several processes of a training only the first one prints."""
    if device is None or device.first:
        print(f"i2i: {text}", file=sys.stderr)
