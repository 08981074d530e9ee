"""Ctrl-C before there is anything to keep: the edit ends there, and nothing is written."""

from __future__ import annotations

from ..api.errors import Interrupted
from .settings import Calls

NOTHING = "Stopped before there was anything to keep, so nothing is written; type the command again to begin anew."


class Watch:
    """What an editor tells and asks while it works, and from that whether it has begun.

    It has once it tells of progress beyond 0; one that tells of none, once it was let go on the first time it asked.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls, self._told, self._most, self._went_on = calls, False, 0.0, False

    def progress(self, done: int, total: int, **scalars: float) -> None:
        """As ``Scene.progress``."""
        self._told, self._most = True, max(self._most, done)
        self._calls.progress(done, total, **scalars)

    def stop(self) -> bool:
        """As ``Scene.stop``.

        Raises:
            Interrupted: the user wants out, and the editor has not begun.
        """
        if not self._calls.stop():
            self._went_on = True
            return False
        if self._most <= 0 if self._told else not self._went_on:
            raise Interrupted(NOTHING)
        return True
