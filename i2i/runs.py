"""Run folders: everything one training did, and from which it goes on."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .errors import I2IError, UsageError
from .files import replacing, write_json
from .options import Options, build
from .settings import TrainOptions
from .weights import read_state

if TYPE_CHECKING:
    from torch import Tensor

    from .contracts import Trainer
    from .devices import Device
    from .registry import Registry

AVERAGE = "average"
"""Prefix of the averaged generator's tensors in a checkpoint."""
Which = Literal["last", "best"] | int


@dataclass
class Run:
    """One run folder. ``options`` is the content of ``options.json``: trainer, run, options, versions, data."""

    folder: Path
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def settings(self) -> TrainOptions:
        """The settings common to all trainers."""
        return build(TrainOptions, self.options["run"], str(self.folder / "options.json"))

    def trainer_options(self, trainer: type[Trainer], settings: Mapping[str, Any] | None = None) -> Options:
        """The trainer's own options, with ``settings`` in place of what the run was trained with."""
        where = "--set" if settings else str(self.folder / "options.json")
        return build(trainer.Options, {**self.options["options"], **(settings or {})}, where)

    def write_options(self) -> None:
        """Keep ``options`` on disk."""
        write_json(self.folder / "options.json", self.options)

    def summary(self) -> dict[str, Any]:
        """The content of ``summary.json``; status ``unfinished`` while there is none."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {"status": "unfinished", "steps": self.last_step() or 0}
        return found

    # Checkpoints.

    def checkpoint(self, step: int) -> Path:
        """The weight file of a step; the state lies beside it as ``.state``."""
        return self.folder / "checkpoints" / f"step_{step:06d}.safetensors"

    def steps(self) -> list[int]:
        """The steps that have a whole checkpoint, ascending."""
        found = (
            re.fullmatch(r"step_(\d+)\.safetensors", path.name) for path in self.checkpoint(0).parent.glob("step_*")
        )
        steps = sorted(int(match.group(1)) for match in found if match)
        return [step for step in steps if self.checkpoint(step).with_suffix(".state").is_file()]

    def pointer(self, which: Literal["last", "best"]) -> int | None:
        """The step that ``last`` or ``best`` names, if its checkpoint is there."""
        try:
            text = (self.folder / "checkpoints" / which).read_text(encoding="utf-8")
            step = int(text.strip().removeprefix("step_"))
        except (OSError, ValueError):
            return None
        return step if step in self.steps() else None

    def last_step(self) -> int | None:
        """The newest whole checkpoint."""
        return self.pointer("last") or max(self.steps(), default=None)

    def find(self, which: Which) -> int:
        """The step of a checkpoint.

        Raises:
            I2IError: there is none, or not this one; lists those there are.
        """
        step = (
            self.last_step()
            if which == "last"
            else self.pointer("best") or self.last_step()
            if which == "best"
            else which
        )
        if step is None:
            raise I2IError(
                f"{self.folder} holds no checkpoint yet; train it on with 'i2i train --resume {self.folder}'."
            )
        if step not in self.steps():
            raise UsageError(
                f"{self.folder} has no checkpoint of step {step}; there are: {', '.join(map(str, self.steps()))}."
            )
        return step

    def save(self, step: int, tensors: dict[str, Tensor], state: dict[str, Any], best: int | None, keep: int) -> None:
        """Write a checkpoint beside and rename; then point ``last`` at it and let the oldest go."""
        import torch
        from safetensors.torch import save_file

        path = self.checkpoint(step)
        path.parent.mkdir(exist_ok=True)
        with replacing(path.with_suffix(".state")) as beside:
            torch.save(state, beside)
        with replacing(path) as beside:
            about = {"step": str(step), "trainer": self.options["trainer"], "format": "i2i"}
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, beside, metadata=about)
        self._point("last", step)
        if best is not None:
            self._point("best", best)
        for old in self.steps()[:-keep]:
            if old not in (best, step):
                self.checkpoint(old).unlink(missing_ok=True)
                self.checkpoint(old).with_suffix(".state").unlink(missing_ok=True)

    def _point(self, which: str, step: int) -> None:
        with replacing(self.folder / "checkpoints" / which) as beside:
            beside.write_text(f"step_{step:06d}\n", encoding="utf-8")

    def read_tensors(self, step: int) -> dict[str, Tensor]:
        """The networks' tensors in a checkpoint; ``load_networks`` and ``load_average`` take them.

        Raises:
            I2IError: the file is damaged.
        """
        return read_state(self.checkpoint(step))

    def read_state(self, step: int) -> dict[str, Any]:
        """What else training needs to go on from a checkpoint.

        Raises:
            I2IError: the file is damaged.
        """
        import torch

        path = self.checkpoint(step).with_suffix(".state")
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises a dozen kinds for a damaged file
            reason = " ".join(str(error).split())[:120]
            raise I2IError(f"{path} is damaged ({reason}); delete it to go on from an older checkpoint.") from None
        return state

    def load_trainer(
        self,
        registry: Registry,
        device: Device,
        *,
        settings: Mapping[str, Any] | None = None,
        checkpoint: Which = "last",
    ) -> tuple[Trainer, int]:
        """The trainer with a checkpoint's weights, averaged where the run averages, and the step."""
        step = self.find(checkpoint)
        kind = registry.get("trainer", self.options["trainer"])
        device.seed(self.settings.seed, 0)
        trainer: Trainer = kind(self.trainer_options(kind, settings), device)
        tensors = self.read_tensors(step)
        load_networks(trainer, tensors, self.checkpoint(step))
        load_average(trainer, tensors)
        return trainer, step


