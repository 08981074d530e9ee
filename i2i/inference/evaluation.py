"""A trained run measured on the pairs of a split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..api.errors import I2IError, UsageError
from ..guards import build_plugin, plain_named_options
from ..registry import Registry, load_registry
from ..runtime.progress import note
from ..toolkit.files import write_json

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.dataset import Dataset
    from ..api.device import Device
    from ..api.metric import Metric
    from ..api.trainer import Trainer
    from ..data.sources import Choice, Source
    from ..training.checkpoints import Which

METRICS = ("l1", "psnr", "ssim", "lpips")
Progress = Callable[[int, int], None]


def evaluate(
    run: str | Path,
    *,
    split: str = "val",
    metrics: Sequence[str] = METRICS,
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
    """Measure a run's generator on every pair of a split of the run's own set, and write ``evaluation_<split>.json``.

    Pictures are made and measured in float32 at the run's size, whatever precision it was trained in, and random draws
    (dropout in the paper's test mode) are seeded by the run: the same run gives the same numbers.

    Args:
        run: The run's folder.
        metrics: Names of registered metrics.
        data_root: Where the set lies now; None for where it was in training.
        batch: Pictures at a time. One where the generator normalises by batch statistics: there mates change a picture.
        checkpoint: ``"last"``, ``"best"`` or a step.
        settings: The trainer's own options to change for the test, such as ``{"test": "paper"}``.
        metric_options: By the name of a metric, its options.
        dataset_options: Options of the dataset in place of the run's.
        progress: Called with the pictures done and their number.

    Returns:
        ``run``, ``step``, ``checkpoint``, ``split``, ``source`` (real or drawn), ``direction``, ``size`` (px),
        ``settings``, ``metric_options`` and ``dataset_options`` where they are given, ``pictures`` (how many),
        ``metrics`` (name -> value), ``per_picture`` (picture -> metric -> value, for metrics that tell) and ``file``
        (what was written; None if it could not be).

    Raises:
        I2IError: no such metric, split, setting, device, run, checkpoint or pairs, or pictures that are not finite.
    """
    from ..runtime.device import choose_device
    from ..training.runs import open_dataset, open_run
    from .prediction import require_pairs

    opened = open_run(run)
    registry = opened.restore(registry or load_registry())
    require_pairs(registry, opened)
    chosen = _chosen(registry, metrics)
    if unused := sorted(metric_options.keys() - chosen.keys()):
        raise UsageError(f"--metric-options is for {unused[0]!r}, which is not among --metrics: {', '.join(chosen)}.")
    place = choose_device(device, "fp32")
    wanted = opened.options["run"]
    source = _open(open_dataset(registry, opened.options, dataset_options), wanted, split, data_root)
    trainer, step = opened.load_trainer(registry, place, settings=settings, checkpoint=checkpoint)
    meters = {name: build_plugin(registry, "metric", name, place, values=metric_options.get(name)) for name in chosen}
    _measure(trainer, source, wanted, place, batch, meters, progress)
    result: dict[str, Any] = {"run": str(opened.folder), "step": step, "checkpoint": checkpoint, "split": split}
    result |= {"source": source.kind, **{key: wanted[key] for key in ("direction", "size")}, "settings": dict(settings)}
    if metric_options:
        result["metric_options"] = plain_named_options(registry, "metric", metric_options)
    result |= {"dataset_options": dict(dataset_options)} if dataset_options else {}
    result |= _measured(source, meters)
    return {**result, "file": _keep(opened.folder / f"evaluation_{split}.json", result)}


def _chosen(registry: Registry, names: Sequence[str]) -> dict[str, type[Metric]]:
    """The metrics of these names, each once."""
    if not names:
        raise UsageError(f"--metrics names none; there are: {', '.join(registry.names('metric'))}.")
    return {name: registry.get("metric", name) for name in names}


def _measured(source: Source, meters: Mapping[str, Metric]) -> dict[str, Any]:
    """What came out, in plain values."""
    values = {name: meter.compute() for name, meter in meters.items()}
    return {"pictures": len(source), "metrics": values, "per_picture": _per_picture(source, meters)}


def _open(dataset: Dataset, wanted: Mapping[str, Any], split: str, data_root: str | Path | None) -> Source:
    """The split of the run's set: what it trained on, or the real pairs under another root."""
    from ..data.sources import open_source, usable

    root = data_root if data_root is not None else wanted["data_root"]
    kind: Choice = "real" if data_root is not None else wanted["source"]
    source = open_source(dataset, Path(root) if root else None, split, kind, wanted["seed"])
    if not len(source):
        raise I2IError(f"The split {split!r} of {wanted['dataset']} holds no pairs; choose another with --split.")
    return usable(source, skip_bad=True) if wanted.get("skip_bad") else source


def _measure(
    trainer: Trainer,
    source: Source,
    wanted: Mapping[str, Any],
    device: Device,
    batch: int,
    meters: Mapping[str, Metric],
    progress: Progress,
) -> None:
    import torch

    from .inspection import batch_statistics

    device.seed(wanted["seed"])
    if batch_statistics(trainer, wanted["size"], device):
        batch = 1
    done = 0
    with torch.no_grad():
        for pictures, target in _batches(source, wanted, device, batch):
            output = trainer.sample({"input": pictures}).float()
            if not torch.isfinite(output).all():
                raise I2IError(
                    f"The generator gives values that are not finite on {source.name(done)}; "
                    "choose an earlier step with --checkpoint."
                )
            for meter in meters.values():
                meter.update(output, target)
            done += len(output)
            progress(done, len(source))


def _batches(source: Source, wanted: Mapping[str, Any], device: Device, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """``(input, target)``, each ``(N, 3, size, size)`` float32 in [-1, 1] on the device."""
    import numpy as np

    for start in range(0, len(source), batch):
        pairs = [source.read(index, wanted["size"]) for index in range(start, min(start + batch, len(source)))]
        a, b = (device.put(np.stack(side)) for side in zip(*pairs, strict=True))
        yield (a, b) if wanted["direction"] == "AtoB" else (b, a)


def _per_picture(source: Source, meters: Mapping[str, Metric]) -> dict[str, dict[str, float]]:
    columns = {name: values for name, meter in meters.items() if (values := getattr(meter, "per_picture", None))}
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
