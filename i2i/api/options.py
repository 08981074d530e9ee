"""One declaration of a thing's options; from it come command line, YAML and JSON, documentation and web form."""

from __future__ import annotations

import types
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import click
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.fields import FieldInfo

from .errors import UsageError, did_you_mean


class Options(BaseModel):
    """Base of every options model: frozen, unknown keys are refused, and numbers are finite.

    Declare a field with ``pydantic.Field(default, ge=..., le=..., description="...")``; a unit goes into
    ``json_schema_extra={"unit": "px"}``. Further names go into ``json_schema_extra={"aliases": ["learning_rate"]}``:
    they are accepted wherever options are given, and stored under the name of the field. A trainer's field
    with the name of a setting of the run (``size``, ``seed``, ...) is filled in from the run, not asked for twice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _rename_aliases(cls, values: Any) -> Any:
        """Store values that are given by an alias under the name of the field."""
        if not isinstance(values, Mapping):
            return values
        names = {alias: name for name, field in cls.model_fields.items() for alias in option_aliases(field)}
        names = {alias: name for alias, name in names.items() if alias not in cls.model_fields}
        renamed = {name: value for name, value in values.items() if name not in names}
        for alias, name in names.items():
            if alias in values and name in renamed:
                raise ValueError(f"{option_flag(alias)} and {option_flag(name)} are the same option; give one of them")
            if alias in values:
                renamed[name] = values[alias]
        return renamed


Model = TypeVar("Model", bound=Options)

RESERVED_OPTIONS: Mapping[str, frozenset[str]] = {
    "trainer": frozenset(
        {
            "callback_options",
            "callbacks",
            "config",
            "data_root",
            "dataset",
            "dataset_options",
            "debug",
            "dry_run",
            "help",
            "name",
            "out",
        }
        | {"quiet", "registry", "resume", "source"}
    ),
    "editor": frozenset(
        {"animation", "as_json", "blend", "crop", "debug", "device", "encoder", "extractor"}
        | {"extractor_options", "extractors", "eyes", "face", "faithful", "fps", "fresh", "generator"}
        | {"generator_options", "help", "image", "images", "invert", "json", "keep", "landmarks", "mouth"}
        | {"name", "note", "out", "plugin", "progress", "recipe", "registry", "stop", "truncation", "watch"}
    ),
}
"""Options of ``i2i train`` and ``i2i edit`` themselves, and arguments of ``i2i.train`` and ``i2i.edit``. No trainer or
editor may declare an option of such a name."""

DATA_OPTIONS = frozenset(
    {"dataset", "data_root", "source", "direction", "epochs", "load_size", "flip", "overfit", "skip_bad", "cache_mb"}
)
"""Settings of what a trainer learns from, which one that makes its samples itself does not have."""


def reserved_options(kind: str, model: Any) -> list[str]:
    """Names of the options of a model that are reserved for the command which runs things of this kind."""
    fields: Mapping[str, FieldInfo] = getattr(model, "model_fields", {})
    names = [each for name, field in fields.items() for each in (name, *option_aliases(field))]
    return [name for name in names if name in RESERVED_OPTIONS.get(kind, ())]


def build_options(model: type[Model], values: Mapping[str, Any], where: str) -> Model:
    """Make the options from plain values; ``where`` (a file, "the command line") opens the error message.

    Raises:
        UsageError: an unknown key, a wrong type or a value out of range, each named with its value.
    """
    try:
        return model(**values)
    except ValidationError as error:
        raise UsageError(" ".join(_explain(model, issue, where) for issue in error.errors())) from None


def _explain(model: type[Options], issue: Any, where: str) -> str:
    message = issue["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")
    message = message[:1].lower() + message[1:].replace("Input should be", "it should be")
    if not issue["loc"]:  # a rule about several options at once
        return f"{where}: {message}."
    name = str(issue["loc"][0])
    if issue["type"] == "extra_forbidden":
        return f"{where}: there is no option {name!r}.{did_you_mean(name.replace('-', '_'), _all_names(model))}"
    if issue["type"] == "missing":
        return f"{where}: {option_flag(name)} is missing; give it."
    return f"{where}: {option_flag(name)} is {issue['input']!r}, but {message.replace('input should', 'it should')}."


def _all_names(model: type[Options]) -> list[str]:
    """Return the names of all options, with their aliases."""
    return [each for name, field in model.model_fields.items() for each in (name, *option_aliases(field))]


def option_aliases(field: FieldInfo) -> list[str]:
    """Return the further names of an option, such as ``["learning_rate"]``."""
    return list(_extra(field, "aliases") or ())


def option_flag(name: str) -> str:
    """Return the command-line spelling of a field: ``load_size`` -> ``--load-size``."""
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
        dataset = {"dataset_options": values["dataset_options"]} if "dataset_options" in values else {}
        run = values["run"]
        if run.get("dataset") is None:  # its trainer makes its samples itself, and refuses settings of a dataset
            run = {key: value for key, value in run.items() if key not in DATA_OPTIONS}
        return {**run, **values.get("options", {}), **dataset}
    return {key.replace("-", "_"): value for key, value in values.items()}


def click_options(model: type[Options], skip: frozenset[str] = frozenset()) -> list[click.Option]:
    """Return the fields of a model as click options, in order; what the user does not type arrives as ``None``."""
    return [_click_option(name, field) for name, field in model.model_fields.items() if name not in skip]


def describe(model: type[Options], skip: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    """Return the fields of a model in plain values, for ``plugins show``, the documentation and the web form.

    Each is ``name``, ``flag``, ``aliases``, ``type`` (a word, or the list of choices), ``count`` (values it takes, or
    ``"any"``), ``default``, ``required``, ``range`` (``">= 0 and <= 1"``), ``unit`` and ``help``.
    """
    rows = []
    for name, field in model.model_fields.items():
        if name in skip:
            continue
        kind, count = _plain_type(field.annotation)
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        limits = _limits(field)
        rows.append(
            {
                "name": name,
                "flag": option_flag(name),
                "aliases": option_aliases(field),
                "type": _choices(kind) or _word(kind),
                "count": count or "any",
                "default": default,
                "required": field.is_required(),
                "range": " and ".join(f"{_SIGNS[key]} {limit}" for key, limit in limits.items()) or None,
                "unit": _extra(field, "unit"),
                "help": field.description or "",
            }
        )
    return rows


_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


class _Choice(click.Choice):  # type: ignore[type-arg]  # generic only from click 8.2 on
    """One of a few values, shown and typed as text, handed on as what they are (``4`` and not ``"4"``)."""

    def __init__(self, values: list[Any]) -> None:
        super().__init__([str(value) for value in values])
        self.values = {str(value): value for value in values}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self.values[super().convert(value, param, ctx)]


def _click_option(name: str, field: FieldInfo) -> click.Option:
    kind, count = _plain_type(field.annotation)
    help_text = f"{field.description or ''}{_default_text(field)}"
    names = (name, *option_aliases(field))
    if kind is bool:
        flags = [f"{option_flag(each)}/--no-{each.replace('_', '-')}" for each in names]
        return click.Option([name, *flags], default=None, help=help_text)
    many: dict[str, Any] = {}
    if count == 0:
        many = {"multiple": True, "callback": lambda _ctx, _param, value: value or None}
    elif count > 1:
        many = {"nargs": count}
    return click.Option(
        [name, *map(option_flag, names), *_short(field)],
        type=_click_type(kind, field),
        default=None,
        metavar=_metavar(kind, field, count),
        help=help_text,
        **many,
    )


def _plain_type(annotation: Any) -> tuple[Any, int]:
    """Unwrap ``X | None``, ``Annotated`` and tuples: the scalar type, and how many (0: any number)."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _plain_type(parts[0])
    if origin in (Union, types.UnionType):
        inner = [part for part in parts if part is not type(None)]
        return _plain_type(inner[0]) if len(inner) == 1 else (str, 1)
    if origin is tuple and parts[-1] is not Ellipsis:
        return _plain_type(parts[0])[0], len(parts)
    if origin in (tuple, list):
        return _plain_type(parts[0])[0], 0
    return annotation, 1


