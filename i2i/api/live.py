"""Watching an edit while it runs."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class LiveView(ABC):
    """Follows the images of an edit while it runs: define ``show`` and give an instance as ``i2i.edit(watch=)``.

    Editors and inverters get it as ``Scene.live``. ``LatentOptimizer`` shows the images of its objective, so most need
    nothing else.
    """

    def __init__(self, seconds: float = 0.5) -> None:
        """Store the settings.

        Args:
            seconds: Shortest time between images, as rendering them slows the edit down.
        """
        self.seconds, self._next = seconds, 0.0

    def is_due(self) -> bool:
        """Return whether to show the images of this step; once it has, False until ``seconds`` have passed."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self.seconds
        return True

    @abstractmethod
    def show(self, number: int, image: Tensor, points: Tensor | None = None) -> None:
        """Receive the current state of an image.

        Args:
            number: Which image, from 0, in the order of the edit.
            image: ``(1, C, r, r)`` in [-1, 1], C 1 or 3; its resolution may be less than the generator's.
            points: Where handles are, ``(P, 2)``, x and y in pixels of the generator's image; None for no handles.
        """
