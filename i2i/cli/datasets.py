"""i2i datasets: list, download, check and preview datasets."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ..api.errors import I2IError, UsageError
from ..guards import build_plugin
from ..registry import Registry
from ..toolkit.command_options import dataset_options_option, json_option
from ..toolkit.progress import Progress
from ..toolkit.terminal import echo_json, echo_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from ..api.dataset import Dataset

root_option = click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of datasets, one folder each; default: where fetch puts them.",
)


_STATES = {"your own": "your own", "real": "downloaded", "drawn only": "synthetic only"}
"""What tables say for ``state`` of ``--json``, whose values are those of version 0.1."""


@click.group("datasets")
def command() -> None:
    """Datasets: list, download, check and preview them."""


@command.command("list")
@root_option
@json_option
@click.pass_obj
def list_(registry: Registry, data_root: Path | None, as_json: bool) -> None:
    """List the datasets, and whether the real images are downloaded."""
    datasets = [_describe(build_plugin(registry, "dataset", name), data_root) for name in registry.all("dataset")]
    if as_json:
        echo_json({"datasets": datasets})
        return
    rows = [
        (
            each["name"],
            _counts(each["pairs"]),
            " | ".join(each["sides"]),
            each["direction"],
            _STATES[each["state"]],
            each["licence"],
        )
        for each in datasets
    ]
    echo_table(("name", "pairs", "A | B", "direction", "state", "licence"), rows)


@command.command("show")
@click.argument("name")
@root_option
@json_option
@click.pass_obj
def show(registry: Registry, name: str, data_root: Path | None, as_json: bool) -> None:
    """Show all facts about one dataset."""
    from ..assets.datasets import count_pairs

    dataset = build_plugin(registry, "dataset", name)
    facts = _describe(dataset, data_root)
    if facts["state"] == "real":
        facts["found"] = count_pairs(dataset, Path(facts["folder"]))
    if as_json:
        echo_json(facts)
        return
    facts |= {key: _counts(facts[key]) for key in ("pairs", "drawn", "found") if key in facts}
    facts |= {"sides": " | ".join(facts["sides"]), "state": _STATES[facts["state"]]}
    for key, value in facts.items():
        click.echo(f"{'synthetic' if key == 'drawn' else key:<10}{'-' if value in (None, '') else value}")


@command.command("fetch")
@click.argument("name")
@root_option
@click.pass_obj
def fetch(registry: Registry, name: str, data_root: Path | None) -> None:
    """Download the real dataset; an interrupted download is resumed, and a complete one is kept."""
    from ..assets.datasets import fetch_dataset

    dataset = build_plugin(registry, "dataset", name)
    with Progress("bytes") as progress:
        folder = fetch_dataset(dataset, data_root, progress.stage, note=partial(click.echo, err=True))
    click.echo(folder)


@command.command("check")
@click.argument("target", metavar="NAME|DIR")
@root_option
@dataset_options_option
@json_option
@click.pass_context
def check(
    ctx: click.Context, target: str, data_root: Path | None, dataset_options: dict[str, Any], as_json: bool
) -> None:
    """Decode every image of a dataset or a folder and name each faulty one; exit code 1 if there is any.

    DIR holds train, val or test, each with A|B images or with folders A and B; or trainA and trainB with unpaired
    images. Images that passed are not decoded again until they change.
    """
    from ..data.samples import check_splits

    dataset, folder = _find_set(ctx.obj, target, data_root, dataset_options)
    with Progress("samples") as progress:
        checked = check_splits(dataset, folder, progress.stage)
    pairs, unpaired, faults = checked.pairs, checked.unpaired, checked.faults
    if not pairs and not unpaired and not faults:
        raise I2IError(f"{folder} has no folder train, val or test with pairs: {_remedy(dataset, folder)}.")
    if as_json:
        found = {"pairs": pairs} | ({"unpaired": unpaired} if unpaired else {})
        echo_json({"folder": str(folder), **found, "faults": [vars(fault) for fault in faults]})
    else:
        for fault in faults:
            click.echo(f"{fault.path}: {fault.reason}")
        verdict = f"{len(faults)} faulty" if faults else "all good"
        totals = [f"{sum(pairs.values())} pairs ({_counts(pairs)})"] if pairs or not unpaired else []
        for split, sides in unpaired.items():
            totals.append(f"{' and '.join(f'{count} {side}' for side, count in sides.items())} unpaired ({split})")
        click.echo(f"{folder}: {', '.join(totals)}, {verdict}")
    ctx.exit(1 if faults else 0)


@command.command("preview")
@click.argument("name")
@root_option
@click.option(
    "--source",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "real", "synthetic", "drawn"]),
    help="Real samples, synthetic ones (old name: drawn), or real ones if they are downloaded.",
)
@click.option("--split", default="train", show_default=True, help="Split of the dataset.")
@click.option("--count", default=16, show_default=True, type=click.IntRange(1, 400), help="How many pairs.")
@click.option("--size", default=256, show_default=True, type=click.IntRange(16, 1024), help="Pixels a side.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of the synthetic pairs.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FILE.png", help="Where to write the image grid."
)
@dataset_options_option
@click.pass_obj
def preview(
    registry: Registry,
    name: str,
    data_root: Path | None,
    source: Literal["auto", "real", "synthetic", "drawn"],
    split: str,
    count: int,
    size: int,
    seed: int,
    out: Path,
    dataset_options: dict[str, Any],
) -> None:
    """Write an image grid of pairs spread over a split."""
    from ..data.training_data import open_pairs
    from ..toolkit.images import save_image
    from ..toolkit.images.grids import image_grid

    dataset = build_plugin(registry, "dataset", name, values=dataset_options)
    choice: Literal["auto", "real", "drawn"] = "drawn" if source == "synthetic" else source
    (group,) = open_pairs(dataset, data_root, split, choice, seed, "AtoB").groups
    opened = group.source
    count = min(count, len(opened))
    pairs = [_rgb_sides(group.read(number * len(opened) // count, size)) for number in range(count)]
    across = min(4, count)
    rows = [[side for pair in pairs[first : first + across] for side in pair] for first in range(0, count, across)]
    save_image(out, image_grid(rows, columns=dataset.sides * across, group=2))
    click.echo(f"{out}: {count} {opened.origin} pairs of {name}, {split}")


def _rgb_sides(sample: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Input and target as uint8 ``(H, W, 3)``: grey becomes RGB, 16 bits become 8."""
    import numpy as np

    sides = [array if array.dtype == np.uint8 else (array // 257).astype(np.uint8) for array in sample.values()]
    return [np.broadcast_to(side, (*side.shape[:2], 3)) for side in sides]


def _describe(dataset: Dataset, data_root: Path | None) -> dict[str, Any]:
    """Return the facts about a dataset, as plain values."""
    from ..data.sources import find_root

    folder = find_root(dataset, data_root)
    there = not dataset.own() and folder.is_dir() and any(folder.iterdir())
    return {
        "name": dataset.name,
        "summary": dataset.summary,
        "sides": list(dataset.sides),
        "direction": dataset.direction,
        "pairs": dict(dataset.counts),
        "drawn": dict(dataset.drawn),
        "licence": dataset.licence,
        "homepage": dataset.homepage,
        "archive": dataset.archive and dataset.archive.url,
        "state": "your own" if dataset.own() else "real" if there else "drawn only",
        "folder": str(folder) if there else None,
    }


def _counts(pairs: dict[str, int]) -> str:
    return ", ".join(f"{split} {count}" for split, count in pairs.items()) or "-"


def _find_set(registry: Registry, target: str, data_root: Path | None, options: dict[str, Any]) -> tuple[Dataset, Path]:
    """Return a dataset by its name and its folder, or any folder with the layout of pairs."""
    from ..api.dataset import Dataset
    from ..data.sources import find_root

    names = registry.entries("dataset")
    if target not in names and Path(target).is_dir():
        return Dataset(), Path(target)
    if target not in names:
        raise UsageError(f"{target!r} is neither a folder nor a dataset; the datasets are: {', '.join(names)}.")
    dataset = build_plugin(registry, "dataset", target, values=options)
    if not dataset.own():
        return dataset, find_root(dataset, data_root)
    if data_root is None:
        raise UsageError(f"The dataset {target!r} has your own images: type i2i datasets check DIR.")
    return dataset, data_root


def _remedy(dataset: Dataset, folder: Path) -> str:
    if dataset.archive is None:
        return f"put pairs into {folder / 'train'} and {folder / 'val'}"
    return f"download the dataset with 'i2i datasets fetch {dataset.name}'"
