"""Training: request -> plan -> run directory -> loop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ..api.dataset import Dataset
from ..api.errors import I2IError, disk_trouble
from ..api.trainer import Trainer
from ..guards import build_plugin, plain_named_options
from ..registry import Registry, load_registry
from ..runtime import distributed as processes
from ..runtime.notes import note
from ..toolkit.memory import is_out_of_memory
from .loop import Loop
from .plan import TrainPlan, make_plan, reopen_run, require_same_data, resolve_options
from .run_process import recorded_process
from .runs import Run, create, open_run, recorded_info
from .states import check_state


def train(
    name: str | type[Trainer],
    *,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    registry: Registry | None = None,
    quiet: bool = False,
    dataset_options: Mapping[str, Any] | None = None,
    callback_options: Mapping[str, Mapping[str, Any]] | None = None,
    **options: Any,
) -> Run:
    """Train from scratch, or resume a run.

    Args:
        name: A registered trainer; the path of a file that defines one, ``./mine.py`` or ``./mine.py:NAME``; or a
            class.
        out: The run directory; it must be empty. None: the next free ``runs/TRAINER-DATASET-NNN``, or
            ``runs/TRAINER-NNN`` without a dataset.
        resume: A run directory to resume; only ``steps``, ``epochs``, ``device``, ``data_root`` and ``callbacks`` may
            be given then.
        quiet: No progress on stderr.
        dataset_options: Options of the dataset, where it declares any.
        callback_options: By the name of a callback, its options; those of a resumed run are replaced by them.
        options: Fields of ``i2i.training.settings.TrainOptions`` and of the trainer's ``Options``, in one go.

    Returns:
        The run.

    Raises:
        UsageError: A name, option or value is wrong.
        I2IError: The dataset, the disk or the training itself failed; the text says what to type next.
        Interrupted: The user stopped it; the run can be resumed.
    """
    name, registry = (registry or load_registry()).resolve("trainer", name)
    if resume and dataset_options:
        options["dataset_options"] = dataset_options  # which reopen_run refuses
    if resume:
        registry = open_run(resume).restore(registry)
    run = reopen_run(resume, name, options) if resume else None
    if run and callback_options:
        run.options["callback_options"] = plain_named_options(registry, "callback", callback_options)
    resolved = run.options if run else resolve_options(registry, name, options, dataset_options, callback_options)
    try:
        plan = make_plan(registry, name, resolved)
        plan.device.seed(plan.settings.seed, 0)
        trainer: Trainer = build_plugin(registry, "trainer", name, plan.options, plan.device, plan.info)
        if plan.device.first:
            check_state(trainer, plan.owner)
        if run:
            require_same_data(run, plan.data)
        run = run or _create_run(plan, out)
        run.owner = plan.owner
        if not quiet:
            note(f"{run.folder}: {_describe_data(plan)} on {plan.device.describe()}", plan.device)
        loop = Loop(run, run.settings, trainer, plan.data, plan.validation, plan.device, quiet, plan.callbacks)
        with recorded_process(run.folder) if plan.device.first else nullcontext():
            loop.run_to_end(resumed=resume is not None)
    except (RuntimeError, MemoryError, OSError) as error:
        if remedy := _explain(error, run):
            raise remedy from None
        raise
    finally:
        processes.leave()
    return run


def _create_run(plan: TrainPlan, out: str | Path | None) -> Run:
    """Create the run directory, after everything that can be checked before the first step."""
    source, settings, resolved = plan.data.source, plan.settings, plan.resolved
    dataset = plan.dataset
    has_real = dataset and (dataset.archive or dataset.counts or dataset.homepage)  # "faces" is synthetic only
    if dataset and source.kind == "drawn" and settings.source == "auto" and has_real:
        note(_synthetic_note(plan, dataset), plan.device)
    samples = min(len(plan.data), settings.overfit or len(plan.data))
    steps = settings.steps or math.ceil((settings.epochs or 200) * samples / settings.batch)
    resolved["run"] |= {"source": source.kind, "precision": plan.device.precision, "steps": steps, "epochs": None}
    resolved["data"] = {"pairs": len(plan.data), "root": str(source.root) if source.root else None}
    if len(plan.data.groups) > 1:
        resolved["data"]["sides"] = plan.data.counts
    if info := recorded_info(plan.info):
        resolved["data"]["info"] = info
    resolved["device"] = {"name": plan.device.describe(), "processes": plan.device.world}
    # Every process needs the folder; the first creates it, the others receive its name.
    folder = str(create(out, resolved).folder) if plan.device.first else ""
    return Run(Path(plan.device.share(folder)), resolved)


def _describe_data(plan: TrainPlan) -> str:
    """Return what a training learns from, for the note at its start."""
    if plan.dataset is None:
        return "samples that the trainer makes"
    counts = " and ".join(map(str, plan.data.counts))
    return f"{counts} {plan.data.source.origin} {plan.data.source.noun}"


def _synthetic_note(plan: TrainPlan, dataset: Dataset) -> str:
    how = f"i2i datasets fetch {dataset.name}" if dataset.archive else f"i2i datasets show {dataset.name}"
    return (
        f"{dataset.name} is not downloaded; training on {len(plan.data)} synthetic {plan.data.source.noun}. "
        f"For the real dataset: {how}"
    )


def _explain(error: Exception, run: Run | None) -> I2IError | None:
    """Return what a user can do about an error of the machine; None for an error of the program."""
    if isinstance(error, OSError):
        if run is None:
            return disk_trouble(error, "starting a run")
        return disk_trouble(error, f"training {run.folder}", f"resume with: {run.resume()}")
    if not is_out_of_memory(error):
        return None
    owner = getattr(error, "i2i_owner", "")
    where = f" in {owner}" if owner else ""
    return I2IError(
        f"The memory does not suffice for this training{where}: give a smaller --batch, pass it in parts "
        "with --accumulate N, or choose a smaller --size or --width."
    )
