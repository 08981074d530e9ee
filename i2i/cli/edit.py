"""``i2i edit``: one edit of photos; ``--plugin NAME --help`` shows that editor's options."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..api.errors import UsageError
from ..runtime.cancellation import Cancellation
from ..toolkit.command_options import (
    encoder_option,
    extractor_option,
    extractor_options_option,
    eyes_option,
    face_option,
    generator_options_option,
    json_option,
    landmarks_option,
    mouth_option,
)
from ..toolkit.directories import numbered_directory, output_directory
from ..toolkit.progress import Progress
from ..toolkit.terminal import echo_json
from .editors import EditCommand

if TYPE_CHECKING:
    from ..api.editor import Result
    from ..registry import Registry

_STOPPING = "Stopping with the best result so far, if there is any; press Ctrl-C again to end without it."
_FRAME = re.compile(r"(frames(?:_[0-9]+)??)_[0-9]{4,}\.png")
_INTERRUPTED = "Stopped at once, so nothing is written; type the command again to start over."


@click.command("edit", cls=EditCommand)
@click.option("--plugin", metavar="NAME|FILE.py", help="The editor, or a file that defines it: see 'i2i plugins list'.")
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="[NAME=]IMAGE",
    help="A photo, seed:N or the latent.safetensors of an edit; once for each that the editor takes.",
)
@click.option(
    "--generator",
    metavar="G",
    help="A model's name, a weight file or the folder of a run.  [default: the built-in model]",
)
@click.option(
    "--crop",
    type=click.Choice(["auto", "face", "square"]),
    help="What a generator sees of a photo: a face aligned as in FFHQ, the largest square, or what fits the "
    "generator.  [default: auto]",
)
@face_option(None)
@eyes_option
@mouth_option
@click.option(
    "--invert",
    metavar="METHOD[,KEY=VALUE]",
    help="The inverter that finds a photo's latent, with its options: see 'i2i plugins list'.",
)
@click.option(
    "--faithful", is_flag=True, help="Use the inverter whose result is closest to the photo; it takes longer."
)
@click.option("--truncation", type=float, help="Truncation psi of images given by seed:N.  [default: 0.7]")
@click.option(
    "--blend",
    type=click.Choice(["feather", "poisson", "plain", "none"]),
    help="How the edited crop goes back into its photo; plain keeps its colours.  [default: feather]",
)
@click.option(
    "--animation",
    metavar="FILE[,FILE]",
    help="Files of the frames: gif, mp4, png (a numbered image for each).  [default: gif]",
)
@click.option("--fps", type=click.FloatRange(1, 120), help="Frames per second of GIF and MP4.  [default: 10]")
@landmarks_option
@encoder_option
@extractor_option
@extractor_options_option
@generator_options_option
@click.option(
    "--out", metavar="FOLDER", help="For the result; replaces an earlier edit's only.  [default: edits/NAME-001]"
)
@click.option("--device", default="auto", show_default=True, metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--seed", type=click.INT, help="Seed of everything random.  [default: 0]")
@click.option("--recipe", type=click.Path(path_type=Path), help="Repeat the edit of this recipe.json.")
@click.option("--fresh", is_flag=True, help="Invert photos again, ignoring the cache.")
@json_option
@click.pass_obj
def command(
    registry: Registry,
    /,
    plugin: str | None,
    images: tuple[str, ...],
    landmarks: str | None,
    encoder: str | None,
    extractors: dict[str, str],
    animation: str | None,
    fps: float | None,
    out: str | None,
    device: str,
    seed: int | None,
    recipe: Path | None,
    faithful: bool,
    fresh: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Edit images with a plugin: the result, a before and after, and the recipe go to --out.

    \b
    i2i edit --plugin drag --image me.jpg --generator ffhq-256 --preset smile --faithful
    i2i edit --plugin mix --image seed:1 --image seed:2

    --plugin NAME --help shows the options of that editor as well. Ctrl-C once keeps the best so far, if there is any.
    A photo's edited part goes back into the whole photo: photo.png.
    """
    from ..assets.defaults import default_name
    from ..editing.pipeline import edit, edit_again
    from ..editing.recipes import read_recipe
    from ..editing.settings import faithful_inversion
    from ..toolkit.faces.detection import parse_face_choice

    given = {name: value for name, value in options.items() if value is not None}
    for name in ("extractor_options", "generator_options"):  # none given is an empty dictionary
        given |= {name: own} if (own := given.pop(name)) else {}
    named = {"landmarks": landmarks, "encoder": encoder}
    chosen = extractors | {role: own for role, own in named.items() if own}
    if faithful:
        given["invert"] = faithful_inversion(given.get("invert", ""), registry)
    if recipe and (plugin or given or chosen or seed is not None):
        raise UsageError(
            "--recipe does the edit again as it was: leave out --plugin, --seed, extractors and the edit's options."
        )
    name = read_recipe(recipe).plugin if recipe else plugin or default_name(registry, "editor")
    with (
        _output_directory(name, out) as folder,
        Progress(name=name, transient=True) as progress,
        Cancellation(_STOPPING, _INTERRUPTED) as cancellation,
    ):
        shared: dict[str, Any] = {"device": device, "out": folder, "registry": registry, "fps": fps}
        shared |= {"animation": animation} if animation is not None else {}
        shared |= {"progress": progress, "stop": cancellation}
        shared["note"] = _tell
        if recipe:
            result = edit_again(recipe, images, **shared)
        else:
            given |= {"face": parse_face_choice(given["face"])} if "face" in given else {}
            result = edit(name, images, extractors=chosen, seed=seed or 0, keep=not fresh, **shared, **given)
    files = written(folder)
    if as_json:
        recipe_file = str(folder / "recipe.json")
        facts = {"out": str(folder), "files": files, "scalars": dict(result.scalars), "recipe": recipe_file}
        echo_json(facts | ({"others": [dict(each.scalars) for each in result.others]} if result.others else {}))
    else:
        click.echo(f"Wrote {', '.join(shorten(files))} to {folder}")
        for line in figures(result):
            click.echo(line)


def written(out: Path) -> list[str]:
    """Return the files that an edit left, as its recipe names them, the recipe last."""
    return [*json.loads((out / "recipe.json").read_text(encoding="utf-8"))["files"], "recipe.json"]


def shorten(files: Sequence[str]) -> list[str]:
    """Replace numbered frames by the first and the last of them."""
    short: list[str] = []
    for animation, names in groupby(files, lambda name: found[1] if (found := _FRAME.fullmatch(name)) else ""):
        group = list(names)
        short += [f"{group[0]} to {group[-1]}"] if animation and len(group) > 1 else group
    return short


def figures(result: Result) -> list[str]:
    """Return what the editor measured, a line for each image."""
    every = (result, *result.others)
    lines = ["  ".join(f"{name} {value:.4g}" for name, value in each.scalars.items()) for each in every]
    return [f"{number}: {line}" if len(every) > 1 else line for number, line in enumerate(lines, start=1) if line]


def _tell(text: str) -> None:
    click.echo(text, err=True)


@contextmanager
def _output_directory(name: str, out: str | None) -> Iterator[Path]:
    """Yield the directory of ``--out``, else the next free ``edits/NAME-NNN``, which is removed if it stays empty."""
    if out is not None:
        yield output_directory(out)
        return
    with numbered_directory(Path("edits"), name) as directory:
        yield directory
