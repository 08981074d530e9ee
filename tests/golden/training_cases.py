"""The golden training runs: tiny networks on synthetic images, a few steps on the CPU."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from safetensors.torch import load_file

from .recording import Image, Numbers, Scalars, Tolerance
from .workspace import RUNS, Workspace

ADVERSARIAL = Tolerance(
    5e-3, 5e-3, 5e-3, "two networks answer to each other, and Adam divides gradients by their size: rounding grows"
)
VOLATILE = {"step", "epoch", "images_per_second"}
"""Fields of a line of ``log.jsonl`` that are no losses or metrics, or differ from run to run."""


@dataclass(frozen=True)
class TrainingCase:
    """One of ``workspace.RUNS``."""

    name: str
    tolerance: Tolerance = ADVERSARIAL


def cases(registry: Any) -> dict[str, TrainingCase]:
    """All cases by name."""
    return {name: TrainingCase(name) for name in RUNS}


def observe(case: TrainingCase, workspace: Workspace) -> dict[str, Any]:
    """Train, and return the results by name, for ``recording.summarise``."""
    return results(workspace.run(case.name))


def results(run: Path) -> dict[str, Any]:
    """What a run directory holds: the tensors of the last checkpoint, losses and metrics, and the last sample grids."""
    step = (run / "checkpoints" / "last").read_text(encoding="utf-8").strip()
    tensors = load_file(run / "checkpoints" / f"{step}.safetensors")
    found: dict[str, Any] = {f"tensor.{name}": Numbers(tensor) for name, tensor in sorted(tensors.items())}
    found["log"] = Scalars(log_of(run))
    for path in sorted((run / "samples").glob(f"{step}_*.png")):
        with PillowImage.open(path) as opened:
            found[f"samples.{path.stem.removeprefix(step + '_')}"] = Image(np.array(opened.convert("RGB")))
    return found


def log_of(run: Path) -> dict[str, list[float]]:
    """Losses and metrics of ``log.jsonl`` by name, in the order of the steps."""
    found: dict[str, list[float]] = {}
    for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines():
        for name, value in json.loads(line).items():
            if name not in VOLATILE:
                found.setdefault(name, []).append(float(value))
    return found
