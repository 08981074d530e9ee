"""The plan of a training: everything that a request names, looked up and checked once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..api.dataset import Dataset, Direction
from ..api.device import Device
from ..api.errors import I2IError, UsageError
from ..api.options import DATA_OPTIONS, Options, build_options, option_flag
from ..api.trainer import DataInfo, Trainer
from ..callbacks import Callbacks, choose_callbacks
from ..data.training_data import TrainingData, describe_data, has_split, open_data, seed_data
from ..guards import plain_named_options, plain_options, plugin_options, plugin_owner
from ..registry import Registry
from ..runtime.device import choose_device
from ..runtime.notes import note
from .runs import Run, open_dataset, open_run, versions
from .settings import TrainOptions, suited_options


@dataclass
class TrainPlan:
    """What a training needs, before its run directory is created."""

    trainer: type[Trainer]
    owner: str
    """What messages call the trainer: ``"trainer 'warm' of i2i-warm 0.1.0"``."""
    options: Options
    """The trainer's own options."""
    settings: TrainOptions
    """The settings that all trainers share."""
    resolved: dict[str, Any]
    """The content of ``options.json``, as far as it is known yet."""
    dataset: Dataset | None
    """None where the trainer makes its samples itself."""
    data: TrainingData
    validation: TrainingData | None
    info: DataInfo
    device: Device
    callbacks: Callbacks


def make_plan(registry: Registry, name: str, resolved: dict[str, Any]) -> TrainPlan:
    """Look up and open everything that resolved options name.

    Args:
        name: A registered trainer.
        resolved: What ``resolve_options`` returned, or the options of a run to resume.

    Raises:
        UsageError: A name, option or value is wrong.
        I2IError: The dataset cannot be read.
    """
    kind: type[Trainer] = registry.get("trainer", name)
    settings = build_options(TrainOptions, resolved["run"], "the options")
    dataset = None if settings.dataset is None else open_dataset(registry, resolved)
    callbacks = choose_callbacks(registry, settings.callbacks, resolved.get("callback_options"))
    device = _choose_device(settings)
    owner = plugin_owner(registry, "trainer", name)
    data = _open_split(kind, dataset, settings, "train", settings.source).usable(settings.skip_bad, device)
    return TrainPlan(
        trainer=kind,
        owner=owner,
        options=plugin_options(kind.Options, resolved["options"], "the options", owner),
        settings=settings,
        resolved=resolved,
        dataset=dataset,
        data=data,
        validation=_validation(kind, dataset, settings, data, device),
        info=describe_data(data, dataset, _direction(settings), settings.size),
        device=device,
        callbacks=callbacks,
    )


