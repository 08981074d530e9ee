"""i2i models: published weights, here and to be fetched."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ..api.errors import UsageError, did_you_mean
from ..registry import Registry
from ..toolkit.command_options import json_option
from ..toolkit.progress import Progress
from ..toolkit.terminal import echo_json, echo_table

if TYPE_CHECKING:
    from ..api.model import Model


@click.group("models")
def command() -> None:
    """Published weights by name: list, download and check them."""


@command.command("list")
@click.option("--role", metavar="ROLE", help="Only those of this role, such as generator.  [default: all]")
@json_option
@click.pass_obj
def list_(registry: Registry, role: str | None, as_json: bool) -> None:
    """List the models, and whether their files are here."""
    from ..assets.extractors import roles

    found: list[Model] = list(registry.all("model").values())
    known = {"generator", *roles(registry), *(model.role for model in found)}
    if role is not None and role not in known:
        raise UsageError(f"--role {role}: there is no such role.{did_you_mean(role, known)}")
    models = [_describe(model) for model in found if role in (None, model.role)]
    if as_json:
        echo_json({"models": models})
        return
    rows = [
        (
            each["name"],
            each["role"],
            each["domain"],
            each["resolution"] or "-",
            _megabytes(each["bytes"]),
            each["state"],
            each["licence"],
        )
        for each in models
    ]
    echo_table(("name", "role", "domain", "pixels", "size", "state", "licence"), rows)


@command.command("show")
@click.argument("name")
@json_option
@click.pass_obj
def show(registry: Registry, name: str, as_json: bool) -> None:
    """Show all that is known of one model, and what to type next."""
    facts = _describe(registry.get("model", name))
    if as_json:
        echo_json(facts)
        return
    for key, value in facts.items():
        click.echo(f"{key:<12}{'-' if value in (None, '') else value}")


@command.command("fetch")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.pass_obj
def fetch(registry: Registry, names: tuple[str, ...]) -> None:
    """Download weights; an interrupted download is resumed, and existing files are checked."""
    from ..assets.models import fetch_model

    models: list[Model] = [registry.get("model", name) for name in dict.fromkeys(names)]
    for model in models:
        with Progress("bytes") as progress:
            file = fetch_model(model, progress.stage, note=partial(click.echo, err=True))
        click.echo(file)


def _describe(model: Model) -> dict[str, Any]:
    """What is known of a model, as plain values."""
    from ..assets.datasets import recorded_checksum
    from ..assets.models import place, state

    file, now = place(model), state(model)
    there = now in ("here", "shipped")
    return {
        "name": model.name,
        "summary": model.summary,
        "role": model.role,
        "domain": model.domain,
        "resolution": model.resolution,
        "licence": model.licence,
        "homepage": model.homepage,
        "url": model.url,
        "bytes": file.stat().st_size if there else model.bytes,
        "sha256": model.sha256 or recorded_checksum(model.url),
        "state": now,
        "file": str(file),
        "next": _next(model, now),
    }


def _next(model: Model, now: str) -> str | None:
    """Return what to type or do next; None for models that are found automatically."""
    if now == "to fetch":
        return f"i2i models fetch {model.name}"
    if now == "by hand":
        return f"get it from {model.homepage or 'its publisher'} and put it there"
    return f"i2i sample --generator {model.name} --out grid.png" if model.role == "generator" else None


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.1f} MB"
