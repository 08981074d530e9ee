"""A worker process for one device: it runs jobs one after another, and a crash never reaches the page.

The parent has one thread per worker, which starts the process, talks to it and calls the listeners. The process has a
thread that receives, one that sends, and runs jobs in its main thread. Both sides exchange pickled tuples through a
``multiprocessing`` connection.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import ForkingPickler
from types import MappingProxyType
from typing import Any, TypeAlias

from ..api.errors import I2IError, UsageError
from .events import FINAL, Cancelled, Crashed, Event, Failed, Queued
from .process import serve
from .tasks import TASKS

Listener: TypeAlias = Callable[[Event], None]

GRACE = 2.0
"""Seconds in which a cancelled job must end; after them the process is killed."""
_CANCELLED = "The job was cancelled, so there is no result; start it again."

_logger = logging.getLogger(__name__)
_numbers = count(1)


class Ticket:
    """A job that was submitted."""

    def __init__(self, owner: str) -> None:
        self.number = next(_numbers)
        self.owner = owner
        self._ended = threading.Event()

    @property
    def ended(self) -> bool:
        """Whether the job has ended in any way, and its last event was delivered."""
        return self._ended.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the job has ended; return whether it has."""
        return self._ended.wait(seconds)


@dataclass
class _Job:
    """A job that has not ended."""

    ticket: Ticket
    message: bytes
    """The pickled message that starts it."""
    listener: Listener
    position: int = 0
    """Last place in the queue that its listener was told."""
    stop: bool = False
    """Whether it was asked to stop."""
    deadline: float | None = None
    """Monotonic time at which the process is killed; None for never."""
    sent_stop: bool = False


@dataclass
class _Channel:
    """A running process and the connection to it."""

    process: SpawnProcess
    connection: Connection
    killed: bool = field(default=False)
    """Whether the parent killed it, to end a job."""


