"""The command ``i2i graph``: the layer table and the diagram of a generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import i2i
from i2i.toolkit.command_options import json_option, set_option
from i2i.toolkit.terminal import echo_json, echo_table

if TYPE_CHECKING:
    from torch import nn

    from .layer_table import LayerCall


@click.command("graph")
@click.argument("what", metavar="NAME|RUN")
@click.option("--out", type=click.Path(path_type=Path), help="Write a diagram: FILE.svg, .png, .pdf or .dot.")
@click.option(
    "--size", type=click.IntRange(min=1), metavar="PX", help="Side of the image.  [default: the run's, or 256]"
)
@click.option("--table", is_flag=True, help="Print the table only.")
@set_option
@json_option
@click.pass_obj
def command(
    registry: i2i.Registry,
    what: str,
    out: Path | None,
    size: int | None,
    table: bool,
    settings: dict[str, Any],
    as_json: bool,
) -> None:
    """Draw the generator of a trainer NAME or of a RUN, and print a table of its layers.

    \b
    i2i graph pix2pix --out unet.svg
    i2i graph runs/pix2pix-facades-001 --table

    The table holds each layer's output, parameters and multiply-accumulates for one image. The diagram shows every
    operation, as recorded by PyTorch's autograd; it needs Graphviz and pip install "i2i[graph]".
    """
    import torch

    from .diagrams import check_format, draw_network
    from .layer_table import layers_of

    if out is None and not table and not as_json:
        raise i2i.UsageError(
            "Give the file of the diagram with --out FILE.svg, or ask for the table only with --table."
        )
    if out is not None:
        check_format(out)
    network, size = _network(registry, what, size, settings)
    image = torch.zeros(1, 3, size, size)
    rows = layers_of(network, image)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    if as_json:
        echo_json(_summary(what, size, rows, parameters))
    else:
        _print(rows, parameters)
    if out is not None and not table:
        draw_network(network, image, out)
        click.echo(str(out), err=as_json)


def _network(registry: i2i.Registry, what: str, size: int | None, settings: dict[str, Any]) -> tuple[nn.Module, int]:
    """Return the generator in evaluation mode, and the side of its input image, pixels."""
    device = i2i.choose_device("cpu", "fp32")
    if what not in registry.names("trainer") and (Path(what).is_dir() or Path(what).name != what):  # a path is a run
        run = i2i.open_run(what)
        trainer, _ = run.load_trainer(registry, device, settings=settings)
        size = size or run.options["run"]["size"]
    else:
        kind = registry.get("trainer", what)
        size = size or 256
        own = {"size": size} if "size" in kind.Options.model_fields else {}
        trainer = i2i.create_trainer(registry, what, device, {**own, **settings})
    multiple = getattr(trainer, "multiple", 1)
    if size % multiple:
        raise i2i.UsageError(f"--size {size}: {what} needs a multiple of {multiple} pixels; try --size {multiple}.")
    return i2i.generator_of(trainer)[1].eval(), size


def _summary(what: str, size: int, rows: list[LayerCall], parameters: int) -> dict[str, Any]:
    total = sum(row.macs for row in rows)
    return {
        "network": what,
        "size": size,
        "parameters": parameters,
        "macs": total,
        "gflop": round(2 * total / 1e9, 3),
        "layers": [vars(row) for row in rows],
    }


def _print(rows: list[LayerCall], parameters: int) -> None:
    total = sum(row.macs for row in rows)
    cells = [
        (row.name, row.kind, "x".join(map(str, row.shape[1:])), f"{row.parameters:,}", f"{row.macs:,}") for row in rows
    ]
    echo_table(
        ("layer", "kind", "output", "parameters", "MACs"), [*cells, ("total", "", "", f"{parameters:,}", f"{total:,}")]
    )
    click.echo(f"{parameters:,} parameters, {2 * total / 1e9:.2f} GFLOP forward (2 x MAC) for one image")
