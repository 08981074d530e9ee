"""``python -m research.demo.train NAME``: train one of the demo networks."""

from __future__ import annotations

import platform
import time
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import i2i
from i2i.toolkit.files import atomic_write, write_json
from i2i_plugins.demo.model_records import BY_NAME, CARDS

if TYPE_CHECKING:
    from .training.settings import Trained, TrainingSettings

MODULES = {
    "demo-faces": "generator",
    "demo-landmarks": "landmarks",
    "demo-identity": "identity",
    "demo-encoder": "encoder",
    "demo-text": "text",
}
"""Modules by network, in the order in which they can be trained: landmarks and encoder need the generator."""


@click.command()
@click.argument("name", type=click.Choice(list(MODULES)))
@click.option("--steps", type=click.IntRange(1), help="Number of steps.  [default: the network's own]")
@click.option("--batch", type=click.IntRange(2), help="Batch size.  [default: the network's own]")
@click.option("--images", type=click.IntRange(1), help="Number of synthetic faces.  [default: the network's own]")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of the initial weights and the order of images.",
)
@click.option("--threads", type=click.IntRange(1), help="Processor threads.  [default: all]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Output file of the weights, .safetensors.  [default: in the package]",
)
def main(name: str, threads: int | None, out: Path | None, seed: int, **given: int | None) -> None:
    """Train NAME, one of the demo networks, on synthetic faces.

    The same settings, threads and machine give the same weights. For weights in the package the model card is
    written as well: training data, duration, and later the figures of 'python -m research.demo.evaluate'.
    """
    import torch

    if threads:
        torch.set_num_threads(threads)
    module = import_module(f".training.{MODULES[name]}", __package__)
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    settings = replace(module.DEFAULTS, seed=seed, **changes)
    began = time.monotonic()
    trained = module.train(settings, lambda text: click.echo(text, err=True))
    seconds = round(time.monotonic() - began)
    file = out or BY_NAME[name].path
    assert file is not None
    try:
        save(trained, file)
        if out is None:
            _write_card(name, settings, trained, seconds)
    except OSError as error:
        reason = error.strerror or str(error)
        raise i2i.I2IError(f"{file} could not be written ({reason}): make room, or give another --out.") from None
    click.echo(file)


def save(trained: Trained, file: Path) -> None:
    """Write weights in half precision."""
    from safetensors.torch import save_file

    tensors = {
        key: value.detach().cpu().half().contiguous() if value.is_floating_point() else value.cpu().contiguous()
        for key, value in trained.tensors.items()
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file) as beside:
        save_file(tensors, beside, metadata=dict(trained.metadata))


def _write_card(name: str, settings: TrainingSettings, trained: Trained, seconds: int) -> None:
    """Write the model card of a training; the evaluation adds its figures."""
    import torch

    from .measures.model_cards import MADE

    record = BY_NAME[name]
    write_json(
        CARDS / f"{name}.json",
        {
            "name": name,
            "summary": record.summary,
            "licence": record.licence,
            "made": MADE[name],
            "trained_on": "synthetic faces of the dataset faces; no photos of real people",
            "settings": asdict(settings),
            "facts": dict(trained.facts),
            "parameters": sum(tensor.numel() for tensor in trained.tensors.values()),
            "seconds": seconds,
            "threads": torch.get_num_threads(),
            "machine": platform.machine(),
            "torch": torch.__version__,
            "figures": {},
        },
    )


if __name__ == "__main__":
    try:
        main()
    except i2i.I2IError as error:
        raise SystemExit(f"Error: {error}") from None
