"""The command line is built anew over each registry, and no build feels another."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from i2i.cli import COMMANDS, build
from i2i.cli.models import command as models
from i2i.registry import Registry, find_plugins


def names(group: click.Group, under: str = "") -> Iterator[str]:
    """Every command of a group, with the groups above it."""
    for name, child in group.commands.items():
        yield f"{under}{name}"
        if isinstance(child, click.Group):
            yield from names(child, f"{under}{name} ")


@pytest.mark.parametrize("order", [("text", ""), ("", "text"), ("text", "", "text")])
def test_what_a_plugin_adds_to_a_group_stays_in_its_own_command_line(order: tuple[str, ...]) -> None:
    found: dict[str, list[set[str]]] = {plugin: [] for plugin in order}
    for plugin in order:
        found[plugin].append(set(names(build(Registry(find_plugins([plugin] if plugin else []))))))
    core = found[""][0]
    assert all(each == core for each in found[""])
    assert all(each == core | {"models make-directions"} for each in found["text"])
    assert core >= {*COMMANDS, "models fetch"} and set(models.commands) == {"list", "show", "fetch", "remove"}


@pytest.mark.parametrize("path", [["train"], ["models", "fetch"], ["models", "make-directions"]])
def test_every_command_has_debug_once(path: list[str]) -> None:
    registry = Registry(find_plugins(["text"]))
    build(registry)
    command: click.Command = build(registry)
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    assert [parameter.name for parameter in command.params].count("debug") == 1
