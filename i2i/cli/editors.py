"""The command line of an editor: ``i2i edit`` has the options of the editor that its arguments name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..api.errors import UsageError
from ..guards import guarding, plugin_owner

if TYPE_CHECKING:
    from ..registry import Registry

_OWN = "i2i.editor_options"


class EditCommand(click.Command):
    """A command whose options are its own and those of the editor that its arguments name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the editor among the arguments first, since its options decide how the rest is read."""
        name, ctx.obj = self._editor(ctx, args)
        ctx.meta[_OWN] = self._editor_options(ctx.obj, name, args)
        rest = super().parse_args(ctx, args)
        if ctx.params.get("plugin"):
            ctx.params["plugin"] = name  # a path has become the name of the editor in that file
        return rest

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's options, then the editor's."""
        own = ctx.meta.get(_OWN, [])
        all_ = super().get_params(ctx)
        last = [parameter for parameter in all_ if {"--debug", "--help"} & set(parameter.opts)]
        return [*(parameter for parameter in all_ if parameter not in last), *own, *last]

    def _editor(self, ctx: click.Context, args: list[str]) -> tuple[str | None, Registry]:
        """The editor that the arguments name, and a registry that has it."""
        registry: Registry = ctx.find_root().obj
        if recipe := value_of("--recipe", args):
            from ..editing.recipes import read_recipe

            known = read_recipe(recipe)
            return known.plugin, registry.restored("editor", known.plugin, known.origin, recipe)[0]
        name = value_of("--plugin", args)
        return (None, registry) if name is None else registry.resolve("editor", name)

    def _editor_options(self, registry: Registry, name: str | None, args: list[str]) -> list[click.Option]:
        from ..api.options import RESERVED_OPTIONS, click_options
        from ..assets.defaults import find_default

        if name is None and (name := find_default(registry, "editor")) is None:
            if "--help" in args or "-h" in args:
                return []
            editors = registry.names("editor")
            known = f"choose with --plugin: {', '.join(editors)}" if editors else "install a plugin that provides one"
            raise UsageError(f"No editor is the default here; {known}.")
        words = RESERVED_OPTIONS["editor"] | {parameter.name or "" for parameter in self.params}
        entry = registry.entry("editor", name)
        with guarding(plugin_owner(registry, "editor", name), "Options"):
            return click_options(entry.options, skip=words)


def value_of(option: str, args: list[str]) -> str | None:
    """Return the value of a long option among raw arguments; the last one counts, as in click."""
    value = None
    for position, word in enumerate(args):
        if word == "--":
            break
        if word == option and position + 1 < len(args):
            value = args[position + 1]
        elif word.startswith(f"{option}="):
            value = word.partition("=")[2]
    return value
