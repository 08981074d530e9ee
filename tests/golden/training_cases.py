"""The golden training runs: tiny networks on synthetic images, a few steps on the CPU."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from safetensors.torch import load_file

import i2i

from .recording import Image, Numbers, Scalars, Tolerance
from .workspace import STYLEGAN2, TRAINING, Workspace

ADVERSARIAL = Tolerance(
    5e-3, 5e-3, 5e-3, "two networks answer to each other, and Adam divides gradients by their size: rounding grows"
)
VOLATILE = {"step", "epoch", "images_per_second"}
"""Fields of a line of ``log.jsonl`` that are no losses or metrics, or differ from run to run."""


@dataclass(frozen=True)
class TrainingCase:
    """One training run."""

    trainer: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """Keywords of ``i2i.train`` besides those of ``TRAINING``."""
    tolerance: Tolerance = ADVERSARIAL


PIX2PIX = {
    "dataset": "faces",
    "steps": 20,
    "levels": 3,
    "width": 4,
    "discriminator_width": 4,
    "patch": 16,
    "checkpoint_every": 10,
    "validate_every": 20,
    "sample_every": 20,
}
CASES = {
    "pix2pix": TrainingCase("pix2pix", PIX2PIX),
    "pix2pix-resnet": TrainingCase(
        "pix2pix",
        {
            "dataset": "night2day",
            "steps": 4,
            "batch": 4,
            "accumulate": 2,
            "generator": "resnet9",
            "width": 2,
            "discriminator_width": 2,
            "patch": 16,
            "norm": "instance",
            "gan": "lsgan",
            "decay": 0.5,
            "ema": 0.9,
            "overfit": 8,
        },
    ),
    "stylegan2": TrainingCase("stylegan2", STYLEGAN2),
}
"""By name. Every registered trainer needs at least one."""


def cases(registry: Any) -> dict[str, TrainingCase]:
    """All cases by name."""
    return CASES


def observe(case: TrainingCase, workspace: Workspace) -> dict[str, Any]:
    """Train, and return the results by name, for ``recording.summarise``."""
    if case == CASES["stylegan2"]:
        return results(Path(workspace.stylegan2.folder))
    run = i2i.train(
        case.trainer, out=workspace.new_folder(), registry=workspace.registry, **{**TRAINING, **case.options}
    )
    return results(Path(run.folder))


def resumed(case: TrainingCase, workspace: Workspace, first: int) -> Path:
    """Train for ``first`` steps, resume the run to its whole length, and return its directory."""
    out, registry = workspace.new_folder(), workspace.registry
    i2i.train(case.trainer, out=out, registry=registry, **{**TRAINING, **case.options, "steps": first})
    i2i.train(case.trainer, resume=out, registry=registry, steps=case.options["steps"], quiet=True)
    return out


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
