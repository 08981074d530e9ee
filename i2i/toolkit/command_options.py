"""Command-line options that several commands share, for the engine and for commands of plugins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..api.errors import UsageError


def _settings(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, Any]:
    """Parse ``KEY=VALUE`` pairs to plain values; the trainer's ``Options`` check names, types and ranges later."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"--set {pair}: write it as --set KEY=VALUE, such as --set test=paper.")
        settings[key.strip().replace("-", "_")] = _value(key, value)
    return settings


def _value(key: str, text: str) -> Any:
    """Parse integers, lists and null; other text is left to the ``Options`` that declare the key."""
    if text.removeprefix("-").isdecimal():
        return int(text)
    if text != "null" and not text.startswith("["):
        return text
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(f"--set {key}={text} is not a list; write it like [1, 2].") from None


def _checkpoint(_: click.Context, __: click.Parameter, value: str) -> str | int:
    if value in ("last", "best"):
        return value
    if not value.isdecimal():
        raise UsageError(f"--checkpoint {value}: use last, best or the number of a step.")
    return int(value)


def _roles(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Read ``ROLE=NAME`` pairs into a dictionary."""
    found: dict[str, str] = {}
    for pair in pairs:
        role, _sign, name = pair.partition("=")
        if not role or not name:
            raise UsageError(f"--extractor {pair}: write ROLE=NAME, such as identity=arcface.")
        found[role] = name
    return found


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_settings,
    help="Change one of the trainer's own options for this time, such as test=paper; may be repeated.",
)
checkpoint_option = click.option(
    "--checkpoint",
    default="last",
    show_default=True,
    metavar="last|best|STEP",
    callback=_checkpoint,
    help="Which weights.",
)
device_option = click.option(
    "--device", default="auto", show_default=True, metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps."
)
landmarks_option = click.option(
    "--landmarks",
    metavar="NAME",
    help="Extractor of faces and their landmarks (see 'i2i plugins list').  [default: by what the pictures show]",
)


def face_option(default: str | None = "largest") -> Callable[[Any], Any]:
    """Return the option ``--face``; parse its value with ``i2i.toolkit.faces.detection.parse_face_choice``."""
    return click.option(
        "--face",
        default=default,
        show_default=default is not None,
        metavar="largest|left|N|all",
        help="Which face of a photo: N counts from 1, from left to right."
        + ("" if default else "  [default: largest]"),
    )


extractor_option = click.option(
    "--extractor",
    "extractors",
    multiple=True,
    metavar="ROLE=NAME",
    callback=_roles,
    help="Take this extractor for a role, such as identity=arcface.  [default: by what the pictures show]",
)
