"""``i2i plugins``: list and show plugins, start a new one, check one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..scaffold import NEW_KINDS
from ..toolkit.command_options import json_option
from ..toolkit.terminal import echo_json, echo_table

if TYPE_CHECKING:
    from ..registry import Plugin, Registry


@click.group("plugins")
def command() -> None:
    """List plugins, look into one, start one, check one."""


_NAMED = 4
"""Models that the list names individually; if there are more, it shows their number."""


@command.command("list")
@json_option
@click.pass_obj
def list_plugins(registry: Registry, as_json: bool) -> None:
    """Show every plugin, what it provides, and the fault of each that failed."""
    _collect(registry)
    rows = [_summary(plugin) for plugin in registry.plugins.values()]
    if as_json:
        echo_json({"plugins": rows})
        return
    lines = [(row["name"], row["distribution"], row["version"], _provides(row)) for row in rows]
    echo_table(("PLUGIN", "FROM", "VERSION", "PROVIDES"), lines)


@command.command("show")
@click.argument("name")
@json_option
@click.pass_obj
def show(registry: Registry, name: str, as_json: bool) -> None:
    """Show what plugin NAME provides, with every option."""
    from ..validation import find_plugin

    plugin = find_plugin(registry, name)
    _collect(registry)
    things = [_describe_thing(registry, label) for label in plugin.things]
    if as_json:
        echo_json({**_summary(plugin), "things": things})
        return
    click.echo(f"{plugin.name}, from {plugin.release}")
    for fault in (plugin.error, *plugin.warnings):
        if fault:
            click.echo(f"  {'fault' if fault is plugin.error else 'warning'}: {fault}")
    for thing in things:
        click.echo(f"\n{thing['kind']} {thing['name']}: {thing['summary']}")
        for option in thing["options"]:
            click.echo(_option_line(option))


@command.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(NEW_KINDS),
    default="editor",
    show_default=True,
    help="What it provides.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder to make.  [default: i2i-NAME]")
def new(name: str, kind: str, out: Path | None) -> None:
    """Write a small working plugin called NAME to start from: package, module and test."""
    from ..scaffold import write_plugin

    folder = write_plugin(name, kind, out)
    click.echo(
        f"Wrote {folder}. Next:\n  pip install -e {folder}\n  python -m pytest {folder}\n  i2i plugins check {name}"
    )


@command.command("check")
@click.argument("what", metavar="[NAME|DIR|FILE.py]", required=False)
@json_option
@click.pass_context
def check(ctx: click.Context, what: str | None, as_json: bool) -> None:
    """Check plugin NAME, the plugin whose source is in DIR, a plugin FILE.py, or all; exit code 1 if one has a fault.

    Each fault is one line on stdout; the tracebacks behind it go to stderr.
    """
    from ..discovery import is_file_name, load_file
    from ..validation import check_plugin, plugins_in

    registry: Registry = ctx.obj
    names = [what] if what else list(registry.plugins)
    if what and what not in registry.plugins and (Path(what).is_dir() or is_file_name(what)):
        declared = [load_file(what)] if is_file_name(what) else plugins_in(Path(what))
        registry = _with_source(registry, declared)
        names = [plugin.name for plugin in declared]
    faults = {name: check_plugin(registry, name) for name in names}
    if as_json:
        rows = [{"name": name, "faults": found, **_details(registry.plugins[name])} for name, found in faults.items()]
        echo_json({"plugins": rows})
    else:
        for name, found in faults.items():
            plugin = registry.plugins[name]
            click.echo("\n".join(found) if found else f"{name}: sound, provides {_provides(_summary(plugin))}")
            click.echo("".join(plugin.tracebacks), err=True, nl=False)
    ctx.exit(1 if any(faults.values()) else 0)


def _with_source(registry: Registry, declared: list[Plugin]) -> Registry:
    """A registry in which a plugin from a folder stands in for the installed one of its name."""
    from ..registry import Plugin, Registry

    names = {plugin.name for plugin in declared}
    others = [plugin for name, plugin in registry.plugins.items() if name not in names and not plugin.error]
    fresh = [Plugin(plugin.name, plugin.distribution, plugin.version, plugin.module) for plugin in others]
    return Registry([*fresh, *declared])


def _collect(registry: Registry) -> None:
    from ..registry import KINDS

    for kind in KINDS:
        registry.entries(kind)


def _summary(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "things": plugin.things,
        "error": plugin.error,
        "warnings": plugin.warnings,
    }


def _details(plugin: Plugin) -> dict[str, Any]:
    return {"warnings": plugin.warnings, "tracebacks": plugin.tracebacks}


def _provides(row: dict[str, Any]) -> str:
    fault = [f"fault: {row['error']}"] if row["error"] else []
    fault += [f"warning: {warning}" for warning in row["warnings"]]
    models = [thing for thing in row["things"] if thing.startswith("model:")]
    things = [thing for thing in row["things"] if thing not in models]
    things += models if len(models) <= _NAMED else [f"{len(models)} models"]
    return "; ".join([*([", ".join(things)] if things else []), *fault]) or "commands"


def _describe_thing(registry: Registry, label: str) -> dict[str, Any]:
    from ..api.options import describe

    kind, _, name = label.partition(":")
    entry = registry.entry(kind, name)
    model = entry.options
    return {"kind": kind, "name": name, "summary": entry.summary, "options": describe(model) if model else []}


def _option_line(option: dict[str, Any]) -> str:
    kind = "|".join(str(choice) for choice in option["type"]) if isinstance(option["type"], list) else option["type"]
    default = "required" if option["required"] else f"default {option['default']}"
    notes = [kind, default, option["range"], option["unit"]]
    return f"  {option['flag']}  {option['help']} ({', '.join(str(note) for note in notes if note)})"
