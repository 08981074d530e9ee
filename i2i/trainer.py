"""Training: from a trainer's name and a set to a run folder. Prepares, resumes, and hands over to the loop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import processes
from .contracts import Dataset, Trainer
from .devices import Device
from .errors import I2IError, UsageError, disk_trouble
from .loading import Batches
from .logs import note
from .loop import Loop
from .options import build
from .pairs import check_pairs
from .registry import Registry, load_registry
from .runs import Run, create, open_run, versions
from .settings import TrainOptions
from .sources import RealSource, Source, open_source


def train(
    name: str,
    *,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    registry: Registry | None = None,
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Train from scratch, or go on with a run.

    Args:
        name: A registered trainer.
        out: The run's folder; it must be empty. None: the next free ``runs/TRAINER-DATASET-NNN``.
        resume: A run's folder, to go on with its own options; only ``steps``, ``epochs``, ``device``, ``data_root`` may
            be given then.
        quiet: No progress on stderr.
        options: Fields of ``i2i.settings.TrainOptions`` and of the trainer's ``Options``, in one go.

    Returns:
        The run.

    Raises:
        UsageError: a name, option or value is wrong.
        I2IError: the set, the disk or the training itself failed; the text says what to type next.
        Interrupted: the user stopped it; the run can be resumed.
    """
    registry = registry or load_registry()
    kind: type[Trainer] = registry.get("trainer", name)
    run = _reopen(resume, name, options) if resume else prepare(registry, kind, out, options)
    try:
        return _run(registry, kind, run, quiet, resumed=resume is not None)
    except OSError as error:
        raise disk_trouble(error, f"training {run.folder}") from None
    finally:
        processes.leave()


def resolve(registry: Registry, kind: type[Trainer], options: Mapping[str, Any]) -> dict[str, Any]:
    """What ``options.json`` will hold: the run's settings and the trainer's own, complete and checked."""
    common = {key: value for key, value in options.items() if key in TrainOptions.model_fields}
    if "dataset" not in common:
        raise UsageError(f"Say what to train on: --dataset NAME. There are: {', '.join(registry.all('dataset'))}.")
    dataset: Dataset = registry.get("dataset", common["dataset"])()
    settings = build(TrainOptions, common, "the options")
    settings = settings.model_copy(update={"direction": settings.direction or dataset.direction})
    if settings.data_root is not None:
        settings = settings.model_copy(update={"data_root": str(Path(settings.data_root).expanduser().absolute())})
    shared = {key: getattr(settings, key) for key in TrainOptions.model_fields if key in kind.Options.model_fields}
    own = {key: value for key, value in options.items() if key not in TrainOptions.model_fields}
    trainer_options = build(kind.Options, {**own, **shared}, "the options")
    return {
        "trainer": kind.name,
        "versions": versions(),
        "run": settings.model_dump(mode="json"),
        "options": trainer_options.model_dump(mode="json"),
        "given_by": {
            "trainer": _giver(registry, "trainer", kind.name),
            "dataset": _giver(registry, "dataset", dataset.name),
        },
    }


def _giver(registry: Registry, kind: str, name: str) -> str:
    plugin = registry.giver(kind, name)
    return f"{plugin.distribution} {plugin.version}"


def prepare(registry: Registry, kind: type[Trainer], out: str | Path | None, options: Mapping[str, Any]) -> Run:
    """Check everything that can be checked before the first step, then make the run's folder."""
    resolved = resolve(registry, kind, options)
    settings = TrainOptions(**resolved["run"])
    device = _device(settings)
    source = open_split(registry, settings, "train")
    if source.kind == "drawn" and device.first and settings.source == "auto":
        note(_drawn_note(registry, settings))
    pairs = min(len(source), settings.overfit or len(source))
    steps = settings.steps or math.ceil((settings.epochs or 200) * pairs / settings.batch)
    kept = {"source": source.kind, "precision": device.precision, "steps": steps, "epochs": None}
    resolved["run"] = {**resolved["run"], **kept}
    resolved["data"] = {"pairs": len(source), "root": str(source.root) if source.root else None}
    resolved["device"] = {"name": device.describe(), "processes": device.world}
    # Every process needs the folder; the first makes it, the others are told which.
    run = create(out, resolved) if device.first else None
    return Run(Path(device.share(str(run.folder) if run else "")), resolved)


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
    build(TrainOptions, settings, "--resume")
    return run


