"""The golden files: what ``recipe.json``, ``options.json`` and their companions hold, field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage
from safetensors import safe_open

import i2i

from .edit_calls import FEW_STEPS
from .recording import Scalars, Tolerance
from .workspace import Workspace

VOLATILE = {"seconds", "images_per_second", "peak_memory_mb", "version"}
"""Fields whose values differ from run to run or from release to release."""
HASHED = {"sha256", "versions"}
"""Fields that map names to such values; their names are compared."""

DIRECTION = {"preset": "interfacegan", "attribute": "first", "frames": 0}


@dataclass(frozen=True)
class FormatCase:
    """The files of one command."""

    run: Callable[[Workspace], dict[str, Any]]
    """Returns results by name."""
    tolerance: Tolerance = FEW_STEPS


def cases(registry: Any) -> dict[str, FormatCase]:
    """All cases by name."""
    return {
        "edit of a photo": FormatCase(
            lambda space: _edit(space, "drag", [str(space.face)], preset="smile", steps=2, frames=0, invert="encoder")
        ),
        "edit of two seeds": FormatCase(
            lambda space: _edit(space, "mix", ["seed:1", "seed:2"], labels=str(space.labels), **DIRECTION)
        ),
        "run of pix2pix": FormatCase(lambda space: run_files(space.run("pix2pix-folder"))),
        "run of stylegan2": FormatCase(lambda space: run_files(space.run("stylegan2"))),
    }


def observe(case: FormatCase, workspace: Workspace) -> dict[str, Any]:
    """The contents of the files by name, for ``recording.summarise``."""
    return case.run(workspace)


def _edit(workspace: Workspace, editor: str, images: list[str], **options: Any) -> dict[str, Any]:
    out = workspace.new_folder()
    i2i.edit(editor, images, device="cpu", out=out, registry=workspace.registry, **options)
    found = json_file(out / "recipe.json")
    for path in sorted(out.glob("*.safetensors")):
        with safe_open(path, "pt") as stream:
            found[f"{path.name} names"] = sorted(stream.keys())
            found[f"{path.name} metadata"] = {key: fixed(json.loads(text)) for key, text in stream.metadata().items()}
    with PillowImage.open(out / "result.png") as opened:
        text = dict(opened.info)
    found["result.png text"] = sorted(text)
    found["result.png recipe"] = sorted(json.loads(text["i2i"]))
    return found


def run_files(run: Path) -> dict[str, Any]:
    """The JSON files of a run directory, the fields of its log, and the names of its files."""
    found = json_file(run / "options.json") | json_file(run / "summary.json")
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    found["log.jsonl fields"] = sorted({" ".join(json.loads(line)) for line in lines})
    paths = (path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file())
    paths = (path for path in paths if not path.startswith("evaluation"))  # of another case
    found["files"] = sorted(re.sub(r"^tb/events.*", "tb/events", path) for path in paths)
    return found


def json_file(path: Path) -> dict[str, Any]:
    """The content of a JSON file without what changes from run to run, and its measured numbers apart."""
    return json_data(path.name, json.loads(path.read_text(encoding="utf-8")))


def json_data(name: str, data: Any) -> dict[str, Any]:
    """JSON data as results: the floats by the keys that lead to them as ``Scalars``, everything else exactly."""
    numbers: dict[str, float] = {}
    found = {name: fixed(data, numbers)}
    return found | ({f"{name} numbers": Scalars(numbers)} if numbers else {})


def fixed(value: Any, numbers: dict[str, float] | None = None, path: str = "") -> Any:
    """JSON data in which volatile values are ``*``, files are names without folders, and floats are taken out.

    Args:
        numbers: Takes the floats by their paths; each is replaced by ``float``. None leaves them where they are.
        path: The keys that lead to the value, joined by dots.
    """
    key = path.rpartition(".")[2]
    if key in VOLATILE:
        return "*"
    if isinstance(value, Mapping):
        hashed, before = key in HASHED, f"{path}." if path else ""
        return {name: "*" if hashed else fixed(each, numbers, f"{before}{name}") for name, each in value.items()}
    if isinstance(value, list):
        return [fixed(each, numbers, f"{path}[{number}]") for number, each in enumerate(value)]
    if isinstance(value, float) and numbers is not None:
        numbers[path] = value
        return "float"
    if isinstance(value, str):
        bare = re.sub(r"\bi2i \d[\w.]*", "i2i *", value)
        return Path(bare).name if bare.startswith("/") else bare
    return value
