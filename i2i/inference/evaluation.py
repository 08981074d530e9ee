"""A trained run measured on the pairs of a split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..api.errors import I2IError, PluginError, UsageError
from ..api.trainer import first_panel
from ..guards import build_plugin, plain_named_options, plain_options, plugin_owner
from ..registry import Registry, load_registry
from ..return_checks import describe_value
from ..runtime.notes import note
from ..toolkit.files import write_json

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.dataset import Dataset
    from ..api.device import Device
    from ..api.metric import Metric
    from ..api.trainer import Trainer
    from ..data.sources import Choice, Source
    from ..data.training_data import TrainingData
    from ..training.checkpoints import Which

Progress = Callable[[int, int], None]


def evaluate(
    run: str | Path,
    *,
    split: str = "val",
    metrics: Sequence[str] | None = None,
    data_root: str | Path | None = None,
    device: str = "auto",
    batch: int = 8,
    checkpoint: Which = "last",
    registry: Registry | None = None,
    settings: Mapping[str, Any] = MappingProxyType({}),
    metric_options: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    dataset_options: Mapping[str, Any] = MappingProxyType({}),
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Measure a run's generator on every pair of a split of the run's dataset, and write ``evaluation_<split>.json``.

    Images are generated and measured in float32 at the run's size, whatever precision it was trained in. Random numbers
    (dropout in the paper's test mode) are seeded by the run, so the result is reproducible.

    Args:
        run: The run's folder.
        metrics: Names of registered metrics; None for those that declare ``default_for`` ``"evaluate"``.
        data_root: Folder of the dataset now; None for that of the training.
        batch: Batch size. 1 is used where the generator normalises by batch statistics, which depend on the batch.
        checkpoint: ``"last"``, ``"best"`` or a step.
        settings: The trainer's own options to change for the test, such as ``{"test": "paper"}``.
        metric_options: By the name of a metric, its options.
        dataset_options: Options of the dataset in place of the run's.
        progress: Called with the images done and their number.

    Returns:
        ``run``, ``step``, ``checkpoint``, ``split``, ``source`` (real or drawn), ``direction``, ``size`` (px),
        ``settings``, ``metric_options`` and ``dataset_options`` where one is given, ``pictures`` (how many),
        ``metrics`` (name -> value), ``per_picture`` (image -> metric -> value, for metrics that have one) and ``file``
        (what was written; None if it could not be).

    Raises:
        I2IError: no such metric, split, setting, device, run, checkpoint or pairs, or images that are not finite.
    """
    from ..runtime.device import choose_device
    from ..training.runs import open_dataset, open_run
    from .prediction import require_image_to_image

    opened = open_run(run)
    registry = opened.restore(registry or load_registry())
    require_image_to_image(registry, opened)
    chosen = _chosen(registry, _default_metrics(registry) if metrics is None else metrics)
    if unused := sorted(metric_options.keys() - chosen.keys()):
        raise UsageError(f"--metric-options is for {unused[0]!r}, which is not among --metrics: {', '.join(chosen)}.")
    place = choose_device(device, "fp32")
    wanted = opened.options["run"]
    learner: type[Trainer] = registry.get("trainer", opened.options["trainer"])
    dataset = open_dataset(registry, opened.options, dataset_options)
    data = _open(learner, dataset, wanted, split, data_root, place)
    source = data.source
    trainer, step = opened.load_trainer(registry, place, settings=settings, checkpoint=checkpoint)
    meters = {name: build_plugin(registry, "metric", name, place, values=metric_options.get(name)) for name in chosen}
    owner = plugin_owner(registry, "trainer", opened.options["trainer"])
    _measure(trainer, owner, data, wanted, place, batch, meters, progress)
    result: dict[str, Any] = {"run": str(opened.folder), "step": step, "checkpoint": checkpoint, "split": split}
    result |= {"source": source.kind, **{key: wanted[key] for key in ("direction", "size")}, "settings": dict(settings)}
    if metric_options:
        result["metric_options"] = plain_named_options(registry, "metric", metric_options)
    if dataset_options:
        merged = {**opened.options.get("dataset_options", {}), **dataset_options}
        result["dataset_options"] = plain_options(registry, "dataset", dataset.name, merged)
    result |= _measurements(source, meters, {name: plugin_owner(registry, "metric", name) for name in meters})
    return {**result, "file": _keep(opened.folder / f"evaluation_{split}.json", result)}


def _default_metrics(registry: Registry) -> list[str]:
    """The metrics that declare themselves a default of evaluations."""
    declared = registry.values("metric", "default_for")
    return [name for name, commands in declared.items() if "evaluate" in (commands or ())]