def open_split(registry: Registry, settings: TrainOptions, split: str) -> Source:
    """A split of the run's set."""
    root = Path(settings.data_root) if settings.data_root else None
    return open_source(registry.get("dataset", settings.dataset)(), root, split, settings.source, settings.seed)


def _drawn_note(registry: Registry, settings: TrainOptions) -> str:
    dataset: Dataset = registry.get("dataset", settings.dataset)()
    how = f"i2i datasets fetch {dataset.name}" if dataset.archive else f"i2i datasets show {dataset.name}"
    return f"the real {dataset.name} is not here, so its drawn sample is used (source: drawn); for the real one: {how}"


def _device(settings: TrainOptions) -> Device:
    device = Device.choose(
        settings.device, settings.precision, accumulate=settings.accumulate, compiled=settings.compile
    )
    if settings.batch % (device.world * settings.accumulate):
        raise UsageError(
            f"--batch {settings.batch} cannot be shared by {device.world} processes in {settings.accumulate} parts: "
            f"give a multiple of {device.world * settings.accumulate}."
        )
    return device


def _run(registry: Registry, kind: type[Trainer], run: Run, quiet: bool, *, resumed: bool) -> Run:
    settings = run.settings
    device = _device(settings)
    train_source = _usable(open_split(registry, settings, "train"), settings, device)
    if resumed and len(train_source) != run.options["data"]["pairs"] and not settings.skip_bad:
        raise I2IError(
            f"The set has {len(train_source)} pairs now, but {run.folder} was trained on "
            f"{run.options['data']['pairs']}: put it back as it was, or start a new run."
        )
    device.seed(settings.seed, 0)
    trainer = kind(run.trainer_options(kind), device)
    load_size, flip = settings.jittered()
    batches = Batches(
        train_source,
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
    if not quiet:
        note(f"{run.folder}: {len(train_source)} {train_source.kind} pairs on {device.describe()}", device)
    loop = Loop(run, settings, trainer, batches, _validation(registry, settings, train_source), device, quiet)
    loop.run_to_end(resumed)
    return run


def _usable(source: Source, settings: TrainOptions, device: Device) -> Source:
    """The source without faulty pictures: they are found now, not in the middle of the night."""
    if not isinstance(source, RealSource):
        return source
    faults = check_pairs(source.pairs)
    if not faults:
        return source
    if not settings.skip_bad:
        raise I2IError(
            f"{len(faults)} of {len(source)} pairs cannot be used, such as {faults[0].path}: {faults[0].reason} "
            f"List them all with 'i2i datasets check {source.root}', or leave them out with --skip-bad."
        )
    bad = {fault.path for fault in faults}
    good = [pair for pair in source.pairs if not bad & set(pair.files)]
    if not good:
        raise I2IError(f"None of the pairs in {source.root} can be used; see 'i2i datasets check {source.root}'.")
    note(f"{len(source) - len(good)} faulty pairs are left out (--skip-bad)", device)
    return RealSource(good, source.root)


def _validation(registry: Registry, settings: TrainOptions, train_source: Source) -> Source | None:
    """The pairs to validate on: those learnt by heart, else the split ``val``, where there is one."""
    if settings.overfit:
        return train_source
    try:
        source = open_split(registry, settings, "val")
    except I2IError:
        note("the set has no split 'val', so nothing is validated and no checkpoint is 'best'")
        return None
    return (
        RealSource([p for p in source.pairs if not check_pairs([p])], source.root)
        if isinstance(source, RealSource)
        else source
    )
