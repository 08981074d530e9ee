"""Training: from a trainer's name and a set to a run folder. Prepares, resumes, and hands over to the loop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..api.dataset import Dataset
from ..api.device import Device
from ..api.errors import I2IError, UsageError, disk_trouble
from ..api.options import build_options
from ..api.trainer import Trainer
from ..data.batches import Batches
from ..data.sources import Source, Targets, Wants, open_source, usable
from ..guards import build_plugin, plain_options
from ..registry import Registry, load_registry
from ..runtime import distributed as processes
from ..runtime.device import choose_device
from ..runtime.progress import note
from ..toolkit.memory import is_out_of_memory
from .loop import Loop
from .runs import Run, create, open_dataset, open_run, versions
from .settings import TrainOptions
from .states import check_state


def train(
    name: str | type[Trainer],
    *,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    registry: Registry | None = None,
    quiet: bool = False,
    dataset_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Run:
    """Train from scratch, or go on with a run.

    Args:
        name: A registered trainer; the path of a file that defines one, ``./mine.py`` or
            ``./mine.py:NAME``; or a class.
        out: The run's folder; it must be empty. None: the next free ``runs/TRAINER-DATASET-NNN``.
        resume: A run's folder, to go on; only ``steps``, ``epochs``, ``device`` and ``data_root`` may be given then.
        quiet: No progress on stderr.
        dataset_options: Options of the dataset, where it declares any.
        options: Fields of ``i2i.training.settings.TrainOptions`` and of the trainer's ``Options``, in one go.

    Returns:
        The run.

    Raises:
        UsageError: a name, option or value is wrong.
        I2IError: the set, the disk or the training itself failed; the text says what to type next.
        Interrupted: the user stopped it; the run can be resumed.
    """
    name, registry = (registry or load_registry()).resolve("trainer", name)
    if resume and dataset_options:
        options["dataset_options"] = dataset_options  # which _reopen refuses
    if resume:
        registry = open_run(resume).restore(registry)
    kind: type[Trainer] = registry.get("trainer", name)
    run = _reopen(resume, name, options) if resume else None
    resolved = run.options if run else resolve(registry, kind, options, dataset_options)
    dataset = open_dataset(registry, resolved)
    settings = build_options(TrainOptions, resolved["run"], "--resume" if run else "the options")
    try:
        device = _device(settings)
        source = usable(_open_split(dataset, settings, "train", kind.wants), settings.skip_bad, device)
        if kind.wants == "pictures":
            source, validation = Targets(source, settings.direction or "AtoB"), None
        else:
            validation = _validation(dataset, settings, source, device)
        device.seed(settings.seed, 0)
        chosen = build_options(kind.Options, resolved["options"], "the options")
        trainer: Trainer = build_plugin(registry, "trainer", kind.name, chosen, device)
        owner = f"Trainer {kind.name!r} of {_giver(registry, 'trainer', kind.name)}"
        if device.first:
            check_state(trainer, owner)
        if run:
            _require_same(run, source)
        run = run or _begin(dataset, resolved, settings, device, source, out)
        run.owner = owner
        if not quiet:
            note(f"{run.folder}: {len(source)} {source.kind} {source.noun} on {device.describe()}", device)
        _loop(run, trainer, source, validation, device, quiet).run_to_end(resumed=resume is not None)
    except (RuntimeError, MemoryError, OSError) as error:
        if trouble := _trouble(error, run):
            raise trouble from None
        raise
    finally:
        processes.leave()
    return run


def _trouble(error: Exception, run: Run | None) -> I2IError | None:
    """What a user can do about an error of the machine; None where it is the program's."""
    if isinstance(error, OSError):
        if run is None:
            return disk_trouble(error, "starting a run")
        return disk_trouble(error, f"training {run.folder}", f"go on with: {run.resume()}")
    if not is_out_of_memory(error):
        return None
    return I2IError(
        "The memory does not suffice for this training: give a smaller --batch, pass it in parts with --accumulate N, "
        "or choose a smaller --size or --width."
    )


def _require_same(run: Run, source: Source) -> None:
    """A run goes on exactly, or not at all: its set must be what it was."""
    before = run.options["data"]["pairs"]
    if len(source) != before:
        raise I2IError(
            f"The set has {len(source)} usable {source.noun} now, but {run.folder} was trained on {before}: "
            "put it back as it was, or start a new run."
        )


