"""``python -m i2i_plugins.demo.labels``: write the attributes of the faces that ``demo-faces`` generates from seeds."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from i2i.toolkit.files import atomic_write
from i2i.toolkit.terminal import run_script

from .synthetic_faces import Z_DIM, faces, values_of


def labels_of(count: int) -> tuple[list[str], list[list[bool]]]:
    """Return the names of all attributes, and their truth values for the seeds 0 to ``count - 1``.

    They describe the training target of a seed's latent code; the generated image is similar, not equal.

    Raises:
        UsageError: the dataset ``faces`` is not registered.
    """
    dataset = faces()
    z = np.stack([np.random.RandomState(seed).randn(Z_DIM) for seed in range(count)])  # as i2i sample has them
    attributes = [dataset.attributes(values) for values in values_of(z)]
    return list(attributes[0]), [list(each.values()) for each in attributes]


def write(file: Path, count: int) -> None:
    """Write a CSV file with a row for each seed: its number, and 0 or 1 for each attribute."""
    names, truths = labels_of(count)
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["seed", *names])
        writer.writerows([seed, *map(int, truth)] for seed, truth in enumerate(truths))


@click.command()
@click.option("--count", type=click.IntRange(1, 1_000_000), default=2000, show_default=True, help="Seeds, from 0 on.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("labels.csv"),
    show_default=True,
    help="The CSV file.",
)
def main(count: int, out: Path) -> None:
    """Write the attributes of the faces that demo-faces generates from seeds, for 'i2i edit --plugin mix --labels'.

    \b
    python -m i2i_plugins.demo.labels --count 2000 --out labels.csv
    """
    write(out, count)
    click.echo(out)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command; errors for the user end in one line and an exit code."""
    run_script(main, arguments, "writing labels")


if __name__ == "__main__":
    run()
