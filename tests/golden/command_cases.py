"""The golden commands: what ``i2i`` prints with ``--json``, and the images and weights that it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PillowImage
from safetensors.torch import load_file

from .format_cases import fixed, json_data, json_file
from .recording import Image, Numbers, Tolerance
from .version_cases import FILES
from .workspace import Workspace, run_command

PRINTED = Tolerance(
    2e-3, 5e-4, 2e-3, "no optimisation; images are rounded to 8 bits and landmarks to hundredths of a pixel"
)
PROSE = {"summary", "help", "licence", "next", "homepage", "bytes", "state"}
"""Fields that are wording, or depend on what is downloaded or on the library that writes the file."""
RUN = str(FILES / "pix2pix")
PLANNED = ("--dataset", "facades", "--epochs", "3", "--rate", "0.001")
FINDER = ("--landmarks", "golden-finder", "--device", "cpu")


@dataclass(frozen=True)
class CommandCase:
    """One command."""

    run: Callable[[Workspace], dict[str, Any]]
    """Returns results by name."""
    tolerance: Tolerance = PRINTED


def cases(registry: Any) -> dict[str, CommandCase]:
    """All cases by name."""
    return {
        "sample": CommandCase(lambda space: _sample(space, "--seeds", "0-2", "--truncation", "0.5")),
        "sample sheet": CommandCase(lambda space: _sheet(space, "--seeds", "0-3", "--columns", "2")),
        "sample mix": CommandCase(lambda space: _sheet(space, "--seeds", "0-1", "--mix", "5-6", "--rows", "0-3")),
        "sample interpolation": CommandCase(_interpolation),
        "align": CommandCase(_align),
        "landmarks": CommandCase(lambda space: _printed("landmarks", str(space.group), *FINDER)),
        "convert": CommandCase(lambda space: _weights(space, "convert", _model_file(space))),
        "export": CommandCase(lambda space: _weights(space, "export", RUN, "--format", "safetensors")),
        "evaluate": CommandCase(_evaluate),
        "predict": CommandCase(_predict),
        "graph": CommandCase(lambda space: _printed("graph", "pix2pix", "--size", "32", "--set", "levels=4")),
        "models show": CommandCase(lambda space: _printed("models", "show", "demo-faces")),
        "models list": CommandCase(lambda space: _printed("models", "list")),
        "datasets list": CommandCase(lambda space: _printed("datasets", "list")),
        "runs show": CommandCase(lambda space: _printed("runs", "show", RUN)),
        "runs list": CommandCase(lambda space: _printed("runs", "list", str(FILES))),
        "train dry run": CommandCase(
            lambda space: _data(
                "train", "pix2pix", "--dataset", "facades", "--epochs", "3", "--rate", "0.001", "--dry-run"
            )
        ),
    }


def observe(case: CommandCase, workspace: Workspace) -> dict[str, Any]:
    """The results of the command by name, for ``recording.summarise``."""
    return case.run(workspace)


def _data(*arguments: str) -> dict[str, Any]:
    """The JSON object that a command prints."""
    return json_data("stdout", _without_prose(json.loads(run_command(*arguments))))


def _printed(*arguments: str) -> dict[str, Any]:
    return _data(*arguments, "--json")


def _without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_prose(each) for key, each in value.items() if key not in PROSE}
    return [_without_prose(each) for each in value] if isinstance(value, list) else value


def _image(path: Path) -> Image:
    with PillowImage.open(path) as opened:
        return Image(np.array(opened.convert("RGB")))


def _sample(workspace: Workspace, *arguments: str) -> dict[str, Any]:
    out = workspace.new_folder()
    run_command("sample", "--generator", "demo-faces", *arguments, "--out", str(out), "--device", "cpu")
    return {path.name: _image(path) for path in sorted(out.iterdir())}


def _sheet(workspace: Workspace, *arguments: str) -> dict[str, Any]:
    out = workspace.new_folder().with_suffix(".png")
    run_command("sample", "--generator", "demo-faces", *arguments, "--out", str(out), "--device", "cpu")
    return {"sheet": _image(out)}


def _interpolation(workspace: Workspace) -> dict[str, Any]:
    out = workspace.new_folder().with_suffix(".gif")
    arguments = ["--seeds", "0-1", "--frames", "3", "--out", str(out), "--device", "cpu"]
    run_command("sample", "--generator", "demo-faces", *arguments)
    with PillowImage.open(out) as opened:
        frames = int(getattr(opened, "n_frames", 1))
        size = list(opened.size)
    return {"first frame": _image(out), "frames": frames, "size": size}


def _align(workspace: Workspace) -> dict[str, Any]:
    out = workspace.new_folder()
    run_command("align", str(workspace.group), *FINDER, "--face", "all", "--size", "64", "--out", str(out))
    found: dict[str, Any] = {"files": sorted(path.name for path in out.iterdir())}
    for path in sorted(out.iterdir()):
        if path.suffix == ".json":
            found |= json_data(path.name, json.loads(path.read_text(encoding="utf-8")))
        else:
            found[path.name] = _image(path)
    return found


def _evaluate(workspace: Workspace) -> dict[str, Any]:
    run = workspace.run("pix2pix-folder")
    found = _printed("evaluate", str(run), "--metrics", "l1,psnr,ssim,lpips", "--device", "cpu")
    found |= json_file(run / "evaluation_val.json")
    for name in ("stdout", "evaluation_val.json"):
        del found[name]["run"]  # the name of its directory
    return found


def _predict(workspace: Workspace) -> dict[str, Any]:
    out = workspace.new_folder()
    inputs = (str(workspace.face), str(workspace.pairs / "val"), "--side", "A")
    run_command("predict", str(workspace.run("pix2pix-folder")), *inputs, "--out", str(out), "--device", "cpu")
    return {path.relative_to(out).as_posix(): _image(path) for path in sorted(out.rglob("*.png"))}


def _model_file(workspace: Workspace) -> str:
    return str(workspace.registry.get("model", "demo-faces").path)


def _weights(workspace: Workspace, *arguments: str) -> dict[str, Any]:
    """The tensors of the weight file that a command writes."""
    out = workspace.new_folder().with_suffix(".safetensors")
    printed = json.loads(run_command(*arguments, "--out", str(out), "--json"))
    tensors = load_file(out)
    joined = torch.cat([tensors[name].float().flatten() for name in sorted(tensors)])
    about = fixed({key: value for key, value in printed.items() if key not in PROSE | {"file"}})
    return {"tensors": Numbers(joined), "names": sorted(tensors), "stdout": about}
