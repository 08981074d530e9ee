"""The log of a training run: ``log.jsonl``, ``curves.png``, sample grids, callbacks and the terminal."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from ..api.errors import I2IError
from ..callbacks import Callbacks
from ..toolkit.files import atomic_write
from ..toolkit.images import save_image
from ..toolkit.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.device import Device


class NotFinite(I2IError):
    """A loss became infinite or not a number."""


class Log:
    """The record of one run; only the first process writes.

    Losses stay on the device until those of ``device.patience`` steps have gathered and are then read at once, so that
    no step waits.
    """

    def __init__(
        self, folder: Path, device: Device, start: int, total: int, batch: int, quiet: bool, callbacks: Callbacks
    ) -> None:
        self.folder, self.device, self.start, self.batch = folder, device, start, batch
        self.callbacks = callbacks
        self.last: dict[str, float] = {}
        self.speed = 0.0
        self.seconds = 0.0
        """Time spent in training steps: without samples, validation and checkpoints."""
        self._waiting: list[tuple[int, float, dict[str, Tensor]]] = []
        self._since = (time.perf_counter(), start)
        self._lines: TextIO | None = None
        if device.first:
            _forget_after(folder / "log.jsonl", start)
            self._lines = (folder / "log.jsonl").open("a", encoding="utf-8")
        self.total = total
        self.progress = Progress(name="step", speed_unit="images", quiet=quiet or not device.first)
        self.progress.update(start, total)

    def losses(self, step: int, epoch: float, losses: Mapping[str, Tensor]) -> None:
        """Take in the losses of a step, still on the device."""
        self._waiting.append((step, epoch, dict(losses)))
        if len(self._waiting) >= self.device.patience:
            self.flush()

    def flush(self) -> None:
        """Read what has gathered and write it down.

        Raises:
            NotFinite: a loss is infinite or not a number; names it and its step.
        """
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        rows = self._read(waiting)
        now, step = time.perf_counter(), waiting[-1][0]
        self.speed = (step - self._since[1]) * self.batch / max(now - self._since[0], 1e-9)
        self.seconds += now - self._since[0]
        self._since = (now, step)
        for (at, epoch, _), row in zip(waiting, rows, strict=True):
            bad = [name for name, value in row.items() if not math.isfinite(value)]
            about = {"step": at, "epoch": round(epoch, 4)}
            self._write({**about, **_prefix_names("loss", row), "images_per_second": round(self.speed, 3)})
            self.callbacks.call("losses", at, about["epoch"], row, round(self.speed, 3))
            if bad:
                raise NotFinite(f"The loss {bad[0]!r} became {row[bad[0]]} at step {at}")
            self.last = row
        self.progress.update(step, self.total, speed=self.speed, scalars=self.last)

    def _read(self, waiting: Sequence[tuple[int, float, dict[str, Tensor]]]) -> list[dict[str, float]]:
        """One transfer for all steps; the mean over the processes."""
        import torch

        names = [list(losses) for _, _, losses in waiting]
        flat = torch.stack(
            [value.detach().float().reshape(()) for _, _, losses in waiting for value in losses.values()]
        )
        self.device.average([flat])
        values = iter(flat.tolist())
        return [{name: next(values) for name in row} for row in names]

    def idle(self) -> None:
        """Do not count the time since the last flush as training."""
        self._since = (time.perf_counter(), self._since[1])

    def validation(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Write down metrics on validation samples."""
        self._write({"step": step, "epoch": round(epoch, 4), **_prefix_names("val", values)})
        self.callbacks.call("validation", step, round(epoch, 4), dict(values))
        self.progress.print(f"step {step}: " + ", ".join(f"val {name} {value:.4f}" for name, value in values.items()))

    def samples(self, step: int, split: str, grid: np.ndarray) -> None:
        """Write a sample grid, uint8 ``(H, W, 3)``."""
        if self.device.first:
            (self.folder / "samples").mkdir(exist_ok=True)
            path = self.folder / "samples" / f"step_{step:06d}_{split}.png"
            save_image(path, grid)
            self.callbacks.call("samples", step, split, grid, path)

    def _write(self, line: dict[str, Any]) -> None:
        if self._lines is not None:
            self._lines.write(json.dumps(line) + "\n")
            self._lines.flush()

    def close(self) -> None:
        """Draw the curves and close the files."""
        self.progress.close()
        if self._lines is not None:
            self._lines.close()
            draw_curves(self.folder)


def _prefix_names(group: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{group}/{name}": value for name, value in values.items()}


def _forget_after(path: Path, step: int) -> None:
    """Drop what was logged after the checkpoint from which a run resumes, and a line cut short by a crash."""
    kept = [line for line in read_log(path.parent) if line["step"] <= step]
    if path.is_file():
        with atomic_write(path) as beside:
            beside.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of ``log.jsonl``; a damaged line is left out."""
    path, lines = folder / "log.jsonl", []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        lines += [line] if isinstance(line, dict) and "step" in line else []
    return lines


def draw_curves(folder: Path) -> None:
    """Draw ``curves.png``: each loss over the steps, smoothed over its own noise, and the validation measures."""
    from matplotlib.figure import Figure

    curves: dict[str, list[tuple[int, float]]] = {}
    for line in read_log(folder):
        for name, value in line.items():
            if name.startswith(("loss/", "val/")) and math.isfinite(value):
                curves.setdefault(name, []).append((line["step"], value))
    if not curves:
        return
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(4 * columns, 2.6 * rows), layout="constrained")
    for place, name in enumerate(sorted(curves), start=1):
        steps, values = (np.array(side, dtype=float) for side in zip(*curves[name], strict=True))
        axes = figure.add_subplot(rows, columns, place)
        axes.set_title(name, fontsize=10)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        if name.startswith("val/"):
            axes.plot(steps, values, "o-", color="#c2552d", markersize=3)
        else:
            width = max(1, len(values) // 50)
            axes.plot(steps, values, color="#2d6cc2", alpha=0.2, linewidth=0.7)
            smooth = np.convolve(values, np.ones(width) / width, mode="valid")
            axes.plot(steps[width - 1 :], smooth, color="#2d6cc2")
    figure.supxlabel("step", fontsize=9)
    with atomic_write(folder / "curves.png") as beside:
        figure.savefig(beside, format="png", dpi=110)
