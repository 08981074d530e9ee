"""``i2i models make-directions``: measure the effects of a generator's styles once and write them to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import i2i
from i2i.toolkit.command_options import device_option, extractor_option, extractor_options_option
from i2i.toolkit.progress import Progress

GROUP = "models"


def add_to(cli: click.Group) -> None:
    """Add the command to the group ``models``, where that group exists."""
    group = cli.commands.get(GROUP)
    if isinstance(group, click.Group):
        group.add_command(command)
        cli.add_command(group)  # again, so that the new command gets the options of all commands


@click.command("make-directions")
@click.option(
    "--generator",
    default="demo-faces",
    show_default=True,
    metavar="G",
    help="A model's name, a weight file or the folder of a run.",
)
@extractor_option
@extractor_options_option
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.safetensors",
    help="Output file, for 'i2i edit --plugin text --directions FILE'.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 10_000),
    default=4,
    show_default=True,
    help="Images on which each channel is measured; 100 as published.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first image.")
@device_option
@click.pass_obj
def command(
    registry: i2i.Registry,
    generator: str,
    extractors: dict[str, str],
    extractor_options: dict[str, dict[str, Any]],
    out: Path,
    samples: int,
    seed: int,
    device: str,
) -> None:
    """Measure the effect of each channel of a generator's styles on images, in the space of a text network.

    \b
    i2i models make-directions --out directions.safetensors
    i2i edit --plugin text --prompt "looking left" --directions directions.safetensors

    Every channel is moved to both sides on all samples, so 2 x channels x samples images are rendered. This is done
    once for a generator and a text network; an edit by a text is then fast.
    """
    from .directions import make_directions

    _check(extractors, out)
    try:
        opened = i2i.generator(generator, device, registry=registry)
        domain = i2i.generator_domain(generator, registry)
        text: Any = i2i.extractor(
            "text", opened.device, domain, registry, extractors.get("text"), named_options=extractor_options
        )
        with Progress("channels", transient=True) as progress:
            make_directions(opened, text, samples, seed, progress).save(out)
    except KeyboardInterrupt:
        raise i2i.Interrupted(
            "Stopped before all channels were measured, so nothing is written; type the command again, with fewer "
            "--samples if it takes too long."
        ) from None
    click.echo(out)


def _check(extractors: dict[str, str], out: Path) -> None:
    for role in extractors:
        if role != "text":
            raise i2i.UsageError(
                f"--extractor {role}=...: directions are measured with a text extractor; name it as text=NAME."
            )
    if out.suffix != ".safetensors":
        raise i2i.UsageError(f"--out {out}: directions are written to a file such as {out.stem or 'out'}.safetensors.")
