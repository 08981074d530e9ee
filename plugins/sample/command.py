"""i2i sample: images from a generator."""

from __future__ import annotations

from typing import Any

import click

from i2i import Registry, UsageError
from i2i.toolkit.command_options import device_option, generator_options_option, json_option
from i2i.toolkit.progress import Progress
from i2i.toolkit.terminal import echo_json

_MAX_NUMBERS = 10**6
"""Largest number of seeds of one command."""


def read_numbers(_: click.Context, option: click.Parameter, text: str | None) -> list[int] | None:
    """Read numbers and ranges: ``"0-3,7"`` gives ``[0, 1, 2, 3, 7]``, None gives None.

    Raises:
        UsageError: it has another format, or a number is too large for a seed of NumPy.
    """
    if text is None:
        return None
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or int(last or first) < int(first):
            raise UsageError(f"{option.opts[0]} {text}: write numbers and ranges, such as 0-15 or 3,7,20-24.")
        if int(last or first) >= 2**32:
            raise UsageError(f"{option.opts[0]} {text}: numbers go to {2**32 - 1}.")
        if len(numbers) + int(last or first) - int(first) >= _MAX_NUMBERS:
            raise UsageError(f"{option.opts[0]} {text}: that is more than a million; name fewer.")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


@click.command("sample")
@click.option(
    "--generator", "source", required=True, metavar="G", help="A model's name, a weight file or the folder of a run."
)
@click.option(
    "--seeds", default="0-15", show_default=True, callback=read_numbers, metavar="LIST", help="Such as 3,7,20-24."
)
@click.option(
    "--truncation", default=0.7, show_default=True, help="Truncation psi: 1 for full variety, 0 for the mean."
)
@click.option("--cutoff", type=click.IntRange(min=0), help="Layers of w that are truncated.  [default: all]")
@click.option(
    "--noise",
    type=click.Choice(["const", "random", "none"]),
    default="const",
    show_default=True,
    help="Noise maps of the generator.",
)
@click.option("--class", "label", type=int, help="Class of a generator that has classes, from 0.")
@click.option(
    "--mix", callback=read_numbers, metavar="LIST", help="Style mixing: seeds of rows; --seeds are the columns."
)
@click.option(
    "--rows", callback=read_numbers, metavar="LIST", help="Layers of w that come from the column.  [default: 0-6]"
)
@click.option("--columns", type=click.IntRange(min=1), help="Images in a row.  [default: about a square]")
@click.option("--frames", type=click.IntRange(min=1), help="Frames from one seed to the next.  [default: 24]")
@click.option("--fps", type=click.IntRange(1, 120), help="Frames per second.  [default: 24]")
@click.option("--batch", type=click.IntRange(min=1), help="Images in a batch.  [default: what suits the device]")
@click.option(
    "--out", default="sheet.png", show_default=True, type=click.Path(), help="Output file or folder: see above."
)
@generator_options_option
@device_option
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16", "fp16"]),
    default="fp32",
    show_default=True,
    help="auto is the fastest on the device.",
)
@json_option
@click.pass_obj
def command(
    registry: Registry,
    /,
    source: str,
    out: str,
    device: str,
    precision: Any,
    as_json: bool,
    generator_options: Any,
    **given: Any,
) -> None:
    """Generate images from random seeds.

    \b
    i2i sample --generator ffhq-256 --seeds 0-15 --out grid.png
    i2i sample --generator ffhq-256 --seeds 0-99 --out images
    i2i sample --generator ffhq-256 --seeds 0-7 --out morph.mp4
    i2i sample --generator ffhq-256 --seeds 0-5 --mix 100-103 --out mixing.png

    --out ends in .png or .jpg for one image grid, in .gif or .mp4 for a video through the seeds and back, or names a
    folder for one PNG per seed. A GIF has at most 512 px; the default --rows 0-6 is for 18 layers and scaled for other
    generators.
    """
    from i2i.toolkit.latents.sampling import SamplingOptions

    from .files import SampleLayout, sample

    seeds = given.pop("seeds")
    layout = SampleLayout(**{name: given.pop(name) for name in ("columns", "mix", "rows", "frames", "fps")})
    with Progress("images", transient=True) as progress:
        options = SamplingOptions(progress=progress, **given)
        report = sample(
            source,
            out,
            seeds,
            options,
            layout,
            device=device,
            precision=precision,
            registry=registry,
            generator_options=generator_options,
        )
    if as_json:
        echo_json(report)
        return
    count, speed = report["pictures"], report["pictures_per_second"]
    click.echo(
        f"Wrote {report['out']}: {count} image{'s' * (count != 1)} in {report['seconds']:.1f} s, {speed:.3g} a second"
    )
