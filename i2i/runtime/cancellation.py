"""Ctrl-C and SIGTERM during long work: the first signal requests cancellation, the second ends the work at once."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

from ..api.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Cancellation:
    """Handle Ctrl-C (SIGINT) and SIGTERM within a ``with`` block.

    The first signal sets ``requested`` and prints ``message``; the work looks at ``requested`` and ends. The
    second signal restores the previous handlers and raises ``KeyboardInterrupt``. The previous handlers are restored at
    the end of the block in any case. Python handles signals in the main thread only: in any other thread the block
    changes nothing, and ``requested`` stays false.

    Args:
        message: Printed on stderr at the first signal: when the work will end, and what a second signal does.
        interrupted: Text of the ``Interrupted`` error that replaces a ``KeyboardInterrupt`` which leaves the block;
            None lets the ``KeyboardInterrupt`` pass.

    Raises:
        Interrupted: at the end of the block, if ``interrupted`` is given and the work was ended at once.
    """

    def __init__(self, message: str, interrupted: str | None = None) -> None:
        self.requested = False
        self._message, self._interrupted = message, interrupted
        self._previous: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        """Return ``requested``: an instance can be passed as the ``stop`` argument of an edit."""
        return self.requested

    def __enter__(self) -> Cancellation:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        if isinstance(error, KeyboardInterrupt) and self._interrupted is not None:
            raise Interrupted(self._interrupted) from None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            self._restore()
            raise KeyboardInterrupt
        self.requested = True
        with suppress(OSError, RuntimeError):  # the signal came while the main thread was writing to stderr
            print(f"\n{self._message}", file=sys.stderr, flush=True)

    def _restore(self) -> None:
        previous, self._previous = self._previous, {}
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: not set by Python
