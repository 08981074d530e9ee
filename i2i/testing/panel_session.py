"""The session that panels get in tests, without a browser and a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..api.panel import SurfaceEvent


class StandInSession:
    """A session with a grey image: edits return it unchanged, and what is asked of it is kept."""

    def __init__(self) -> None:
        self.image: np.ndarray | None = np.full((64, 64, 3), 128, np.uint8)
        self.edits: list[tuple[str, dict[str, Any]]] = []
        """Editor and options of each edit."""
        self.notes: list[str] = []
        self.handlers: list[Callable[[SurfaceEvent], Any]] = []

    async def run(self, editor: str, /, **options: Any) -> np.ndarray:
        """Keep the request and return the image."""
        self.edits.append((editor, options))
        assert self.image is not None
        return self.image

    def on_surface(self, handler: Callable[[SurfaceEvent], Any]) -> None:
        """Keep the handler."""
        self.handlers.append(handler)

    async def read_mask(self) -> np.ndarray | None:
        """Return None: nothing is painted."""
        return None

    async def read_drawing(self) -> np.ndarray | None:
        """Return the image."""
        return self.image

    def note(self, text: str) -> None:
        """Keep the sentence."""
        self.notes.append(text)
