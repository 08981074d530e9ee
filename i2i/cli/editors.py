"""The command line of an editor: ``i2i edit`` has the options of the editor that its arguments name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..api.errors import UsageError

if TYPE_CHECKING:
    from ..registry import Registry

_OWN = "i2i.editor_options"


class EditCommand(click.Command):
    """A command whose options are its own and those of the editor that its arguments name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the editor among the arguments first, since its options decide how the rest is read."""
        ctx.meta[_OWN] = self._editor_options(ctx, args)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's options, then the editor's."""
        own = ctx.meta.get(_OWN, [])
        all_ = super().get_params(ctx)
        last = [parameter for parameter in all_ if {"--debug", "--help"} & set(parameter.opts)]
        return [*(parameter for parameter in all_ if parameter not in last), *own, *last]

    def _editor_options(self, ctx: click.Context, args: list[str]) -> list[click.Option]:
        from ..api.options import click_options
        from ..assets.defaults import find_default
        from ..validation import COMMAND_WORDS

        registry: Registry = ctx.find_root().obj
        name = _value_of("--plugin", args)
        if recipe := _value_of("--recipe", args):
            from ..editing.recipes import read_recipe

            name = read_recipe(recipe).plugin
        editors = registry.all("editor")
        if name is None and (name := find_default(registry, "editor")) is None:
            if "--help" in args or "-h" in args:
                return []
            known = f"choose with --plugin: {', '.join(editors)}" if editors else "install a plugin that brings one"
            raise UsageError(f"No editor is the default here; {known}.")
        words = COMMAND_WORDS["editor"] | {parameter.name or "" for parameter in self.params}
        return click_options(registry.get("editor", name).Options, skip=words)


def _value_of(option: str, args: list[str]) -> str | None:
    """The value of a long option among raw arguments; the last one counts, as in click."""
    value = None
    for position, word in enumerate(args):
        if word == "--":
            break
        if word == option and position + 1 < len(args):
            value = args[position + 1]
        elif word.startswith(f"{option}="):
            value = word.partition("=")[2]
    return value
