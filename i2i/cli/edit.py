"""``i2i edit``: one edit of photos; ``--plugin NAME --help`` shows that editor's options."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from .output import echo_json, json_option
from .shared import landmarks_option

if TYPE_CHECKING:
    from ..registry import Registry

DEFAULT = "drag"
_OWN = "i2i.editor_options"


class EditCommand(click.Command):
    """A command whose options are its own and those of the editor that its arguments name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the editor among the arguments first, since its options decide how the rest is read."""
        ctx.meta[_OWN] = self._editor_options(ctx, args)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's options, then the editor's."""
        own = ctx.meta.get(_OWN, [])
        all_ = super().get_params(ctx)
        last = [parameter for parameter in all_ if {"--debug", "--help"} & set(parameter.opts)]
        return [*(parameter for parameter in all_ if parameter not in last), *own, *last]

    def _editor_options(self, ctx: click.Context, args: list[str]) -> list[click.Option]:
        from ..checks import COMMAND_WORDS
        from ..options import click_options

        registry: Registry = ctx.find_root().obj
        name = _value_of("--plugin", args)
        if recipe := _value_of("--recipe", args):
            from ..recipes import read_recipe

            name = read_recipe(recipe).plugin
        editors = registry.all("editor")
        if name is None and DEFAULT not in editors:
            if "--help" in args or "-h" in args:
                return []
            known = f"choose with --plugin: {', '.join(editors)}" if editors else "install a plugin that brings one"
            raise UsageError(f"There is no editor {DEFAULT!r}, which is the default; {known}.")
        words = COMMAND_WORDS["editor"] | {parameter.name or "" for parameter in self.params}
        return click_options(registry.get("editor", name or DEFAULT).Options, skip=words)


def _value_of(option: str, args: list[str]) -> str | None:
    """The value of a long option among raw arguments; the last one counts, as in click."""
    value = None
    for position, word in enumerate(args):
        if word == "--":
            break
        if word == option and position + 1 < len(args):
            value = args[position + 1]
        elif word.startswith(f"{option}="):
            value = word.partition("=")[2]
    return value


def _roles(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """``ROLE=NAME`` pairs as a dictionary."""
    from ..extracting import ROLES

    found: dict[str, str] = {}
    for pair in pairs:
        role, _sign, name = pair.partition("=")
        if role not in ROLES or not name:
            raise UsageError(f"--extractor {pair}: write ROLE=NAME, where ROLE is one of {', '.join(ROLES)}.")
        found[role] = name
    return found


@click.command("edit", cls=EditCommand)
@click.option("--plugin", metavar="NAME", help=f"The editor.  [default: {DEFAULT}]")
@click.option(
    "--image", "images", multiple=True, type=click.Path(path_type=Path), help="A photo; once for each it takes."
)
@landmarks_option
@click.option(
    "--extractor",
    "extractors",
    multiple=True,
    metavar="ROLE=NAME",
    callback=_roles,
    help="Take this extractor for a role, such as identity=arcface.  [default: by what the pictures show]",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the result.  [default: edits/NAME-001]")
@click.option("--device", default="auto", show_default=True, metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--seed", type=click.INT, help="Seed of everything random.  [default: 0]")
@click.option("--recipe", type=click.Path(path_type=Path), help="Do again the edit of this recipe.json.")
@json_option
@click.pass_obj
def command(
    registry: Registry,
    /,
    plugin: str | None,
    images: tuple[Path, ...],
    landmarks: str | None,
    extractors: dict[str, str],
    out: Path | None,
    device: str,
    seed: int | None,
    recipe: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Edit photos with a plugin: its picture, a before and after, and the recipe go to --out.

    --plugin NAME --help shows the options of that editor as well. Ctrl-C once keeps the best so far.
    """
    from ..editing import FILES, edit, edit_again
    from ..recipes import read_recipe

    given = {name: value for name, value in options.items() if value is not None}
    chosen = extractors | ({"landmarks": landmarks} if landmarks else {})
    if recipe and (plugin or given or chosen or seed is not None):
        raise UsageError(
            "--recipe does the edit again as it was: leave out --plugin, --seed, extractors and the editor's options."
        )
    name = read_recipe(recipe).plugin if recipe else plugin or DEFAULT
    out = out or next_folder(Path("edits"), name)
    with _progress(name) as show, _stop_once() as stop:
        shared: dict[str, Any] = {"device": device, "out": out, "registry": registry, "progress": show, "stop": stop}
        if recipe:
            result = edit_again(recipe, images, **shared)
        else:
            result = edit(name, images, extractors=chosen, seed=seed or 0, **shared, **given)
    files = [file for file in FILES if (out / file).exists()]
    if as_json:
        echo_json(
            {"out": str(out), "files": files, "scalars": dict(result.scalars), "recipe": str(out / "recipe.json")}
        )
    else:
        click.echo(f"Wrote {', '.join(files)} to {out}")


def next_folder(base: Path, name: str) -> Path:
    """The first of ``base/name-001``, ``-002``, ... that is free."""
    number = 1
    while (folder := base / f"{name}-{number:03d}").exists():
        number += 1
    return folder


@contextmanager
def _progress(name: str) -> Iterator[Callable[..., None]]:
    """A bar on stderr that the editor moves; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total, **scalars: None
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:-1], TimeRemainingColumn(), TextColumn("{task.fields[scalars]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None, scalars="")

        def show(done: int, total: int, **scalars: float) -> None:
            values = " ".join(f"{key} {float(value):.4g}" for key, value in scalars.items())
            bar.update(task, completed=done, total=total, scalars=values)

        yield show


@contextmanager
def _stop_once() -> Iterator[Callable[[], bool]]:
    """Yield a question that is True once Ctrl-C was pressed; pressed again, it ends the command at once."""
    pressed = False

    def remember(_signal: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        click.echo("\nStopping with the best so far; press Ctrl-C again to end without it.", err=True)

    try:
        before = signal.signal(signal.SIGINT, remember)
    except ValueError:  # not the main thread, where no signal can be caught
        yield lambda: False
        return
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
