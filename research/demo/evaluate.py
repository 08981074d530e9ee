"""``python -m research.demo.evaluate``: the figures of the demo networks, each beside its target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

import i2i
from i2i.toolkit.command_options import json_option
from i2i.toolkit.terminal import echo_json, echo_table, run_script
from i2i_plugins.demo.model_records import BY_NAME

if TYPE_CHECKING:
    from .measures.figures import Figure, Measured
    from .measures.samples import EvaluationSamples

    Part = Callable[[EvaluationSamples], list[Figure]]

EDITS = "edits"
"""What the editors do with the networks; always of as many samples, and on no card."""
PARTS: Mapping[str, tuple[str, ...]] = {
    "faces": ("faces.seen", "faces.agreement"),
    "demo-faces": ("generator.frechet", "generator.variety", "generator.seen", "generator.likeness"),
    "demo-landmarks": ("networks.landmarks_of_synthetic_faces", "networks.landmarks_of_samples"),
    "demo-identity": ("networks.people", "networks.likeness_of_samples"),
    "demo-encoder": ("networks.inversion",),
    "demo-text": ("networks.retrieval",),
    EDITS: ("witnesses.recovered", "witnesses.dragged", "witnesses.swapped", "witnesses.worded"),
}
"""What is measured of each: functions in ``measures``. One that lacks something leaves its figures out alone."""
COUNT = 2000
"""Faces and samples of each kind that the figures of the cards are of."""


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PARTS)), metavar="[NAME]...")
@click.option("--count", type=click.IntRange(32), default=COUNT, show_default=True, help="Faces of each kind.")
@click.option(
    "--vgg16",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Weights of VGG16 for the Fréchet distance.  [default: the model vgg16, once it is fetched]",
)
@click.option("--write", is_flag=True, help="Put the figures into the cards of the package.")
@json_option
def main(names: tuple[str, ...], count: int, vgg16: Path | None, write: bool, as_json: bool) -> None:
    """Measure NAME: networks of the demo networks, the dataset faces, or edits; all but edits where none is named.

    \b
    python -m research.demo.evaluate
    python -m research.demo.evaluate demo-landmarks demo-identity --count 500
    python -m research.demo.evaluate edits

    All faces are rendered from seeds that no network was trained on. Edits are drag by each of its presets, swap, and
    text, on 20 samples each, judged by networks that no edit follows, beside no edit and a random direction; they take
    about half an hour and need dlib. --json and the model cards explain each figure. What cannot be
    measured on this machine is left out, with a line about what to type; a missed target ends with code 1.
    """
    from .measures import model_cards
    from .measures.samples import EvaluationSamples

    bench = EvaluationSamples(count, vgg16, say=lambda text: click.echo(text, err=True))
    found = measure(names or [name for name in PARTS if name != EDITS], bench)
    if write:
        for name, measured in found.items():
            if measured.figures and name in model_cards.NAMES:
                click.echo(f"wrote {model_cards.write(name, measured, count)}", err=True)
    show(found, as_json)
    if missed := [f"{name} {figure}" for name, measured in found.items() for figure in measured.missed]:
        raise i2i.I2IError(f"Targets are missed ({', '.join(missed)}): {_advice(found, count)}.")


def measure(names: Iterable[str], bench: EvaluationSamples) -> dict[str, Measured]:
    """All figures of these networks, and what was left out."""
    from .measures.figures import Measured

    found = {}
    for name in dict.fromkeys(names):
        bench.say(f"{name} is measured")
        found[name] = measured = Measured()
        for part in PARTS[name]:
            try:
                measured.figures += _part(part)(bench)
            except i2i.I2IError as error:
                if str(error) not in measured.left_out:
                    measured.left_out.append(str(error))
    return found


def _part(path: str) -> Part:
    module, _, function = path.partition(".")
    part: Part = getattr(import_module(f".measures.{module}", __package__), function)
    return part


def show(found: Mapping[str, Measured], as_json: bool) -> None:
    """Print figures, on stdout; what was left out goes to stderr, or into the JSON."""
    if as_json:
        echo_json(
            {
                name: {
                    "figures": {figure.name: figure.as_json() for figure in measured.figures},
                    "left_out": measured.left_out,
                }
                for name, measured in found.items()
            }
        )
        return
    words = {True: "holds", False: "MISSED", None: ""}
    rows = [
        (name, figure.name, f"{figure.value:.4g}", figure.aim, words[figure.holds])
        for name, measured in found.items()
        for figure in measured.figures
    ]
    echo_table(("of", "figure", "value", "target", ""), rows)
    for name, measured in found.items():
        for reason in measured.left_out:
            click.echo(f"left out of {name}: {reason}", err=True)


def _advice(found: Mapping[str, Measured], count: int) -> str:
    """What to type about missed targets."""
    if found.keys() == {EDITS}:
        return "look at the samples: i2i edit --plugin drag --grid"
    if count < COUNT:
        return f"measure with more faces: --count {COUNT}"
    networks = [name for name, measured in found.items() if measured.missed and name in BY_NAME]
    if not networks:
        return "correct the rendering of the dataset faces, and measure again"
    return "train again: " + " and ".join(f"python -m research.demo.train {name}" for name in networks)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command; errors for the user end in one line and an exit code."""
    run_script(main, arguments)


if __name__ == "__main__":
    run()
