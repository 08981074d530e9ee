"""Run directories: the records and checkpoints of one training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.errors import UsageError
from ..api.field import Field
from ..api.options import Options, build_options
from ..api.trainer import DataInfo
from ..guards import build_plugin
from ..runtime.notes import note
from ..runtime.versions import installed_versions
from ..toolkit.directories import numbered_directory
from ..toolkit.files import write_json
from .checkpoints import Checkpoints, Which, load_averages, load_networks, sole_network
from .settings import TrainOptions

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.dataset import Dataset
    from ..api.device import Device
    from ..api.trainer import Trainer
    from ..registry import Registry


@dataclass
class Run(Checkpoints):
    """One run folder. ``options`` is the content of ``options.json``: trainer, run, options, versions, data."""

    @property
    def settings(self) -> TrainOptions:
        """The settings common to all trainers."""
        return build_options(TrainOptions, self.options["run"], str(self.folder / "options.json"))

    def trainer_options(self, trainer: type[Trainer], settings: Mapping[str, Any] | None = None) -> Options:
        """Return the trainer's own options, with ``settings`` in place of what the run was trained with."""
        where = "--set" if settings else str(self.folder / "options.json")
        return build_options(trainer.Options, {**self.options["options"], **(settings or {})}, where)

    def data_info(self) -> DataInfo:
        """Return the facts about the data that the trainer got."""
        about = self.options["data"].get("info", {})
        return DataInfo(
            fields=tuple(Field(**field) for field in about["fields"]) if "fields" in about else DataInfo.fields,
            classes=tuple(about.get("classes", ())),
            palette=tuple((int(red), int(green), int(blue)) for red, green, blue in about.get("palette", ())),
            direction=self.options["run"].get("direction") or "AtoB",
            size=self.options["run"]["size"],
        )

    def write_options(self) -> None:
        """Keep ``options`` on disk."""
        write_json(self.folder / "options.json", self.options)

    def begin(self) -> None:
        """Prepare to train or resume: remove the summary of an earlier end."""
        self.write_options()
        (self.folder / "summary.json").unlink(missing_ok=True)
        self.forget_parts()

    def summary(self) -> dict[str, Any]:
        """Return the content of ``summary.json``; status ``unfinished`` while there is none."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {"status": "unfinished", "steps": self.last_step() or 0}
        return found

    def restore(self, registry: Registry) -> Registry:
        """Return a registry with the trainer and dataset of this run, also those that were given as files.

        A file that has changed since is used, with a warning on stderr.

        Raises:
            UsageError: such a file is missing; says what to do.
        """
        names = {"trainer": self.options["trainer"], "dataset": self.options["run"].get("dataset")}
        for kind, origin in self.options.get("origin", {}).items():
            before = registry
            registry, warning = before.restored(kind, str(names[kind]), origin, str(self.folder))
            if warning and registry is not before:  # reported once, when the file is loaded
                note(f"warning: {warning}")
        return registry

    def sole_network(self, checkpoint: Which = "last") -> dict[str, Tensor]:
        """Return the tensors of the network in a checkpoint, averaged where the run averages; its trainer is not built.

        Raises:
            I2IError: there is no such checkpoint, it cannot be read, or it holds several networks.
        """
        step = self.find(checkpoint)
        return sole_network(self.read_tensors(step), self.checkpoint(step))

    def load_trainer(
        self,
        registry: Registry,
        device: Device,
        *,
        settings: Mapping[str, Any] | None = None,
        checkpoint: Which = "last",
    ) -> tuple[Trainer, int]:
        """Return the trainer with a checkpoint's weights, averaged where the run averages, and the step."""
        step = self.find(checkpoint)
        registry = self.restore(registry)
        kind = registry.get("trainer", self.options["trainer"])
        device.seed(self.settings.seed, 0)
        chosen = self.trainer_options(kind, settings)
        trainer: Trainer = build_plugin(registry, "trainer", kind.name, chosen, device, self.data_info())
        tensors = self.read_tensors(step)
        load_networks(trainer, tensors, self.checkpoint(step))
        load_averages(trainer, tensors)
        return trainer, step


def open_dataset(registry: Registry, options: Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> Dataset:
    """Construct the dataset of a run with the options it was given.

    Args:
        options: The content of the run's ``options.json``.
        changes: Options of the dataset in place of the run's.

    Raises:
        UsageError: there is no such dataset, or an option is unknown or has a wrong value.
    """
    values = {**options.get("dataset_options", {}), **(changes or {})}
    dataset: Dataset = build_plugin(registry, "dataset", options["run"]["dataset"], values=values)
    return dataset


def recorded_info(info: DataInfo) -> dict[str, Any]:
    """Return what ``options.json`` holds of a trainer's data besides direction and size; empty of pairs of RGB images.

    ``Run.data_info`` reads it.
    """
    about: dict[str, Any] = {}
    if info.fields != DataInfo.fields:
        about["fields"] = [asdict(field) for field in info.fields]
    about |= {"classes": list(info.classes)} if info.classes else {}
    return about | ({"palette": [list(colour) for colour in info.palette]} if info.palette else {})


def create(folder: str | Path | None, options: dict[str, Any]) -> Run:
    """Create a run directory and write its ``options.json``.

    Args:
        folder: An empty or new directory; None for the next free ``runs/TRAINER-DATASET-NNN``, or
            ``runs/TRAINER-NNN`` without a dataset.
        options: The content of ``options.json``.

    Raises:
        UsageError: ``folder`` is not empty.
        OSError: it cannot be written.
    """
    if folder is None:
        names = filter(None, (options["trainer"], options["run"]["dataset"]))
        with numbered_directory(Path("runs"), "-".join(names)) as path:
            return _write_new(path, options)
    path = Path(folder)
    if (path / "options.json").is_file():
        raise UsageError(f"--out {path} holds a run already: resume it with --resume {path}, or name another folder.")
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise UsageError(f"--out {path} is not an empty folder, and nothing is overwritten: name another one.")
    path.mkdir(parents=True, exist_ok=True)
    return _write_new(path, options)


def _write_new(folder: Path, options: dict[str, Any]) -> Run:
    run = Run(folder, options)
    run.write_options()
    return run


def open_run(path: str | Path) -> Run:
    """Open a run folder.

    Raises:
        UsageError: it is none.
    """
    folder = Path(path)
    try:
        options = json.loads((folder / "options.json").read_text(encoding="utf-8"))
        options["trainer"], options["options"], options["data"]["pairs"]
        options["run"] = build_options(TrainOptions, options["run"], str(folder / "options.json")).model_dump(
            mode="json"
        )
    except (OSError, ValueError, KeyError, TypeError):
        near = [str(other.folder) for other in list_runs(folder.parent)][-3:]
        hint = f"; there are: {', '.join(near)}" if near else "; see 'i2i runs list'"
        raise UsageError(f"{folder} is not the folder of a run{hint}.") from None
    return Run(folder, options)


def list_runs(root: str | Path = "runs") -> list[Run]:
    """Return the runs directly under a folder, by name."""
    found = []
    for path in sorted(Path(root).glob("*/options.json")):
        try:
            options = json.loads(path.read_text(encoding="utf-8"))
            found += [Run(path.parent, options)] if {"trainer", "run", "options"} <= options.keys() else []
        except (OSError, ValueError, AttributeError):
            continue
    return found


def versions() -> dict[str, str]:
    """Return the versions of i2i, Python and those libraries of a training that are installed."""
    return installed_versions(("torch", "torchvision", "albumentations", "numpy", "safetensors"))
