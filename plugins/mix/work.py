"""How far the work has come, and whether the user wants out."""

from __future__ import annotations

import i2i


class Stopped(Exception):
    """The user wants out before there is anything to show."""


class Work:
    """Counts pieces of work, each a picture rendered or a sample looked at, and tells the scene."""

    def __init__(self, scene: i2i.Scene) -> None:
        self.scene, self.done, self.total = scene, 0, 0

    def plan(self, pieces: int) -> None:
        """There is more to do than was known."""
        self.total += pieces

    def did(self, pieces: int) -> None:
        """So many more are done."""
        self.done += pieces
        self.scene.progress(self.done, self.total)

    @property
    def stopped(self) -> bool:
        """True once the user wants out."""
        return self.scene.cancelled

    def must_go_on(self) -> None:
        """For work of which a part is worth nothing.

        Raises:
            Stopped: the user wants out.
        """
        if self.stopped:
            raise Stopped
