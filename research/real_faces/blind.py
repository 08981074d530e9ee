"""``python -m research.real_faces.blind``: an unlabelled grid of edits, and a confusion table of guesses.

Whoever guesses looks at ``blind.png`` only and writes a line ``NUMBER PRESET`` for each pair of images.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import click

import i2i
from i2i.toolkit.files import write_json
from i2i.toolkit.images import image_grid, read_image, save_image
from i2i.toolkit.terminal import run_script

from .evaluate import RESULTS

GRID, KEY = "blind.png", "blind_key.json"
COLUMNS = 6
"""Images in a row: three pairs of before and after."""
NO_GUESS = "none"


@click.group()
def main() -> None:
    """Check that edits are recognised by eye."""


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--per-preset", default=5, show_default=True, type=click.IntRange(1), help="Samples of each preset.")
@click.option("--seed", default=0, show_default=True, help="Seed of the choice and of the order.")
@click.option("--cell", default=256, show_default=True, type=click.IntRange(32), help="Side of an image, pixels.")
@click.option("--part", default="samples", show_default=True, type=click.Choice(["samples", "photos"]))
def grid(folder: Path, per_preset: int, seed: int, cell: int, part: str) -> None:
    """Write blind.png and blind_key.json from the results of an evaluation in FOLDER.

    Only grids of samples, which show nobody, may be published.
    """
    by_preset: dict[str, list[dict[str, str]]] = defaultdict(list)
    lines = (folder / RESULTS).read_text(encoding="utf-8").splitlines()
    records = {record["key"]: record for record in map(json.loads, lines)}  # the last record of a key counts
    for key, record in records.items():
        if key.startswith(f"{part}/") and "image_after" in record:
            by_preset[record["preset"]].append(record)
    if not by_preset:
        raise i2i.UsageError(
            f"{folder / RESULTS} has no edits of {part}: run the evaluation with --parts {part} first."
        )
    choice = random.Random(seed)
    chosen = [record for found in by_preset.values() for record in choice.sample(found, min(per_preset, len(found)))]
    choice.shuffle(chosen)
    pairs = [[read_image(folder / record[f"image_{when}"]) for when in ("before", "after")] for record in chosen]
    images = [image for pair in pairs for image in pair]
    rows = [images[start : start + COLUMNS] for start in range(0, len(images), COLUMNS)]
    numbers = [
        ", ".join(str(number + 1) for number in range(start, min(start + COLUMNS // 2, len(chosen))))
        for start in range(0, len(chosen), COLUMNS // 2)
    ]
    save_image(folder / GRID, image_grid(rows, ["before", "after"] * (COLUMNS // 2), numbers, 2, (cell, cell)))
    key_file = {
        str(number): {"subject": record["subject"], "preset": record["preset"]}
        for number, record in enumerate(chosen, start=1)
    }
    write_json(folder / KEY, key_file)
    click.echo(f"wrote {folder / GRID} and {folder / KEY}; presets: {', '.join(sorted(by_preset))}")


@main.command()
@click.argument("key", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("guesses", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def score(key: Path, guesses: Path) -> None:
    """Print the confusion table of GUESSES, lines of NUMBER and PRESET, by the KEY."""
    entries = json.loads(key.read_text(encoding="utf-8"))
    truth = {number: str(entry["preset"]) for number, entry in entries.items()}
    guessed = {}
    for line in guesses.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            number, _, preset = line.strip().partition(" ")
            if number not in truth or not preset:
                raise i2i.UsageError(f"{guesses}: {line!r} is no line of NUMBER and PRESET, numbers 1 to {len(truth)}.")
            guessed[number] = preset.strip()
    click.echo(confusion(truth, guessed))


def confusion(truth: Mapping[str, str], guessed: Mapping[str, str]) -> str:
    """Return the confusion table of guesses by number, in Markdown; a missing guess counts as wrong."""
    counts = Counter((preset, guessed.get(number, NO_GUESS)) for number, preset in truth.items())
    presets = sorted(set(truth.values()))
    columns = [*presets, *sorted({guess for _, guess in counts} - set(presets))]
    right = sum(count for (preset, guess), count in counts.items() if preset == guess)
    lines = [f"{right} of {len(truth)} guesses are right ({right / len(truth):.0%})".replace("%", " %"), ""]
    lines += [f"| preset | {' | '.join(columns)} |", "|" + "---|" * (len(columns) + 1)]
    for preset in presets:
        cells = [str(counts[preset, guess] or "") for guess in columns]
        lines.append(f"| {preset} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    run_script(main)
