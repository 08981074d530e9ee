"""i2i export: a trained generator for other programs."""

from __future__ import annotations

from typing import Any

import click

from ..registry import Registry
from ..toolkit.command_options import checkpoint_option, json_option, set_option
from ..toolkit.terminal import echo_json


@click.command("export")
@click.argument("run", type=click.Path())
@click.option("--format", required=True, type=click.Choice(["onnx", "safetensors"]), help="What to write.")
@click.option("--out", required=True, type=click.Path(), help="The file.")
@click.option("--network", metavar="NAME", help="Network of the trainer.  [default: the one that makes the images]")
@checkpoint_option
@set_option
@json_option
@click.pass_obj
def command(registry: Registry, /, run: str, out: str, as_json: bool, **given: Any) -> None:
    """Write a network of RUN as one file that other programs read.

    \b
    i2i export runs/pix2pix-facades-001 --format onnx --out facades.onnx
    i2i export runs/pix2pix-facades-001 --format safetensors --out facades.safetensors

    The file says in its metadata, as JSON under the key i2i, what it is and where it comes from.
    """
    from ..inference.export import export

    written = export(run, out=out, registry=registry, **given)
    if as_json:
        echo_json(written)
    else:
        click.echo(
            f"{written['file']}  {written['bytes'] / 1e6:.1f} MB, {written['trainer']} at step {written['step']}"
        )