def resolve_options(
    registry: Registry,
    name: str,
    options: Mapping[str, Any],
    dataset_options: Mapping[str, Any] | None = None,
    callback_options: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return what ``options.json`` will hold: the run's settings and the trainer's own, complete and checked.

    Args:
        name: A registered trainer.
        options: Fields of ``TrainOptions`` and of the trainer's ``Options``.
        dataset_options: Options of the dataset, where it declares any.
        callback_options: By the name of a callback, its options.

    Raises:
        UsageError: A name, option or value is wrong.
    """
    kind: type[Trainer] = registry.get("trainer", name)
    common = {key: value for key, value in options.items() if key in TrainOptions.model_fields}
    dataset = _dataset_class(registry, kind, common, dataset_options)
    own_options = {}
    if dataset and dataset_options:
        own_options = plain_options(registry, "dataset", dataset.name, dataset_options)
    if common.get("epochs") is not None:
        common.setdefault("steps", None)  # a trainer's own number of steps gives way
    settings = build_options(suited_options(registry, name), common, "the options")
    chosen: dict[str, Any] = {}
    if dataset is None:
        chosen |= {"load_size": settings.size, "flip": False}  # no image is cropped or mirrored
    else:
        chosen["direction"] = settings.direction or dataset.direction
    if kind.learns_from() == "images":
        chosen["load_size"] = settings.load_size or settings.size
    if settings.decay is None:  # the paper's 100 + 100 epochs; a few steps lie within its first 100
        chosen["decay"] = 0.0 if settings.steps else 0.5
    if settings.data_root is not None:
        chosen["data_root"] = _absolute(settings.data_root)
    settings = settings.model_copy(update=chosen)
    shared = {key: getattr(settings, key) for key in TrainOptions.model_fields if key in kind.Options.model_fields}
    own = {key: value for key, value in options.items() if key not in TrainOptions.model_fields}
    owner = plugin_owner(registry, "trainer", kind.name)
    trainer_options = plugin_options(kind.Options, {**own, **shared}, "the options", owner)
    run = settings.model_dump(mode="json")
    if run["callbacks"] is None:
        del run["callbacks"]
    return {
        "trainer": kind.name,
        "versions": versions(),
        "run": run,
        "options": trainer_options.model_dump(mode="json"),
        **({"dataset_options": own_options} if own_options else {}),
        **_callback_options(registry, callback_options),
        "given_by": {
            "trainer": registry.provider("trainer", kind.name).release,
            **({"dataset": registry.provider("dataset", dataset.name).release} if dataset else {}),
        },
        **_origins(registry, trainer=kind.name, **({"dataset": dataset.name} if dataset else {})),
    }


def _dataset_class(
    registry: Registry, kind: type[Trainer], common: Mapping[str, Any], dataset_options: Mapping[str, Any] | None
) -> type[Dataset] | None:
    """Look up the dataset of a request; None for a trainer that makes its samples itself.

    Raises:
        UsageError: there is no such dataset, or the trainer needs one and none is named, or the other way round.
    """
    if kind.learns_from() == "seeds":
        given = sorted(common.keys() & DATA_OPTIONS) + (["dataset_options"] if dataset_options else [])
        if given:
            raise UsageError(f"The trainer {kind.name!r} makes its samples itself: leave {option_flag(given[0])} out.")
        return None
    if common.get("dataset") is None:
        raise UsageError(f"Say what to train on: --dataset NAME. There are: {', '.join(registry.names('dataset'))}.")
    dataset: type[Dataset] = registry.get("dataset", common["dataset"])
    return dataset


def _callback_options(registry: Registry, options: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Any]:
    """What ``options.json`` keeps of the options of callbacks; empty if none are given."""
    return {"callback_options": plain_named_options(registry, "callback", options)} if options else {}


def _origins(registry: Registry, **names: str) -> dict[str, Any]:
    """Where what is not installed came from, by kind, as ``options.json`` keeps it; empty if all is installed."""
    found = {kind: registry.provider(kind, name).origin for kind, name in names.items()}
    found = {kind: origin for kind, origin in found.items() if origin}
    return {"origin": found} if found else {}


def reopen_run(folder: str | Path, name: str, options: Mapping[str, Any]) -> Run:
    """Open a run to resume, its options changed by what may be changed.

    Raises:
        UsageError: It is no run of this trainer, or an option may not be changed.
    """
    run = open_run(folder)
    if run.options["trainer"] != name:
        raise UsageError(
            f"{folder} was trained by another trainer: type 'i2i train {run.options['trainer']} --resume {folder}'."
        )
    allowed = ("steps", "epochs", "device", "data_root", "callbacks")
    if extra := sorted(options.keys() - set(allowed)):
        listed = ", ".join(f"--{key.replace('_', '-')}" for key in extra)
        raise UsageError(
            f"--resume uses the run's own options, so {listed} cannot be given; "
            "only --steps, --epochs, --device, --data-root and --callbacks can."
        )
    settings = run.options["run"]
    pairs = min(run.options["data"]["pairs"], settings["overfit"] or math.inf)
    if options.get("epochs") is not None:
        settings["steps"] = math.ceil(options["epochs"] * pairs / settings["batch"])
    settings.update({key: value for key, value in options.items() if key != "epochs" and value is not None})
    if options.get("data_root") is not None:
        settings["data_root"] = _absolute(options["data_root"])
    build_options(TrainOptions, settings, "--resume")
    return run


def require_same_data(run: Run, data: TrainingData) -> None:
    """Refuse to resume a run whose dataset has changed, since it could not continue exactly.

    Raises:
        I2IError: The dataset has another number of samples.
    """
    before = run.options["data"].get("sides") or [run.options["data"]["pairs"]]
    if data.counts != before:
        now, then = (" and ".join(map(str, counts)) for counts in (data.counts, before))
        raise I2IError(
            f"The dataset has {now} usable {data.source.noun} now, but {run.folder} was trained on {then}: "
            "restore it, or start a new run."
        )


def _absolute(path: str | Path) -> str:
    """The form kept in ``options.json``, so that a run can be resumed from any folder."""
    return str(Path(path).expanduser().absolute())


def _direction(settings: TrainOptions) -> Direction:
    return settings.direction or "AtoB"


def _choose_device(settings: TrainOptions) -> Device:
    device = choose_device(
        settings.device, settings.precision, accumulate=settings.accumulate, compiled=settings.compile
    )
    if settings.batch % (device.world * settings.accumulate):
        raise UsageError(
            f"--batch {settings.batch} cannot be divided among {device.world} processes in "
            f"{settings.accumulate} parts: give a multiple of {device.world * settings.accumulate}."
        )
    return device


def _open_split(
    kind: type[Trainer], dataset: Dataset | None, settings: TrainOptions, split: str, source: Any
) -> TrainingData:
    if dataset is None:
        return seed_data(split)
    root = Path(settings.data_root) if settings.data_root else None
    return open_data(kind, dataset, root, split, source, settings.seed, _direction(settings))


def _validation(
    kind: type[Trainer], dataset: Dataset | None, settings: TrainOptions, data: TrainingData, device: Device
) -> TrainingData | None:
    """Open what to validate on: the data itself with ``--overfit``, else the split ``val``, if there is one."""
    if kind.learns_from() != "pairs" and kind.validate is Trainer.validate:
        return None
    if settings.overfit:
        return data
    if dataset is not None and not has_split(kind, dataset, data, "val"):
        note("the dataset has no split 'val', so nothing is validated and no checkpoint is 'best'", device)
        return None
    return _open_split(kind, dataset, settings, "val", data.source.kind).usable(settings.skip_bad, device)
