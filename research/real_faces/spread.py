"""``python -m research.real_faces.spread``: means and standard deviations of every measure over random samples.

They are the unit of the aims, so they are computed once and stored in ``spread.json``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import click

from i2i.toolkit.files import write_json
from i2i.toolkit.terminal import run_script

FILE = Path(__file__).with_name("spread.json")
COUNT, FIRST_SEED = 200, 50_000


@click.command()
@click.option("--generator", default="mobile-ffhq", show_default=True, help="Generator of the samples.")
@click.option("--count", default=COUNT, show_default=True, type=click.IntRange(8), help="Number of samples.")
@click.option("--out", default=FILE, type=click.Path(path_type=Path), help="File to write.  [default: spread.json]")
def main(generator: str, count: int, out: Path) -> None:
    """Measure random samples at psi 0.7 and write the spread of each measure: a second or two for each sample."""
    from .judges import Judges
    from .protocol import PSI, Bench, FaceNotFoundError

    bench, found = Bench(Judges(), generator, Path(tempfile.gettempdir())), []
    for number in range(count):
        with suppress(FaceNotFoundError):
            found.append(bench.sample(FIRST_SEED + number).seen.as_json())
        if number % 20 == 19:
            click.echo(f"{number + 1} of {count} samples", err=True)
    about = {"generator": generator, "psi": PSI, "first_seed": FIRST_SEED, "samples": count, "faces": len(found)}
    write_json(out, about | summarise(found))
    click.echo(f"wrote {out}")


def summarise(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return mean and standard deviation of each measure, and the median identity distance of different samples."""
    from .judges import descriptor_distance

    strangers = [descriptor_distance(one["descriptor"], other["descriptor"]) for one, other in pairwise(found)]
    return {
        "measures": {
            name: {key: round(value, 4) for key, value in own.items()}
            for name, own in spread_of([each["measures"] for each in found]).items()
        },
        "strangers": round(median(strangers), 3),
    }


def spread_of(measured: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation of each measure."""
    columns = {name: [each[name] for each in measured] for name in measured[0]}
    return {name: {"mean": mean(values), "sd": stdev(values)} for name, values in columns.items()}


def load_spread(file: Path = FILE) -> dict[str, dict[str, float]]:
    """Return ``{"mean": ..., "sd": ...}`` of each measure."""
    spread: dict[str, dict[str, float]] = json.loads(file.read_text(encoding="utf-8"))["measures"]
    return spread


if __name__ == "__main__":
    run_script(main)
