"""The golden edits: every editor with each of its presets and methods, on ``demo-faces`` at 64 px."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PillowImage
from safetensors import safe_open

import i2i

from .edit_calls import DEFAULTS, EXTRA, IMAGES, OWN, VARIANTS, EditCase
from .recording import Image, Latent, Numbers, Scalars
from .workspace import Workspace

VOLATILE = "seconds"
"""Last part of the names of scalars that differ from run to run."""


def cases(registry: Any) -> dict[str, EditCase]:
    """All cases by name: one for each editor, preset and method that is registered, and ``EXTRA``."""
    found = {}
    for editor, kind in registry.all("editor").items():
        for variant, options in _variants(registry, editor, kind):
            name = f"{editor}-{variant}" if variant else editor
            own = dict(OWN.get(name, {}))
            options = {**options, **own.pop("options", {})}
            found[name] = EditCase(editor, options=options, **own)
    return {name: _completed(registry, case) for name, case in (found | EXTRA).items()}


def _variants(registry: Any, editor: str, kind: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The presets and methods of an editor, each with its option; one empty variant where it has none."""
    presets = [preset.name for preset in registry.all("preset").values() if preset.editor == editor]
    yield from ((name, {"preset": name}) for name in sorted(presets))
    choices: list[str] = []
    if editor in VARIANTS:
        field_ = VARIANTS[editor]
        enum = kind.Options.model_json_schema()["properties"][field_].get("enum")
        choices = enum or list(registry.all("inverter"))
        yield from ((name, {field_: name}) for name in choices)
    if not presets and not choices:
        yield "", {}


def _completed(registry: Any, case: EditCase) -> EditCase:
    """The case with the defaults of its editor, or few steps for an editor that has none here."""
    fields = registry.get("editor", case.editor).Options.model_fields
    few = {"steps": 4} if "steps" in fields else {}
    images = case.images or IMAGES.get(case.editor, ("seed:1",))
    return replace(case, images=images, options={**DEFAULTS.get(case.editor, few), **case.options})


def observe(case: EditCase, workspace: Workspace) -> dict[str, Any]:
    """Run the edit and return its results by name, for ``recording.summarise``."""
    if case.vgg16:
        workspace.place_vgg16()
    out = workspace.new_folder() if case.written else None
    result = i2i.edit(
        case.editor,
        [_filled(image, workspace) for image in case.images],
        generator=_filled(case.generator, workspace),
        device="cpu",
        out=out,
        registry=workspace.registry,
        **{name: _filled(value, workspace) for name, value in case.options.items()},
    )
    found: dict[str, Any] = {}
    for number, each in enumerate((result, *result.others)):
        mark = f"{number + 1}." if number else ""
        found |= {f"{mark}{name}": value for name, value in results_of(each).items()}
    if out is not None:
        found |= result_files(out)
    return found


def _filled(value: Any, workspace: Workspace) -> Any:
    """A value whose word in braces is replaced by a path of the workspace."""
    if not isinstance(value, str) or "{" not in value:
        return value
    before, _, rest = value.partition("{")
    name, _, after = rest.partition("}")
    return f"{before}{getattr(workspace, name)}{after}"


def results_of(result: Any) -> dict[str, Any]:
    """What an edit returns by name, without the results of further images."""
    found: dict[str, Any] = {"image": Image(result.image)}
    scalars = {name: value for name, value in result.scalars.items() if name.split("/")[-1] != VOLATILE}
    if scalars:
        found["scalars"] = Scalars(scalars)
    latent = result.latent
    if latent is not None:
        found["latent"] = Latent(getattr(latent, "w", latent))
        for kind in ("noise", "changes"):
            tensors = getattr(latent, kind, None) or {}
            if tensors:
                found[f"latent.{kind}"] = Numbers(_joined(tensors))
                found[f"latent.{kind}.names"] = sorted(tensors)
    if result.frames:
        found["frames"] = Image(_batch(result.frames))
    if result.table is not None:
        cells = [cell for row in result.table.cells for cell in row if cell is not None]
        found["table"] = Image(_batch(cells))
        found["table.size"] = [[cell is not None for cell in row] for row in result.table.cells]
    for name, plot in result.plots.items():
        points = [[point[1] for point in line] for line in plot.lines.values()]
        found[f"plot.{name}"] = Scalars({f"line {number}": line for number, line in enumerate(points)})
    return found


def _batch(images: Any) -> Any:
    """Images ``(1, 3, H, W)`` as one batch."""
    return torch.cat([image.detach().cpu() for image in images])


def _joined(tensors: Mapping[str, Any]) -> Any:
    """All numbers of some tensors in the order of their names."""
    return torch.cat([tensors[name].detach().cpu().float().flatten() for name in sorted(tensors)])


def result_files(out: Path) -> dict[str, Any]:
    """The names of the files of an output directory, the edited photo, and the results that are stored in it."""
    found: dict[str, Any] = {"files": sorted(path.name for path in out.iterdir())}
    for name in ("result.png", "photo.png", "frames.gif"):
        if (out / name).is_file():
            with PillowImage.open(out / name) as opened:
                found[name] = Image(np.array(opened.convert("RGB")))
    if (out / "latent.safetensors").is_file():
        with safe_open(out / "latent.safetensors", "pt") as stream:
            found["latent.safetensors"] = sorted(stream.keys())
    return found
