"""Jobs of one page: runs tasks in the worker process and hands their events to the event loop of the page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ..api.errors import I2IError, Interrupted
from .events import FINAL, Cancelled, Event, Finished
from .worker import Ticket, Worker

_CLOSED = "The page was closed, so the job was ended."


class JobError(I2IError):
    """A job that failed; ``details`` is the traceback of an error that the user did not cause, else empty."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class Jobs:
    """The jobs of one page; call its methods in the event loop."""

    def __init__(self, worker: Worker, owner: str) -> None:
        """Store the worker; nothing is started.

        Args:
            worker: Runs the jobs.
            owner: The session that they belong to.
        """
        self._worker, self.owner = worker, owner
        self._open: dict[Ticket, Callable[[Event], None]] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the page was closed."""
        return self._closed

    async def run(
        self,
        task: str,
        arguments: Mapping[str, Any],
        on_event: Callable[[Event], None] = lambda event: None,
        on_submit: Callable[[Ticket], None] = lambda ticket: None,
    ) -> Any:
        """Run a task and return its result.

        Args:
            task, arguments: As for ``Worker.submit``.
            on_event: Called in the event loop with each event but the last.
            on_submit: Called with the ticket, for ``stop`` and ``cancel``.

        Raises:
            Interrupted: it was stopped before there was a result, or cancelled.
            JobError: it failed, or the worker process died.
        """
        if self._closed:
            raise Interrupted(_CLOSED)
        loop, events = asyncio.get_running_loop(), asyncio.Queue[Event]()

        def put(event: Event) -> None:  # in the thread of the worker
            if not loop.is_closed():
                loop.call_soon_threadsafe(events.put_nowait, event)

        ticket = self._worker.submit(task, arguments, put, self.owner)
        self._open[ticket] = events.put_nowait
        try:
            on_submit(ticket)
            while True:
                event = await events.get()
                if isinstance(event, FINAL):
                    return _result(event)
                on_event(event)
        finally:
            del self._open[ticket]

    def stop(self, ticket: Ticket) -> None:
        """Ask a job to end with its best result so far."""
        self._worker.stop(ticket)

    def cancel(self, ticket: Ticket) -> None:
        """End a job soon, without a result."""
        self._worker.cancel(ticket)

    def cancel_all(self) -> None:
        """End all jobs soon, without a result."""
        for ticket in self._open:
            self._worker.cancel(ticket)

    def close(self) -> list[Ticket]:
        """Cancel all jobs, also those that are submitted later; returns those that have not ended yet."""
        self._closed = True
        for put in self._open.values():  # the worker calls the listeners of these jobs no more
            put(Cancelled(_CLOSED))
        return self._worker.cancel_owner(self.owner)


def _result(event: Event) -> Any:
    if isinstance(event, Finished):
        return event.value
    message = getattr(event, "message", "")
    if isinstance(event, Cancelled):
        raise Interrupted(message)
    raise JobError(message, getattr(event, "details", ""))
