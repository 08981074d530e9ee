"""Every option of every command, trainer, dataset and editor: its name, type and default, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import click

KINDS = ("dataset", "editor", "extractor", "generator", "inverter", "metric", "trainer")
"""Kinds of plugins whose classes may declare ``Options``."""
PROSE = ("title", "description", "unit")
"""Parts of a schema that are wording, not behaviour."""
BY_FIRST_ARGUMENT = {"train": ("trainer", ()), "edit": ("editor", ("--plugin",))}
"""Commands whose options depend on a plugin: its kind, and what is typed before its name."""


@dataclass(frozen=True)
class TableCase:
    """The options of one class or command."""

    table: dict[str, Any]
    """By name."""


def cases(registry: Any) -> dict[str, TableCase]:
    """All tables by name, such as ``editor drag`` or ``i2i models list``."""
    found = {}
    for kind in KINDS:
        for name, thing in registry.all(kind).items():
            options = getattr(thing, "Options", None)
            if options is not None and options.model_fields:
                found[f"{kind} {name}"] = TableCase(schema_of(options))
    root = command_line()
    context = click.Context(root, info_name="i2i", obj=registry)
    found |= {name: TableCase(options) for name, options in _commands(root, context, "i2i", registry)}
    return found


def observe(case: TableCase, workspace: Any) -> dict[str, Any]:
    """The table by option."""
    return dict(case.table)


def schema_of(options: Any) -> dict[str, Any]:
    """Name -> JSON schema of an option with its default, without its wording."""
    schema = options.model_json_schema()
    required = set(schema.get("required", ()))
    table = {}
    for name, about in schema["properties"].items():
        table[name] = {key: value for key, value in sorted(about.items()) if key not in PROSE}
        table[name] |= {"required": True} if name in required else {}
    return table


def command_line() -> click.Group:
    """The group ``i2i`` as ``main`` builds it."""
    from i2i.cli import main

    built: list[Any] = []
    with patch.object(click.Command, "main", lambda self, *args, **kwargs: built.append(self)):
        main([])
    return built[0]


def _commands(
    group: click.Group, context: click.Context, path: str, registry: Any
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The commands below a group, each with its options; one for each plugin where options depend on it."""
    yield path, {each.name: _parameter(each, context) for each in group.get_params(context)}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = f"{path} {name}"
        if isinstance(command, click.Group):
            below = click.Context(command, info_name=name, parent=context)
            yield from _commands(command, below, inner, registry)
            continue
        kind, before = BY_FIRST_ARGUMENT.get(name, ("", ())) if path == "i2i" else ("", ())
        for plugin in registry.all(kind) if kind else [""]:
            words = [*before, plugin] if plugin else []
            with command.make_context(name, list(words), parent=context, resilient_parsing=True) as own:
                table = {each.name: _parameter(each, own) for each in own.command.get_params(own)}
            yield f"{inner} {plugin}".rstrip(), table


def _parameter(parameter: click.Parameter, context: click.Context) -> dict[str, Any]:
    about: dict[str, Any] = {
        "names": [*parameter.opts, *parameter.secondary_opts],
        "type": parameter.type.name,
        "default": _plain(parameter.get_default(context)),
    }
    if isinstance(parameter.type, click.Choice):
        about["choices"] = [str(choice) for choice in parameter.type.choices]
    for name in ("required", "multiple", "is_flag"):
        if getattr(parameter, name, False):
            about[name] = True
    if parameter.nargs != 1:
        about["nargs"] = parameter.nargs
    return about


def _plain(value: Any) -> Any:
    """A default as JSON has it; click marks a missing one in several ways."""
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value if isinstance(value, (bool, int, float, str)) else None
