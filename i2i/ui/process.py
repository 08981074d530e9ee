"""What runs in the worker process: receive jobs, run their tasks and send their events."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..api.errors import I2IError, Interrupted, disk_trouble
from ..toolkit.memory import is_out_of_memory
from .events import Cancelled, Event, Failed, Finished, Frame, JobProgress, Note, Started
from .tasks import TASKS

_BUSY = "ready for more"
"""Event that asks the parent to confirm that it has read all that was sent before."""


class Outbox:
    """Sends events to the parent; frames and progress that were not sent yet are replaced by newer ones.

    Those are sent only once the parent has read the ones before, so that none wait in the connection either.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._condition = threading.Condition()
        self._events: deque[tuple[int, Event]] = deque()
        self._latest: dict[tuple[str, int], tuple[int, Event]] = {}
        self._read = True
        threading.Thread(target=self._send, name="sender", daemon=True).start()

    def put(self, number: int, event: Event, *, last: bool = False) -> None:
        """Send an event; ``last`` sends the newest frames and progress before it."""
        with self._condition:
            if last:
                self._events.extend(self._latest.values())
                self._latest.clear()
            self._events.append((number, event))
            self._condition.notify()

    def replace(self, number: int, event: Event, key: tuple[str, int]) -> None:
        """Send an event, or only a newer one of the same key."""
        with self._condition:
            self._latest[key] = (number, event)
            self._condition.notify()

    def confirm(self) -> None:
        """Note that the parent has read all that was sent."""
        with self._condition:
            self._read = True
            self._condition.notify()

    def _take(self) -> list[tuple[int, Any]]:
        with self._condition:
            while not self._events and not (self._latest and self._read):
                self._condition.wait()
            if self._events:
                return [self._events.popleft()]
            taken: list[tuple[int, Any]] = list(self._latest.values())
            self._latest.clear()
            self._read = False
            return [*taken, (0, _BUSY)]

    def _send(self) -> None:
        while True:
            for message in self._take():
                try:
                    self._connection.send(message)
                except OSError:  # the parent has died
                    os._exit(1)
                except Exception as error:  # a value of a plugin that cannot be pickled
                    text = f"The result cannot be sent to the page ({type(error).__name__}); tell the plugin's author."
                    self._connection.send((message[0], Failed(text, traceback.format_exc())))


class TaskContext:
    """What a task may use: the device, the request to stop, and ways to report."""

    def __init__(self, device: str, number: int, outbox: Outbox) -> None:
        self.device = device
        """Device to run on, such as ``"auto"``."""
        self.number = number
        self._outbox = outbox
        self._stop = threading.Event()

    def request_stop(self) -> None:
        """Make ``stopped`` true."""
        self._stop.set()

    def stopped(self) -> bool:
        """Return whether to end with the best result so far."""
        return self._stop.is_set()

    def progress(self, done: int, total: int | None, **scalars: float) -> None:
        """Report how far the task is."""
        self._outbox.replace(self.number, JobProgress(done, total, scalars), ("progress", 0))

    def stage_progress(self, stage: str, done: int, total: int | None) -> None:
        """Report how far a named part of the task is."""
        self._outbox.replace(self.number, JobProgress(done, total, stage=stage), ("progress", 0))

    def note(self, text: str) -> None:
        """Show a notice or a warning, one sentence."""
        self._outbox.put(self.number, Note(text))

    def frame(
        self,
        number: int,
        image: bytes,
        width: int,
        height: int,
        points: Sequence[tuple[float, float]] | None = None,
    ) -> None:
        """Show the current state of an image; arguments as the fields of ``Frame``."""
        self._outbox.replace(self.number, Frame(number, image, width, height, points), ("frame", number))


def serve(connection: Connection, device: str) -> None:
    """Run jobs until the parent ends: the main function of the worker process."""
    _silence()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the parent decides
    outbox = Outbox(connection)
    jobs: queue.SimpleQueue[tuple[TaskContext, str, dict[str, Any]]] = queue.SimpleQueue()
    contexts: dict[int, TaskContext] = {}

    def receive() -> None:
        while True:
            try:
                kind, number, *rest = connection.recv()
            except (EOFError, OSError):  # the parent has died or closed the worker
                os._exit(0)
            if kind == "run":
                contexts[number] = TaskContext(device, number, outbox)
                jobs.put((contexts[number], *rest))
            elif kind == "stop" and number in contexts:
                contexts[number].request_stop()
            elif kind == "read":
                outbox.confirm()

    threading.Thread(target=receive, name="receiver", daemon=True).start()
    import torch  # noqa: F401  # the slow import, while no job waits

    while True:
        context, task, arguments = jobs.get()
        outbox.put(context.number, Started())
        end = _run(context, task, arguments)
        del contexts[context.number]
        outbox.put(context.number, end, last=True)


def _silence() -> None:
    """Send what libraries print to nowhere, also what they print outside of Python."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)
    sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # open until the end


def _run(context: TaskContext, task: str, arguments: dict[str, Any]) -> Event:
    """Run a task and return its last event."""
    try:
        with _plain_errors(task):
            return Finished(TASKS[task](context, **arguments))
    except Interrupted as error:
        return Cancelled(str(error))
    except I2IError as error:
        cause = error.__cause__
        return Failed(str(error), "" if cause is None else "".join(traceback.format_exception(cause)))
    except BaseException as error:  # a plugin may raise anything, also SystemExit
        if is_out_of_memory(error):
            return Failed(
                "The memory does not suffice: give less at once, or close other programs.", traceback.format_exc()
            )
        text = " ".join(str(error).split())[:200].rstrip(".")
        reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
        return Failed(f"The task {task!r} failed unexpectedly ({reason}).", traceback.format_exc())


@contextmanager
def _plain_errors(task: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_trouble(error, "reading or writing", f"run the {task} again.") from error