class Worker:
    """Runs tasks in a process of its own, one after another; all methods may be called from any thread.

    The process starts with the first job, or with ``start``. It ends with ``close``, with the parent, and by itself
    where the parent has died. It ignores Ctrl-C, which the parent handles, and prints nothing.
    """

    def __init__(self, device: str = "auto") -> None:
        """Store the device; nothing is started yet.

        Args:
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``: what all tasks run on.
        """
        self.device = device
        self._lock = threading.Lock()
        self._waiting: deque[_Job] = deque()
        self._running: _Job | None = None
        self._channel: _Channel | None = None
        self._thread: threading.Thread | None = None
        self._wanted = self._closed = False
        self._context = multiprocessing.get_context("spawn")
        self._woken, self._wake = self._context.Pipe(duplex=False)

    @property
    def pid(self) -> int | None:
        """The id of the worker process; None where none runs."""
        channel = self._channel
        return None if channel is None else channel.process.pid

    def start(self) -> None:
        """Start the process in the background, so that the first job need not wait for its imports."""
        with self._lock:
            self._wanted = True
            self._begin()

    def submit(
        self, task: str, arguments: Mapping[str, Any], listener: Listener = lambda event: None, owner: str = ""
    ) -> Ticket:
        """Queue a job.

        Args:
            task: Name of a function in ``tasks.TASKS``.
            arguments: Its keyword arguments: plain values and paths.
            listener: Called with each event, from the thread of this worker, in order; it must return quickly. An
                exception that it raises is logged.
            owner: Who the job belongs to, such as the id of a session, for ``cancel_owner``.

        Raises:
            UsageError: there is no such task, or the worker is closed.
            TypeError: an argument cannot be sent to another process.
        """
        if task not in TASKS:
            raise UsageError(f"There is no task {task!r}; use one of {', '.join(TASKS)}.")
        ticket = Ticket(owner)
        try:
            message = bytes(ForkingPickler.dumps(("run", ticket.number, task, dict(arguments))))
        except Exception as error:  # pickling calls code of the values
            raise TypeError(f"the arguments of {task} cannot be sent to the worker: {error}") from error
        with self._lock:
            if self._closed:
                raise UsageError("The worker is closed; start i2i ui again.")
            self._waiting.append(_Job(ticket, message, listener))
            self._begin()
        return ticket

    def stop(self, ticket: Ticket) -> None:
        """Ask a job to end with its best result so far, however long that takes; a queued job is removed."""
        self._end(lambda job: job.ticket is ticket, None)

    def cancel(self, ticket: Ticket) -> None:
        """End a job within ``GRACE`` seconds; one that does not stop by then is ended with its process."""
        self._end(lambda job: job.ticket is ticket, GRACE)

    def cancel_owner(self, owner: str) -> list[Ticket]:
        """Cancel all jobs of an owner, such as a closed page; their listeners are not called any more.

        Returns:
            The jobs that have not ended yet: wait for them before files that they write are deleted.
        """
        return self._end(lambda job: job.ticket.owner == owner, GRACE, silent=True)

    def _end(self, chosen: Callable[[_Job], bool], grace: float | None, silent: bool = False) -> list[Ticket]:
        with self._lock:
            jobs = [job for job in (self._running, *self._waiting) if job is not None and chosen(job)]
            for job in jobs:
                job.stop = True
                if grace is not None and job.deadline is None:
                    job.deadline = time.monotonic() + grace
                if silent:
                    job.listener = lambda event: None
            if jobs:
                self._notify()
        return [job.ticket for job in jobs]

    def close(self) -> None:
        """End the process and all jobs; safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            thread, channel = self._thread, self._channel
            self._notify()
        atexit.unregister(self.close)
        if channel is not None:
            with suppress(ValueError):  # it has ended, and the thread has closed it
                channel.process.kill()
        if thread is not None and thread is not threading.current_thread():
            thread.join(5)

    def _begin(self) -> None:
        """Start the thread, or wake it; the lock is held."""
        if self._thread is None:
            atexit.register(self.close)
            self._thread = threading.Thread(target=self._run, name=f"i2i worker {self.device}", daemon=True)
            self._thread.start()
        else:
            self._notify()

    def _notify(self) -> None:
        # A full pipe wakes the thread as well.
        if self._thread is not None and not self._woken.poll():
            self._wake.send_bytes(b"x")

    def _run(self) -> None:
        """Serve the queue until the worker is closed."""
        if hasattr(signal, "pthread_sigmask"):  # the process inherits the mask, so that Ctrl-C cannot end its start
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while not self._closed:
            self._remove_cancelled()
            self._start_next()
            self._announce_positions()
            self._stop_running()
            self._listen()
        self._lose_process()
        for job in [job for job in (self._running, *self._waiting) if job is not None]:
            self._deliver(job, Cancelled(_CANCELLED))

    def _remove_cancelled(self) -> None:
        with self._lock:
            removed = [job for job in self._waiting if job.stop]
            self._waiting = deque(job for job in self._waiting if not job.stop)
        for job in removed:
            self._deliver(job, Cancelled(_CANCELLED))

    def _start_next(self) -> None:
        """Give the next job to the process, which is started if there is none."""
        if self._channel is not None and self._running is None and not self._channel.process.is_alive():
            self._lose_process()
        with self._lock:
            idle = self._running is None and bool(self._waiting)
            needed = self._channel is None and (idle or self._wanted)
            self._wanted = False
        if needed:
            self._start_process()
        channel = self._channel
        with self._lock:
            if self._running is not None or not self._waiting:
                return
            job = self._running = self._waiting.popleft()
        if channel is None:
            self._deliver(job, Failed("The worker process cannot be started; free some memory, then try again."))
            return
        with suppress(OSError):  # the process has died: _listen reports it
            channel.connection.send_bytes(job.message)

    def _start_process(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=serve, args=(theirs, self.device), name=f"i2i worker {self.device}", daemon=True
        )
        try:
            process.start()
        except OSError:
            _logger.exception("the worker process cannot be started")
            ours.close()
        else:
            self._channel = _Channel(process, ours)
        finally:
            theirs.close()  # so that the end of the process is seen

    def _announce_positions(self) -> None:
        with self._lock:
            before = self._running is not None
            moved = [
                (job, place) for place, job in enumerate(self._waiting, start=int(before)) if job.position != place
            ]
        for job, place in moved:
            job.position = place
            self._deliver(job, Queued(place))

    def _stop_running(self) -> None:
        """Pass on a request to stop, and kill the process of a job that did not stop in time."""
        job, channel = self._running, self._channel
        if job is None or channel is None or not job.stop:
            return
        if not job.sent_stop:
            job.sent_stop = True
            with suppress(OSError):
                channel.connection.send(("stop", job.ticket.number))
        if job.deadline is not None and time.monotonic() >= job.deadline and not channel.killed:
            channel.killed = self._wanted = True  # the next job need not wait for the imports
            channel.process.kill()

    def _listen(self) -> None:
        """Wait until a message, a request, a deadline or the end of the process comes, and handle it."""
        job, channel = self._running, self._channel
        if job is None and self._waiting:  # the process could not be started
            return
        sources: list[Any] = [self._woken]
        if channel is not None:
            sources += [channel.connection, channel.process.sentinel]
        pending = job is not None and job.deadline is not None and channel is not None and not channel.killed
        timeout = max(0.0, job.deadline - time.monotonic()) if pending and job and job.deadline else None
        ready = wait(sources, timeout)
        if self._woken in ready:
            with self._lock:
                while self._woken.poll():
                    self._woken.recv_bytes()
        if channel is None:
            return
        if channel.connection in ready:
            self._receive(channel)
        elif channel.process.sentinel in ready:
            self._lose_process()

    def _receive(self, channel: _Channel) -> None:
        """Handle one message; the end of the connection is the end of the process."""
        try:
            number, event = channel.connection.recv()
        except (EOFError, OSError):
            self._lose_process()
            return
        job = self._running
        if event == "ready for more":
            with suppress(OSError):
                channel.connection.send(("read", number))
        elif job is not None and job.ticket.number == number:
            self._deliver(job, event)

    def _lose_process(self) -> None:
        """Report the death of the process to its job, and forget it."""
        channel, self._channel = self._channel, None
        if channel is None:
            return
        if self._closed:
            channel.process.kill()
        channel.process.join(1)
        if channel.process.exitcode is None:
            channel.process.kill()
            channel.process.join()
        code = channel.process.exitcode or 0
        channel.connection.close()
        channel.process.close()
        if self._running is not None and not self._closed:
            stopped = channel.killed or self._running.deadline is not None
            self._deliver(self._running, Cancelled(_CANCELLED) if stopped else Crashed(_describe_death(code)))

    def _deliver(self, job: _Job, event: Event) -> None:
        """Call the listener; an event after which no other follows ends the job."""
        final = isinstance(event, FINAL)
        if final:
            with self._lock:
                if self._running is job:
                    self._running = None
        try:
            job.listener(event)
        except Exception:
            _logger.exception("a listener failed")
        if final:
            job.ticket._ended.set()


def _describe_death(code: int) -> str:
    """Say in one sentence why a process died, from its exit code."""
    reason = f"it ended with code {code}"
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        reasons = {
            "SIGKILL": "it was killed, perhaps because the memory was full",
            "SIGSEGV": "a native library crashed",
            "SIGBUS": "a native library crashed",
            "SIGABRT": "a native library gave up",
        }
        reason = f"{reasons.get(name, 'it was ended')} ({name})"
    return f"The worker process died: {reason}. Start the job again; where that happens again, try a smaller one."


class WorkerPool:
    """The workers by device, each started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: dict[str, Worker] = {}

    def worker(self, device: str = "auto") -> Worker:
        """Return the worker of a device."""
        with self._lock:
            return self._workers.setdefault(device, Worker(device))

    @property
    def workers(self) -> Mapping[str, Worker]:
        """The workers that were asked for, by device."""
        return MappingProxyType(dict(self._workers))

    def cancel_owner(self, owner: str, seconds: float = GRACE + 1) -> None:
        """Cancel all jobs of an owner on all devices, and wait until they have ended.

        Args:
            seconds: Longest time to wait.

        Raises:
            I2IError: a job has not ended in this time.
        """
        tickets = [ticket for worker in self.workers.values() for ticket in worker.cancel_owner(owner)]
        end = time.monotonic() + seconds
        for ticket in tickets:
            if not ticket.wait(max(0.0, end - time.monotonic())):
                raise I2IError(f"A job of {owner!r} has not ended in {seconds:g} s.")

    def close(self) -> None:
        """End all workers."""
        for worker in self.workers.values():
            worker.close()
