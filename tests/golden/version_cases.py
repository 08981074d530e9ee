"""Files of version 0.1 that still work: recipes, latent codes, style directions, and runs of both trainers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PillowImage
from safetensors.torch import load_file

import i2i

from .edit_calls import DIRECT, FEW_STEPS
from .edit_cases import result_files, results_of
from .recording import Image, Latent, Numbers, Scalars, Tolerance
from .training_cases import ADVERSARIAL, log_of
from .workspace import HERE, Workspace, run_command

FILES = HERE / "version_0_1"
"""Written by i2i 0.1.0, and never written again."""


@dataclass(frozen=True)
class VersionCase:
    """One use of the files."""

    run: Callable[[Workspace], dict[str, Any]]
    """Returns results by name."""
    tolerance: Tolerance = DIRECT


def cases(registry: Any) -> dict[str, VersionCase]:
    """All cases by name."""
    return {
        "recipe": VersionCase(_recipe, FEW_STEPS),
        "latent": VersionCase(_latent),
        "directions": VersionCase(_directions),
        "generator": VersionCase(_generator),
        "predict": VersionCase(_predict),
        "resume pix2pix": VersionCase(lambda space: _resume(space, "pix2pix"), ADVERSARIAL),
        "resume stylegan2": VersionCase(lambda space: _resume(space, "stylegan2"), ADVERSARIAL),
    }


def observe(case: VersionCase, workspace: Workspace) -> dict[str, Any]:
    """The results by name, for ``recording.summarise``."""
    return case.run(workspace)


def copied(workspace: Workspace, name: str) -> Path:
    """A copy of a run directory, so that nothing is written beside the committed one."""
    return Path(shutil.copytree(FILES / name, workspace.new_folder()))


def _recipe(workspace: Workspace) -> dict[str, Any]:
    out = workspace.new_folder()
    arguments = ["--image", str(workspace.face), "--out", str(out), "--device", "cpu"]
    run_command("edit", "--recipe", str(FILES / "recipe.json"), *arguments)
    return result_files(out)


def _latent(workspace: Workspace) -> dict[str, Any]:
    images = [str(FILES / "latent.safetensors"), "other=seed:1"]
    return results_of(i2i.edit("mix", images, preset="style", device="cpu", registry=workspace.registry))


def _directions(workspace: Workspace) -> dict[str, Any]:
    result = i2i.edit(
        "text",
        generator=FILES / "stylegan2",
        directions=FILES / "directions.safetensors",
        prompt=("a smiling face",),
        extractors={"text": "demo-text"},
        device="cpu",
        registry=workspace.registry,
    )
    return results_of(result)


def _generator(workspace: Workspace) -> dict[str, Any]:
    generator = i2i.generator(FILES / "stylegan2", device="cpu", registry=workspace.registry)
    with torch.no_grad():
        w = generator.map(torch.linspace(-1, 1, generator.z_dim)[None])
        return {"map": Latent(w), "render": Image(generator.render(w))}


def _predict(workspace: Workspace) -> dict[str, Any]:
    out = workspace.new_folder()
    run_command("predict", str(FILES / "pix2pix"), str(workspace.face), "--out", str(out), "--device", "cpu")
    with PillowImage.open(out / "face.png") as opened:
        return {"face.png": Image(np.array(opened.convert("RGB")))}


def _resume(workspace: Workspace, trainer: str) -> dict[str, Any]:
    run = copied(workspace, trainer)
    i2i.train(trainer, resume=run, steps=6, quiet=True, registry=workspace.registry)
    tensors = load_file(run / "checkpoints" / "step_000006.safetensors")
    joined = torch.cat([tensors[name].float().flatten() for name in sorted(tensors)])
    return {"tensors": Numbers(joined), "names": sorted(tensors), "log": Scalars(log_of(run))}
