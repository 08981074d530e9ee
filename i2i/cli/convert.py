"""i2i convert: external weights as an i2i file."""

from __future__ import annotations

from typing import Any

import click

from ..registry import Registry
from ..toolkit.command_options import json_option
from ..toolkit.terminal import echo_json


@click.command("convert")
@click.argument("source", metavar="FILE", type=click.Path())
@click.option("--out", required=True, type=click.Path(), help="The file, .safetensors.")
@click.option(
    "--kind", metavar="NAME", help="What FILE holds if it is no generator: unet256, patchgan, ... as for load_network."
)
@click.option(
    "--half", is_flag=True, help="Store large tensors in half precision: half the size, nearly the same images."
)
@click.option("--overwrite", is_flag=True, help="Replace --out if it is there.")
@json_option
@click.pass_obj
def command(registry: Registry, /, source: str, out: str, as_json: bool, **given: Any) -> None:
    """Convert a weight file of any supported format to safetensors; no code in FILE is run.

    \b
    i2i convert ffhq.pkl --out ffhq.safetensors
    i2i convert latest_net_G.pth --kind unet256 --out facades.safetensors

    The file says in its metadata, as JSON under the key i2i, what it is, where it comes from and under which licence.
    """
    from ..inference.conversion import convert

    made = convert(source, out, registry=registry, **given)
    if as_json:
        echo_json(made)
        return
    shown = {"family": made.get("family"), "kind": made.get("kind")}
    if "resolution" in made:
        shown |= {"resolution": f"{made['resolution']} px", "rows": made["rows"], "classes": made["classes"] or "none"}
    shown |= {"parameters": f"{made['parameters'] / 1e6:.2f} million", "licence": made["licence"]}
    for name, value in shown.items():
        if value is not None:
            click.echo(f"{name:<12}{value}")
    click.echo(f"{'file':<12}{made['file']}, {made['bytes'] / 1e6:.1f} MB")
    if "family" in made:
        click.echo(f"next: i2i sample --generator {made['file']} --out grid.png")
