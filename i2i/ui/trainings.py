"""Trainings on the web page: start, stop and resume them, list runs, and read what runs write. Without NiceGUI."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..api.errors import I2IError, UsageError
from ..training.run_process import PROCESS, training_process
from ..training.runs import Run, list_runs, open_run
from .uploads import clean_name

if TYPE_CHECKING:
    from ..registry import Registry

RUNS = Path("runs")
"""The folder of runs, in the working directory, as of ``i2i train``."""
RunState = Literal["starting", "running", "done", "stopped", "failed", "died"]
STATES: Mapping[RunState, str] = {
    "starting": "Starting",
    "running": "Running",
    "done": "Done",
    "stopped": "Stopped",
    "failed": "Failed",
    "died": "Ended early",
}
"""What users read."""
_POINTS = 400
"""Points of a curve that is drawn."""
_SAMPLE = re.compile(r"step_(\d+)_(\w+)\.png")


@dataclass(frozen=True)
class RunFacts:
    """What a list of runs shows of one."""

    folder: Path
    trainer: str
    dataset: str
    """Empty for trainers without a dataset."""
    state: RunState
    steps: int
    total: int | None
    reason: str = ""
    """Why it failed; empty otherwise."""

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def about(self) -> str:
        """Dataset and steps, such as ``"facades, 120 of 200 steps"``."""
        steps = f"{self.steps} of {self.total} steps" if self.total else f"{self.steps} steps"
        return ", ".join(filter(None, (self.dataset, steps)))


def describe_run(run: Run) -> RunFacts:
    """Return the facts of a run."""
    summary = run.summary()
    wanted = run.options["run"]
    states: dict[str, RunState] = {"done": "done", "interrupted": "stopped", "failed": "failed"}
    # A run that resumes has no summary until it ends.
    state = states.get(summary["status"], "died")
    if state == "died" and training_process(run.folder) is not None:
        state = "running"
    steps = _last_logged_step(run.folder) if state in ("running", "died") else None
    return RunFacts(
        run.folder,
        run.options["trainer"],
        wanted.get("dataset") or "",
        state,
        max(int(summary["steps"]), steps or 0),
        wanted.get("steps"),
        str(summary.get("reason", "")) if state == "failed" else "",
    )


class FactsReader:
    """Reads the facts of all runs in a folder again and again; what has not changed is not read twice."""

    def __init__(self, root: Path = RUNS) -> None:
        self._root = root
        self._known: dict[Path, tuple[Any, RunFacts]] = {}

    def read(self) -> list[RunFacts]:
        """Return the runs, the newest first."""
        found = {}
        for path in self._root.glob("*/options.json"):
            folder = path.parent
            signature = tuple(_modified(folder / name) for name in _RECORDS)
            known = self._known.get(folder)
            if known is not None and known[0] == signature and known[1].state != "running":
                found[folder] = known
            elif (run := _open(folder)) is not None:
                found[folder] = (signature, describe_run(run))
        self._known = found
        return [facts for _, facts in sorted(found.values(), key=lambda each: each[0][0], reverse=True)]


_RECORDS = ("options.json", "summary.json", PROCESS, "log.jsonl")
"""Files whose times tell that the facts of a run have changed; the first tells its age."""


def _open(folder: Path) -> Run | None:
    try:
        return open_run(folder)
    except I2IError:  # it is being written, or is none
        return None


def can_translate(trainer: str, registry: Registry) -> bool:
    """Return whether runs of a trainer turn an image into another; also of one that is not installed."""
    entry = registry.entries("trainer").get(trainer)
    return entry is None or entry.get("wants") not in ("images", "pictures", "seeds")


def list_translating_runs(root: Path, registry: Registry) -> list[RunFacts]:
    """Return the runs that turn an image into another and have a checkpoint, the newest first."""
    runs = [run for run in list_runs(root) if can_translate(run.options["trainer"], registry) and run.last_step()]
    runs.sort(key=lambda run: _modified(run.folder / "options.json"), reverse=True)
    return [describe_run(run) for run in runs]


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _last_logged_step(folder: Path) -> int | None:
    """Return the step of the last line of the log, of which only the end is read."""
    try:
        with (folder / "log.jsonl").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            return int(json.loads(line)["step"])
        except (ValueError, KeyError, TypeError):  # cut off, or still being written
            continue
    return None


def next_name(root: Path, trainer: str, dataset: str) -> str:
    """Return the name that ``i2i train`` would choose for the next run, such as ``"pix2pix-facades-001"``."""
    stem = "-".join(filter(None, (trainer, dataset))).replace("/", "-")
    numbers = [int(path.name.rpartition("-")[2]) for path in root.glob(f"{stem}-*") if path.name[-1:].isdecimal()]
    return f"{stem}-{max(numbers, default=0) + 1:03d}"


def run_folder(root: Path, name: str) -> Path:
    """Return the folder of a new run.

    Raises:
        UsageError: the name is empty, no file name, or in use.
    """
    name = name.strip()
    if not name or clean_name(name) != name:
        raise UsageError(f"{name!r} cannot be the name of a run; take letters, digits, hyphens and underscores.")
    folder = root / name
    if folder.exists():
        raise UsageError(f"There is a run {name!r} already; choose another name.")
    return folder


# Processes


class Training:
    """A training that was started by this server."""

    def __init__(self, folder: Path, words: Sequence[str], output: Path) -> None:
        """Start ``i2i train`` in a process that outlives this one; its output goes to a file."""
        self.folder, self._output = folder, output
        more: dict[str, Any] = {"start_new_session": True}  # Ctrl-C in the terminal of the server does not reach it
        if sys.platform == "win32":
            more = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "i2i", *words],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                **more,
            )

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def output(self) -> str:
        """Return the end of what it has printed."""
        try:
            return self._output.read_bytes()[-4000:].decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def error(self) -> str:
        """Return why the process has ended, in one sentence; empty where it trained to the end or still runs."""
        if not self._process.poll():
            return ""
        lines = [line.strip() for line in self.output().splitlines() if line.strip()]
        said = [line.removeprefix("i2i: ") for line in lines if line.startswith("i2i: ")]
        said = [line for line in said if not line.startswith("warning: ")]
        if said:
            return said[-1]
        return f"The training ended with code {self._process.returncode}: {lines[-1] if lines else 'it said nothing'}"


class Trainings:
    """The trainings that this server started; they go on when it ends."""

    def __init__(self, folder: Path | None = None) -> None:
        """Store where outputs go: an existing folder, or None for the system's temporary one."""
        self._folder = folder
        self._started: dict[Path, Training] = {}
        self._lock = threading.Lock()

    def start(self, folder: Path, words: Sequence[str]) -> Training:
        """Start ``i2i`` with these words, which train or resume the run in a folder.

        Raises:
            I2IError: it is being trained already, or no process can be started.
        """
        key = folder.absolute()
        with self._lock:
            running = self._started.get(key)
            if (running is not None and not running.ended) or training_process(folder) is not None:
                raise I2IError(f"{folder} is being trained already; stop that training, or wait for its end.")
            try:
                number, name = tempfile.mkstemp(prefix="train-", suffix=".log", dir=self._folder)
                os.close(number)
                training = self._started[key] = Training(folder, words, Path(name))
            except OSError as error:
                raise I2IError(f"The training cannot be started: {error.strerror}; free some memory or disk.") from None
        return training

    def of(self, folder: Path) -> Training | None:
        """Return the training of a run that this server started last; None where there is none."""
        return self._started.get(folder.absolute())

    def state_of(self, facts: RunFacts) -> RunState:
        """Return the state of a run, which is also ``starting`` before its process records itself."""
        training = self.of(facts.folder)
        if training is not None and not training.ended and facts.state != "running":
            return "starting"
        return facts.state

    def stop(self, folder: Path) -> None:
        """Stop a training as Ctrl-C does: it finishes its step and saves a checkpoint.

        Raises:
            I2IError: nothing trains this run on this machine.
        """
        training = self.of(folder)
        pid = training_process(folder)
        if pid is None and training is not None and not training.ended:
            pid = training.pid
        if pid is None:
            raise I2IError(f"No process of this machine trains {folder}; it may just have ended.")
        # Windows has no signal that asks: the process ends at once, and resumes from its last checkpoint.
        try:
            os.kill(pid, signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        except OSError as error:
            raise I2IError(f"Process {pid}, which trains {folder}, cannot be stopped: {error.strerror}.") from None


def as_command(words: Sequence[str]) -> str:
    """Return the words of a command as they are typed."""
    return shlex.join(["i2i", *words])


# What runs write


@dataclass
class Curve:
    """The values of one quantity over the steps."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def points(self, most: int = _POINTS) -> list[tuple[float, float]]:
        """Return the points to draw; of many, the means of as many parts of equal length."""
        size = -(-len(self.steps) // most) if self.steps else 1
        return [
            (
                sum(self.steps[start : start + size]) / len(self.steps[start : start + size]),
                sum(self.values[start : start + size]) / len(self.values[start : start + size]),
            )
            for start in range(0, len(self.steps), size)
        ]


class LogReader:
    """Reads ``log.jsonl`` of a run while it grows."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "log.jsonl"
        self._reset()

    def _reset(self) -> None:
        self.curves: dict[str, Curve] = {}
        """By name, such as ``loss/g_l1`` and ``val/l1``."""
        self.step = 0
        self.speed = 0.0
        """Images a second."""
        self._file: tuple[int, int] = (0, 0)
        self._read = 0

    def update(self) -> bool:
        """Read what is new, and return whether there was anything; a log that was rewritten is read anew."""
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                known = (status.st_dev, status.st_ino)
                if known != self._file or status.st_size < self._read:
                    self._reset()
                    self._file = known
                file.seek(self._read)
                data = file.read()
        except OSError:
            return False
        whole = data[: data.rfind(b"\n") + 1]  # the last line may still be being written
        self._read += len(whole)
        for line in whole.splitlines():
            self._take(line)
        return bool(whole)

    def _take(self, line: bytes) -> None:
        try:
            row = json.loads(line)
            step = int(row["step"])
        except (ValueError, KeyError, TypeError):
            return
        self.step = max(self.step, step)
        self.speed = row.get("images_per_second", self.speed)
        for name, value in row.items():
            if name.startswith(("loss/", "val/")) and isinstance(value, (int, float)) and math.isfinite(value):
                curve = self.curves.setdefault(name, Curve())
                curve.steps.append(step)
                curve.values.append(float(value))


def sample_files(folder: Path) -> dict[str, dict[int, Path]]:
    """Return the sample grids of a run: split -> step -> file, in the order of the steps."""
    found: dict[str, dict[int, Path]] = {}
    for path in sorted((folder / "samples").glob("step_*.png")):
        if match := _SAMPLE.fullmatch(path.name):
            found.setdefault(match[2], {})[int(match[1])] = path
    return found


def sample_at(files: Mapping[int, Path], step: int) -> tuple[int, Path] | None:
    """Return the newest sample grid up to a step, else the first one; None where there is none."""
    if not files:
        return None
    best = max((each for each in files if each <= step), default=min(files))
    return best, files[best]