def network_tensors(trainer: Trainer) -> dict[str, Tensor]:
    """Every network's tensors as ``generator.down.0.0.weight``."""
    return {f"{name}.{key}": value for name, net in trainer.networks.items() for key, value in net.state_dict().items()}


def load_networks(trainer: Trainer, tensors: dict[str, Tensor], path: Path) -> None:
    """Fill every network of a trainer from a checkpoint.

    Raises:
        I2IError: the checkpoint does not fit the networks, as when the plugin has changed since.
    """
    for name, network in trainer.networks.items():
        own = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
        try:
            network.load_state_dict(own)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:160]
            raise I2IError(
                f"{path} does not fit the network {name!r} ({reason}); was it trained with another version?"
            ) from None


def load_average(trainer: Trainer, tensors: dict[str, Tensor]) -> None:
    """Put the averaged weights, where a checkpoint has them, into the first network."""
    averaged = {
        key.removeprefix(f"{AVERAGE}."): value for key, value in tensors.items() if key.startswith(f"{AVERAGE}.")
    }
    if averaged:
        next(iter(trainer.networks.values())).load_state_dict(averaged, strict=False)


def create(folder: str | Path | None, options: dict[str, Any]) -> Run:
    """Make a run folder; the default is the next free ``runs/TRAINER-DATASET-NNN``.

    Raises:
        UsageError: the folder holds something already.
    """
    if folder is None:
        stem = f"{options['trainer']}-{options['run']['dataset']}"
        taken = [int(path.name[-3:]) for path in Path("runs").glob(f"{stem}-[0-9][0-9][0-9]")]
        path = Path("runs") / f"{stem}-{max(taken, default=0) + 1:03d}"
    else:
        path = Path(folder)
        if (path / "options.json").is_file():
            raise UsageError(f"--out {path} holds a run already: go on with --resume {path}, or name another folder.")
        if path.is_file() or (path.is_dir() and any(path.iterdir())):
            raise UsageError(f"--out {path} is not an empty folder, and nothing is overwritten: name another one.")
    path.mkdir(parents=True, exist_ok=True)
    run = Run(path, options)
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
        options["trainer"], options["run"], options["options"]
    except (OSError, ValueError, KeyError, TypeError):
        near = [str(other.folder) for other in list_runs(folder.parent)][-3:]
        hint = f"; there are: {', '.join(near)}" if near else "; see 'i2i runs list'"
        raise UsageError(f"{folder} is not the folder of a run{hint}.") from None
    return Run(folder, options)


def list_runs(root: str | Path = "runs") -> list[Run]:
    """The runs directly under a folder, by name."""
    found = []
    for path in sorted(Path(root).glob("*/options.json")):
        try:
            options = json.loads(path.read_text(encoding="utf-8"))
            found += [Run(path.parent, options)] if {"trainer", "run", "options"} <= options.keys() else []
        except (OSError, ValueError, AttributeError):
            continue
    return found


def versions() -> dict[str, str]:
    """What a run depends on, by version."""
    names = ("i2i", "torch", "torchvision", "albumentations", "numpy", "safetensors")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}