def _chosen(registry: Registry, names: Sequence[str]) -> dict[str, type[Metric]]:
    """The metrics of these names, each once."""
    if not names:
        raise UsageError(f"--metrics names none; there are: {', '.join(registry.names('metric'))}.")
    return {name: registry.get("metric", name) for name in names}


def _measurements(source: Source, meters: Mapping[str, Metric], owners: Mapping[str, str]) -> dict[str, Any]:
    """What came out, in plain values."""
    values = {name: meter.compute() for name, meter in meters.items()}
    return {"pictures": len(source), "metrics": values, "per_picture": _per_picture(source, meters, owners)}


def _open(
    learner: type[Trainer],
    dataset: Dataset,
    wanted: Mapping[str, Any],
    split: str,
    data_root: str | Path | None,
    device: Device,
) -> TrainingData:
    """Open the split of the run's dataset: what it trained on, or the real samples under another root."""
    from ..data.training_data import open_data, open_pairs

    root = data_root if data_root is not None else wanted["data_root"]
    where = Path(root) if root else None
    choice: Choice = "real" if data_root is not None else wanted["source"]
    if learner.learns_from() == "fields":
        data = open_data(learner, dataset, where, split, choice, wanted["seed"], wanted["direction"])
    else:  # a trainer of unpaired images can be evaluated on pairs only
        data = open_pairs(dataset, where, split, choice, wanted["seed"], wanted["direction"])
    if not len(data):
        raise I2IError(f"The split {split!r} of {wanted['dataset']} holds no samples; choose another with --split.")
    return data.usable(skip_bad=True, device=device) if wanted.get("skip_bad") else data


def _measure(
    trainer: Trainer,
    owner: str,
    data: TrainingData,
    wanted: Mapping[str, Any],
    device: Device,
    batch: int,
    meters: Mapping[str, Metric],
    progress: Progress,
) -> None:
    import torch

    from ..data.batches import fixed_batches
    from .inspection import batch_statistics

    device.seed(wanted["seed"])
    if batch_statistics(trainer, wanted["size"], device):
        batch = 1
    done = 0
    target = _target_key(trainer, data)
    with torch.no_grad():
        for whole in fixed_batches(data.groups, wanted["size"], batch, device, len(data)):
            given = {key: tensor for key, tensor in whole.items() if key != target}
            output = _paint(first_panel(trainer.sample(given)), trainer, device).float()
            if not torch.isfinite(output).all():
                raise I2IError(
                    f"The generator gives values that are not finite on {data.source.name(done)}; "
                    "choose an earlier step with --checkpoint."
                )
            wished = _paint(whole[target], trainer, device)
            if output.shape[-2:] != wished.shape[-2:]:
                raise PluginError(
                    f"The {owner} returned {describe_value(output)} from sample(); expected the height and width of "
                    f"the target, {tuple(wished.shape[-2:])}, which metrics compare it with; tell its author."
                )
            for meter in meters.values():
                meter.update(output, wished)
            done += len(output)
            progress(done, len(data))


def _paint(tensor: Tensor, trainer: Trainer, device: Device) -> Tensor:
    """Paint class numbers ``(N, H, W)`` in the colours of the dataset for metrics; return images as they are."""
    if tensor.is_floating_point() or tensor.ndim != 3:
        return tensor
    import numpy as np

    from ..data.pixels import paint_labels

    return device.put(np.stack([paint_labels(labels, trainer.data.palette) for labels in tensor.cpu().numpy()]))


def _target_key(trainer: Trainer, data: TrainingData) -> str:
    """The entry that outputs are compared with: the second.

    Raises:
        UsageError: There is only one.
    """
    keys = [column.key for group in data.groups for column in group.columns]
    if len(keys) < 2:
        raise UsageError(
            f"The trainer {trainer.name!r} wants one field, so there is nothing to compare its outputs with."
        )
    return keys[1]


def _per_picture(
    source: Source, meters: Mapping[str, Metric], owners: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    columns = {name: values for name, meter in meters.items() if (values := getattr(meter, "per_picture", None))}
    for name, values in columns.items():
        if len(values) != len(source):
            raise PluginError(
                f"The {owners[name]} gave {len(values)} values for {len(source)} images in per_picture(); "
                "tell its author."
            )
    return {
        source.name(index): {name: values[index] for name, values in columns.items()}
        for index in range(len(source))
        if columns
    }


def _keep(path: Path, result: Mapping[str, Any]) -> str | None:
    """Write the result into the run; a folder one may not write to costs the file, not the numbers."""
    try:
        write_json(path, result)
    except OSError as error:
        note(f"{path} could not be written ({error.strerror}); the numbers are only shown")
        return None
    return str(path)
