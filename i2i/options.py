"""One declaration of a thing's options; from it come command line, YAML and JSON, documentation and web form."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import click
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from .errors import UsageError, did_you_mean


class Options(BaseModel):
    """Base of every options model: frozen, and unknown keys are refused.

    Declare a field with ``pydantic.Field(default, ge=..., le=..., description="...")``; a unit goes into
    ``json_schema_extra={"unit": "px"}``. A trainer's field that bears the name of a setting of the run itself
    (``size``, ``seed``, ...) is filled in from the run and not asked for twice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=Options)


def build(model: type[Model], values: Mapping[str, Any], where: str) -> Model:
    """Make the options from plain values; ``where`` (a file, "the command line") opens the error message.

    Raises:
        UsageError: an unknown key, a wrong type or a value out of range, each named with its value.
    """
    try:
        return model(**values)
    except ValidationError as error:
        raise UsageError("; ".join(_explain(model, issue, where) for issue in error.errors())) from None


def _explain(model: type[Options], issue: Any, where: str) -> str:
    name = ".".join(str(part) for part in issue["loc"]) or model.__name__
    if issue["type"] == "extra_forbidden":
        return f"{where}: there is no option {name!r}.{did_you_mean(name, model.model_fields)}"
    if issue["type"] == "missing":
        return f"{where}: {flag(name)} is missing; give it."
    message = issue["msg"].removeprefix("Value error, ")
    return f"{where}: {flag(name)} is {issue['input']!r}, but {message[0].lower()}{message[1:]}."


def flag(name: str) -> str:
    """The command-line spelling of a field: ``load_size`` -> ``--load-size``."""
    return "--" + name.replace("_", "-")


def read_config(path: str | Path) -> dict[str, Any]:
    """Read a YAML or JSON file of options; a run's own ``options.json`` serves as well.

    Raises:
        UsageError: the file is missing, unreadable, not valid, or does not hold a mapping of options.
    """
    import yaml

    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--config {path} cannot be read ({error}); name a YAML or JSON file.") from None
    except yaml.YAMLError as error:
        raise UsageError(f"--config {path} is not valid YAML: {' '.join(str(error).split())}.") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UsageError(f"--config {path} must hold 'option: value' lines, such as 'steps: 500'.")
    if "trainer" in values and isinstance(values.get("run"), dict):  # a run folder's options.json
        return {**values["run"], **values.get("options", {})}
    return {key.replace("-", "_"): value for key, value in values.items()}


def click_options(model: type[Options], skip: frozenset[str] = frozenset()) -> list[click.Option]:
    """The fields of a model as click options, in order; what is not typed by the user arrives as ``None``."""
    return [_click_option(name, field) for name, field in model.model_fields.items() if name not in skip]


def _click_option(name: str, field: FieldInfo) -> click.Option:
    kind, many = _plain_type(field.annotation)
    help_text = f"{field.description or ''}{_default_text(field)}"
    if kind is bool:
        return click.Option([f"{flag(name)}/--no-{name.replace('_', '-')}"], default=None, help=help_text)
    limits = {key: getattr(item, key) for item in field.metadata for key in ("ge", "gt", "le", "lt") if hasattr(item, key)}
    return click.Option(
        [flag(name), *_short(field)],
        type=_click_type(kind, limits),
        multiple=many,
        default=None,
        metavar=_metavar(kind, field),
        help=help_text,
    )


def _plain_type(annotation: Any) -> tuple[Any, bool]:
    """Unwrap ``X | None`` and ``tuple[X, ...]``: the scalar type, and whether the option may be repeated."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        return _plain_type(inner[0]) if len(inner) == 1 else (str, False)
    if origin in (tuple, list):
        return get_args(annotation)[0], True
    return annotation, False


def _click_type(kind: Any, limits: dict[str, Any]) -> click.ParamType | Callable[[str], Any]:
    if get_origin(kind) is Literal:
        return click.Choice([str(choice) for choice in get_args(kind)])
    if kind in (int, float):
        bounds: dict[str, Any] = {
            "min": limits.get("ge", limits.get("gt")),
            "max": limits.get("le", limits.get("lt")),
            "min_open": "gt" in limits,
            "max_open": "lt" in limits,
        }
        return click.IntRange(**bounds) if kind is int else click.FloatRange(**bounds)
    return click.STRING


def _extra(field: FieldInfo, key: str) -> Any:
    return field.json_schema_extra.get(key) if isinstance(field.json_schema_extra, dict) else None


def _short(field: FieldInfo) -> list[str]:
    return [short] if (short := _extra(field, "short")) else []


def _metavar(kind: Any, field: FieldInfo) -> str | None:
    if unit := _extra(field, "unit"):
        return str(unit).upper()
    return None if get_origin(kind) is Literal else {int: "N", float: "X", Path: "PATH"}.get(kind)


def _default_text(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True) if not field.is_required() else None
    if default in (None, (), ""):
        return "  [required]" if field.is_required() else ""
    return f"  [default: {default}]"
