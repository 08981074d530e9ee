"""i2i predict: a trained run on files or folders."""

from __future__ import annotations

from typing import Any

import click

from ..registry import Registry
from ..toolkit.command_options import checkpoint_option, device_option, json_option, set_option
from ..toolkit.progress import Progress
from ..toolkit.terminal import echo_json


@click.command("predict")
@click.argument("run", type=click.Path())
@click.argument("inputs", nargs=-1, required=True, type=click.Path(), metavar="INPUT...")
@click.option("--out", required=True, type=click.Path(), help="Folder for the results, PNG files.")
@click.option(
    "--side", type=click.Choice(["A", "B"]), help="Take this half of each image (A left, B right), for A|B pairs."
)
@click.option("--overwrite", is_flag=True, help="Replace results that are already in --out.")
@checkpoint_option
@device_option
@set_option
@json_option
@click.pass_obj
def command(registry: Registry, /, run: str, inputs: tuple[str, ...], out: str, as_json: bool, **given: Any) -> None:
    """Apply the trained network of RUN to images.

    \b
    i2i predict runs/pix2pix-facades-001 labels.png --out images
    i2i predict runs/pix2pix-facades-001 facades/val --side B --out images

    INPUT is an image or a folder. All images below a folder are read, and its structure is kept in --out.
    Each result has the size of its input: an image that does not fit the network is resized, and the result is resized
    back.
    """
    from ..inference.prediction import predict

    notes: list[str] = []
    with Progress("images", transient=True) as progress:
        written = predict(run, inputs, out, registry=registry, progress=progress, note=notes.append, **given)
    for text in notes:
        click.echo(text, err=True)
    if as_json:
        echo_json({"run": run, "out": out, "pictures": [str(path) for path in written]})
        return
    for path in written:
        click.echo(path)