def _choices(kind: Any) -> list[Any]:
    if get_origin(kind) is Literal:
        return [choice for choice in get_args(kind) if choice is not None]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [choice.value for choice in kind]
    return []


def _word(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


def _limits(field: FieldInfo) -> dict[str, Any]:
    found = {sign: getattr(item, sign, None) for item in field.metadata for sign in _SIGNS if hasattr(item, sign)}
    return {sign: limit for sign, limit in found.items() if limit is not None}


def _click_type(kind: Any, field: FieldInfo) -> Any:
    if choices := _choices(kind):
        return _Choice(choices)
    limits = _limits(field)
    if kind in (int, float) and limits:
        bounds: dict[str, Any] = {
            "min": limits.get("ge", limits.get("gt")),
            "max": limits.get("le", limits.get("lt")),
            "min_open": "gt" in limits,
            "max_open": "lt" in limits,
        }
        return click.IntRange(**bounds) if kind is int else click.FloatRange(**bounds)
    return {int: click.INT, float: click.FLOAT}.get(kind, click.STRING)


def _extra(field: FieldInfo, key: str) -> Any:
    return field.json_schema_extra.get(key) if isinstance(field.json_schema_extra, dict) else None


def _short(field: FieldInfo) -> list[str]:
    return [short] if (short := _extra(field, "short")) else []


def _metavar(kind: Any, field: FieldInfo, count: int) -> str | None:
    unit = _extra(field, "unit")
    word = str(unit).upper() if unit else {int: "N", float: "X", Path: "PATH"}.get(kind)
    return " ".join([word] * max(count, 1)) if word and not _choices(kind) else None


def _default_text(field: FieldInfo) -> str:
    if field.is_required():
        return "  [required]"
    default = field.get_default(call_default_factory=True)
    if default is None or default == () or default == "":
        return ""
    if isinstance(default, bool):
        default = "on" if default else "off"
    if isinstance(default, Enum):
        default = default.value
    if isinstance(default, (tuple, list)):
        default = " ".join(str(part) for part in default)
    return f"  [default: {default}]"
