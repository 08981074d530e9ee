"""Command-line options that several commands share, for the engine and for commands of plugins."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import click

from ..api.errors import UsageError
from .faces.points import Point, parse_eyes, parse_mouth
from .terminal import STDOUT


def _settings(_: click.Context, option: click.Parameter, pairs: tuple[str, ...]) -> dict[str, Any]:
    """``KEY=VALUE`` pairs as plain values; the declaration of the options checks names, types and ranges later."""
    flag, settings = option.opts[0], {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"{flag} {pair}: write it as {flag} KEY=VALUE, such as {flag} test=paper.")
        settings[key.strip().replace("-", "_")] = _value(flag, key, value)
    return settings


def _named_settings(_: click.Context, option: click.Parameter, pairs: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """``NAME.KEY=VALUE`` pairs as plain values by name."""
    flag = option.opts[0]
    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        path, sign, value = pair.partition("=")
        name, dot, key = path.strip().rpartition(".")
        if not sign or not dot or not name or not key:
            raise UsageError(f"{flag} {pair}: write it as {flag} NAME.KEY=VALUE.")
        found.setdefault(name, {})[key.replace("-", "_")] = _value(flag, path, value)
    return found


def _value(flag: str, key: str, text: str) -> Any:
    """Whole numbers, lists and null are read as such; the declaration reads other text as it needs."""
    if text.removeprefix("-").isdecimal():
        return int(text)
    if text != "null" and not text.startswith("["):
        return text
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(f"{flag} {key}={text} is not a list; write it like [1, 2].") from None


def _checkpoint(_: click.Context, __: click.Parameter, value: str) -> str | int:
    if value in ("last", "best"):
        return value
    if not value.isdecimal():
        raise UsageError(f"--checkpoint {value}: use last, best or the number of a step.")
    return int(value)


def _eyes(_: click.Context, __: click.Parameter, text: str | None) -> tuple[Point, Point] | None:
    return None if text is None else parse_eyes(text)


def _mouth(_: click.Context, __: click.Parameter, text: str | None) -> Point | None:
    return None if text is None else parse_mouth(text)


def _roles(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Read ``ROLE=NAME`` pairs into a dictionary."""
    found: dict[str, str] = {}
    for pair in pairs:
        role, _sign, name = pair.partition("=")
        if not role or not name:
            raise UsageError(f"--extractor {pair}: write ROLE=NAME, such as identity=arcface.")
        found[role] = name
    return found


def _to_stderr(ctx: click.Context, _: click.Parameter, as_json: bool) -> bool:
    """With ``--json`` what plugins print goes to stderr, so that ``echo_json`` alone writes on stdout."""
    if as_json and STDOUT not in ctx.meta:
        ctx.meta[STDOUT] = sys.stdout
        ctx.with_resource(redirect_stdout(sys.stderr))
    return as_json


json_option = click.option(
    "--json", "as_json", is_flag=True, callback=_to_stderr, help="Print one JSON object on stdout and nothing else."
)
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_settings,
    help="Change one of the trainer's own options for this time, such as test=paper; may be repeated.",
)


def _options_of(kind: str, named: bool = False) -> Callable[[Any], Any]:
    """Return the option ``--KIND-options``, which sets options of a plugin of this kind, or of several by name."""
    whose = f"{kind}s by name" if named else f"the {kind}"
    return click.option(
        f"--{kind}-options",
        multiple=True,
        metavar="NAME.KEY=VALUE" if named else "KEY=VALUE",
        callback=_named_settings if named else _settings,
        help=f"Set an option of {whose} (see 'i2i plugins show'); may be repeated.",
    )


dataset_options_option = _options_of("dataset")
generator_options_option = _options_of("generator")
metric_options_option = _options_of("metric", named=True)
extractor_options_option = _options_of("extractor", named=True)
callback_options_option = _options_of("callback", named=True)
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
    help="Extractor of faces and their landmarks (see 'i2i plugins list').  [default: by what the images show]",
)


encoder_option = click.option(
    "--encoder",
    metavar="NAME|FILE|RUN",
    help="Encoder of photos: a name, or a file or run of 'i2i train encoder'.  [default: by what the images show]",
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


eyes_option = click.option(
    "--eyes",
    metavar="X,Y:X,Y",
    callback=_eyes,
    help="Place the face of one photo by hand: the centres of its eyes in pixels, the left one in the image first.",
)
mouth_option = click.option(
    "--mouth", metavar="X,Y", callback=_mouth, help="With --eyes: the centre of the mouth, in pixels of the photo."
)
extractor_option = click.option(
    "--extractor",
    "extractors",
    multiple=True,
    metavar="ROLE=NAME",
    callback=_roles,
    help="Take this extractor for a role, such as identity=arcface.  [default: by what the images show]",
)
