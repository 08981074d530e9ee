"""Events of a job in a worker process, as its listener gets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Queued:
    """The job waits for others; sent again whenever its place changes."""

    position: int
    """Number of jobs that are before it, the running one included; at least 1."""


@dataclass(frozen=True)
class Started:
    """The worker process begins the job."""


@dataclass(frozen=True)
class JobProgress:
    """How far the job is; one that was not read yet is replaced by the next."""

    done: int
    total: int | None
    """None where the end is not known, as of downloads of unknown size."""
    scalars: Mapping[str, float] = field(default_factory=dict)
    stage: str = ""
    """What is being done, such as the model that is downloaded; empty where there is one stage."""


@dataclass(frozen=True)
class Frame:
    """The current state of an image; one that was not read yet is replaced by the next of the same number."""

    number: int
    """Which image of the edit, from 0."""
    image: bytes
    """JPEG."""
    width: int
    height: int
    points: Sequence[tuple[float, float]] | None = None
    """Where handles are, x and y in pixels of the generator's image, which may be larger than the frame; None for no
    handles."""


@dataclass(frozen=True)
class Note:
    """A notice or a warning, one sentence."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The job ended with a result; no event follows."""

    value: Any
    """What the task returned."""


@dataclass(frozen=True)
class Failed:
    """The job ended with an error; no event follows."""

    message: str
    """One sentence for the user."""
    details: str = ""
    """The traceback of an error that the user did not cause; else empty."""


@dataclass(frozen=True)
class Cancelled:
    """The job was cancelled and has no result; no event follows."""

    message: str


@dataclass(frozen=True)
class Crashed:
    """The worker process died; no event follows. The next job starts a new process."""

    message: str
    """One sentence for the user."""


Event: TypeAlias = "Queued | Started | JobProgress | Frame | Note | Finished | Failed | Cancelled | Crashed"
FINAL = (Finished, Failed, Cancelled, Crashed)
"""Events after which no other follows."""
