"""i2i evaluate: measure a trained run."""

from __future__ import annotations

from typing import Any

import click

from ..registry import Registry
from ..toolkit.command_options import (
    checkpoint_option,
    dataset_options_option,
    device_option,
    json_option,
    metric_options_option,
    set_option,
)
from ..toolkit.progress import Progress
from ..toolkit.terminal import echo_json, echo_table


@click.command("evaluate")
@click.argument("run", type=click.Path())
@click.option("--split", default="val", show_default=True, help="Split of the run's dataset.")
@click.option(
    "--metrics",
    metavar="NAME,...",
    help="What to measure.  [default: the metrics that declare themselves a default, such as l1,psnr,ssim,lpips]",
)
@click.option("--data-root", type=click.Path(), help="Folder of the dataset, if it is not where it was in training.")
@click.option("--batch", default=8, show_default=True, type=click.IntRange(min=1), help="Batch size.")
@metric_options_option
@dataset_options_option
@checkpoint_option
@device_option
@set_option
@json_option
@click.pass_obj
def command(registry: Registry, /, run: str, metrics: str | None, as_json: bool, **given: Any) -> None:
    """Measure RUN on every pair of a split.

    \b
    i2i evaluate runs/pix2pix-facades-001
    i2i evaluate runs/pix2pix-facades-001 --metrics l1,lpips --set test=paper --json

    Prints the mean of each metric over all images, and writes them, with those of each image, into the run as
    evaluation_SPLIT.json.
    """
    from ..inference.evaluation import evaluate

    names = None if metrics is None else [name.strip() for name in metrics.split(",") if name.strip()]
    with Progress("images", transient=True) as progress:
        result = evaluate(run, metrics=names, registry=registry, progress=progress, **given)
    if as_json:
        echo_json({key: value for key, value in result.items() if key != "per_picture"})
        return
    better = {name: registry.entry("metric", name).get("better") for name in result["metrics"]}
    echo_table(
        ("metric", "value", "better"),
        [(name, f"{value:.4f}", better[name]) for name, value in result["metrics"].items()],
    )
    origin = "synthetic" if result["source"] == "drawn" else "real"
    click.echo(f"{result['pictures']} {origin} pairs of {result['split']}, step {result['step']}")