def resolve(
    registry: Registry,
    kind: type[Trainer],
    options: Mapping[str, Any],
    dataset_options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What ``options.json`` will hold: the run's settings and the trainer's own, complete and checked."""
    common = {key: value for key, value in options.items() if key in TrainOptions.model_fields}
    if "dataset" not in common:
        raise UsageError(f"Say what to train on: --dataset NAME. There are: {', '.join(registry.names('dataset'))}.")
    dataset = registry.get("dataset", common["dataset"])
    own_options = plain_options(registry, "dataset", dataset.name, dataset_options) if dataset_options else {}
    if common.get("epochs") is not None:
        common.setdefault("steps", None)  # a trainer's own number of steps gives way
    settings = build_options(TrainOptions.suited(kind), common, "the options")
    chosen: dict[str, Any] = {"direction": settings.direction or dataset.direction}
    if kind.wants == "pictures":
        chosen["load_size"] = settings.load_size or settings.size
    if settings.decay is None:  # the paper's 100 + 100 epochs; a few steps lie within its first 100
        chosen["decay"] = 0.0 if settings.steps else 0.5
    if settings.data_root is not None:
        chosen["data_root"] = _absolute(settings.data_root)
    settings = settings.model_copy(update=chosen)
    shared = {key: getattr(settings, key) for key in TrainOptions.model_fields if key in kind.Options.model_fields}
    own = {key: value for key, value in options.items() if key not in TrainOptions.model_fields}
    trainer_options = build_options(kind.Options, {**own, **shared}, "the options")
    return {
        "trainer": kind.name,
        "versions": versions(),
        "run": settings.model_dump(mode="json"),
        "options": trainer_options.model_dump(mode="json"),
        **({"dataset_options": own_options} if own_options else {}),
        "given_by": {
            "trainer": _giver(registry, "trainer", kind.name),
            "dataset": _giver(registry, "dataset", dataset.name),
        },
        **_origins(registry, trainer=kind.name, dataset=dataset.name),
    }


def _origins(registry: Registry, **names: str) -> dict[str, Any]:
    """Where what is not installed came from, by kind, as ``options.json`` keeps it; empty if all is installed."""
    found = {kind: registry.giver(kind, name).origin for kind, name in names.items()}
    found = {kind: origin for kind, origin in found.items() if origin}
    return {"origin": found} if found else {}


def _absolute(path: str | Path) -> str:
    """As ``options.json`` keeps it, so that a run goes on from any folder."""
    return str(Path(path).expanduser().absolute())


def _giver(registry: Registry, kind: str, name: str) -> str:
    plugin = registry.giver(kind, name)
    return f"{plugin.distribution} {plugin.version}"


def _begin(
    dataset: Dataset,
    resolved: dict[str, Any],
    settings: TrainOptions,
    device: Device,
    source: Source,
    out: str | Path | None,
) -> Run:
    """Make the run's folder, now that everything that can be checked before the first step has been."""
    if source.kind == "drawn" and settings.source == "auto":
        note(_drawn_note(dataset), device)
    pairs = min(len(source), settings.overfit or len(source))
    steps = settings.steps or math.ceil((settings.epochs or 200) * pairs / settings.batch)
    resolved["run"] |= {"source": source.kind, "precision": device.precision, "steps": steps, "epochs": None}
    resolved["data"] = {"pairs": len(source), "root": str(source.root) if source.root else None}
    resolved["device"] = {"name": device.describe(), "processes": device.world}
    # Every process needs the folder; the first makes it, the others are told which.
    folder = str(create(out, resolved).folder) if device.first else ""
    return Run(Path(device.share(folder)), resolved)


def _reopen(folder: str | Path, name: str, options: Mapping[str, Any]) -> Run:
    """The run to go on with, its options changed by what may be changed."""
    run = open_run(folder)
    if run.options["trainer"] != name:
        raise UsageError(
            f"{folder} was trained by another trainer: type 'i2i train {run.options['trainer']} --resume {folder}'."
        )
    if extra := sorted(options.keys() - {"steps", "epochs", "device", "data_root"}):
        listed = ", ".join(f"--{key.replace('_', '-')}" for key in extra)
        raise UsageError(
            f"--resume goes on with the run's own options, so {listed} cannot be given; "
            "only --steps, --epochs, --device and --data-root can."
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


def _open_split(dataset: Dataset, settings: TrainOptions, split: str, wants: Wants = "pairs") -> Source:
    """A split of the run's set."""
    root = Path(settings.data_root) if settings.data_root else None
    return open_source(dataset, root, split, settings.source, settings.seed, wants)


def _drawn_note(dataset: Dataset) -> str:
    how = f"i2i datasets fetch {dataset.name}" if dataset.archive else f"i2i datasets show {dataset.name}"
    return f"the real {dataset.name} is not here, so its drawn sample is used (source: drawn); for the real one: {how}"


def _device(settings: TrainOptions) -> Device:
    device = choose_device(
        settings.device, settings.precision, accumulate=settings.accumulate, compiled=settings.compile
    )
    if settings.batch % (device.world * settings.accumulate):
        raise UsageError(
            f"--batch {settings.batch} cannot be shared by {device.world} processes in {settings.accumulate} parts: "
            f"give a multiple of {device.world * settings.accumulate}."
        )
    return device


def _loop(run: Run, trainer: Trainer, source: Source, validation: Source | None, device: Device, quiet: bool) -> Loop:
    """Everything together, ready to run."""
    settings = run.settings
    load_size, flip = settings.jittered()
    batches = Batches(
        source,
        batch=settings.batch,
        size=settings.size,
        load_size=load_size,
        flip=flip,
        direction=settings.direction or "AtoB",
        seed=settings.seed,
        device=device,
        only=settings.overfit,
        cache_mb=settings.cache_mb,
        workers=settings.workers,
    )
    return Loop(run, settings, trainer, batches, validation, device, quiet)


def _validation(dataset: Dataset, settings: TrainOptions, train_source: Source, device: Device) -> Source | None:
    """The pairs to validate on: those learnt by heart, else the split ``val``, where there is one."""
    if settings.overfit:
        return train_source
    if not (dataset.pairs(train_source.root, "val") if train_source.root else dataset.drawn.get("val")):
        note("the set has no split 'val', so nothing is validated and no checkpoint is 'best'", device)
        return None
    like_train = settings.model_copy(update={"source": train_source.kind})
    return usable(_open_split(dataset, like_train, "val"), settings.skip_bad, device)
