"""Find plugins, guard the house against bad ones, and answer "which X is called NAME, and who gave it"."""

from __future__ import annotations

import importlib.metadata as metadata
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pluggy

from .api import hookspecs
from .api.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    import click

KINDS = ("trainer", "dataset", "generator", "model", "extractor", "editor", "inverter", "preset", "metric", "panel")
HOOKS = frozenset(name for name in vars(hookspecs) if name.startswith("register_"))


@dataclass
class Plugin:
    """One plugin found on this machine, loaded or failed."""

    name: str
    distribution: str
    version: str
    module: Any = None
    """What its entry point names, usually a module; None where it could not be imported."""
    error: str | None = None
    """What is wrong with it, in one line; None for a sound plugin."""
    things: list[str] = field(default_factory=list)
    """What it registered, as ``"trainer:pix2pix"``."""


class Registry:
    """The plugins of this process and what they brought. Things are collected on first use, one kind at a time.

    A fault costs no more than it must: a module that cannot be loaded brings nothing; a hook that fails brings
    nothing, and the plugin's other hooks still count; of things whose name is taken the others are kept. Each fault is
    told once, on stderr, and kept in ``error``.
    """

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.manager = pluggy.PluginManager(hookspecs.GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.plugins: dict[str, Plugin] = {}
        """By name; where two distributions use one name, the later is ``"name (distribution)"``."""
        self._things: dict[str, dict[str, Any]] = {}
        self._givers: dict[tuple[str, str], Plugin] = {}
        for plugin in sorted(plugins, key=_rank):
            self.add(plugin)

    def add(self, plugin: Plugin) -> None:
        """Take in a plugin; whatever is wrong with it is kept as its ``error`` and told once on stderr."""
        if plugin.name in self.plugins:
            plugin.name = f"{plugin.name} ({plugin.distribution})"
        self.plugins[plugin.name] = plugin
        if plugin.module is None:
            reason, plugin.error = plugin.error or "it could not be imported", None
            _tell(plugin, reason)
            return
        with _guarded(plugin):
            _check_hooks(plugin.module)
            self.manager.register(plugin.module, name=plugin.name)
        if plugin.error and self.manager.has_plugin(plugin.name):
            self.manager.unregister(name=plugin.name)

    def get(self, kind: str, name: str) -> Any:
        """The thing of this kind that is called ``name``.

        Raises:
            UsageError: there is none; names the nearest.
        """
        things = self.all(kind)
        if name not in things:
            failed = [plugin.name for plugin in self.plugins.values() if plugin.error]
            hint = f" These plugins have faults (see 'i2i plugins list'): {', '.join(failed)}." if failed else ""
            near = did_you_mean(name, things) or (f" See: i2i {kind}s list." if kind in ("model", "dataset") else "")
            raise UsageError(f"There is no {kind} called {name!r}.{near}{hint}")
        return things[name]

    def all(self, kind: str) -> dict[str, Any]:
        """Everything of one kind, by name, sorted."""
        if kind not in self._things:
            self._things[kind] = self._collect(kind)
        return self._things[kind]

    def giver(self, kind: str, name: str) -> Plugin:
        """The plugin that brought a thing."""
        self.get(kind, name)
        return self._givers[kind, name]

    def add_commands(self, cli: click.Group) -> None:
        """Let every plugin add its commands; one that would replace a command, or fails, adds none."""
        for plugin, hook in self._hooks("register_commands"):
            before = [(group, dict(group.commands)) for group in _groups(cli)]
            told = plugin.error
            with _guarded(plugin, "register_commands"):
                hook(cli=cli, registry=self)
                _refuse_replaced(before)
            if plugin.error != told:
                for group, commands in before:
                    group.commands = commands

    def _collect(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for plugin, hook in self._hooks(f"register_{kind}s"):
            mine: dict[str, Any] = {}
            with _guarded(plugin, f"register_{kind}s"):
                hook(register=lambda thing, mine=mine: _take(thing, kind, mine))
                for name in sorted(mine.keys() & found.keys()):
                    del mine[name]
                    _tell_taken(plugin, f"{kind} {name!r} is already given by {self._givers[kind, name].distribution}")
                found.update(mine)
                self._givers.update({(kind, name): plugin for name in mine})
                plugin.things += [f"{kind}:{name}" for name in sorted(mine)]
        return dict(sorted(found.items()))

    def _hooks(self, name: str) -> Iterator[tuple[Plugin, Any]]:
        """One caller a plugin, first-party first, then in the order of names: blame is certain and order is fixed."""
        implementers = {hook.plugin_name for hook in getattr(self.manager.hook, name).get_hookimpls()}
        modules = self.manager.get_plugins()
        for plugin in sorted(self.plugins.values(), key=_rank):
            if plugin.name in implementers:
                others = [module for module in modules if module is not plugin.module]
                yield plugin, self.manager.subset_hook_caller(name, others)


def _rank(plugin: Plugin) -> tuple[bool, str, str]:
    """First-party plugins come first, so that a stranger's cannot take a name from them."""
    return plugin.distribution != "i2i", plugin.distribution, plugin.name


@contextmanager
def _guarded(plugin: Plugin, hook: str = "") -> Iterator[None]:
    """A stranger's code runs inside: nothing in it may take the tool down, not even ``sys.exit``."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        kind = "" if isinstance(error, (ValueError, pluggy.PluginValidationError)) else f"{type(error).__name__}: "
        _tell(plugin, f"{kind}{error}", hook)


def _tell(plugin: Plugin, reason: str, hook: str = "") -> None:
    reason = " ".join(reason.split())
    _blame(plugin, f"{hook}: {reason}" if hook else reason)
    where = f"{hook} of plugin {plugin.name}" if hook else f"plugin {plugin.name}"
    print(f"i2i: {where} ({plugin.distribution} {plugin.version}) is left out: {reason}", file=sys.stderr)


def _tell_taken(plugin: Plugin, reason: str) -> None:
    reason = f"{reason}; give yours another name"
    _blame(plugin, reason)
    print(
        f"i2i: one thing of plugin {plugin.name} ({plugin.distribution} {plugin.version}) is left out: {reason}",
        file=sys.stderr,
    )


def _blame(plugin: Plugin, fault: str) -> None:
    plugin.error = f"{plugin.error}; {fault}" if plugin.error else fault


def _take(thing: Any, kind: str, mine: dict[str, Any]) -> None:
    """Check what a plugin registers before anybody relies on it."""
    for attribute in ("name", "summary"):
        value = getattr(thing, attribute, None)
        if not isinstance(value, str) or not value.strip() or "\n" in value:
            raise ValueError(f"{kind} {getattr(thing, '__name__', thing)!r} needs a one-line {attribute!r}")
    if thing.name in mine:
        raise ValueError(f"{kind} {thing.name!r} is registered twice")
    mine[thing.name] = thing


def _check_hooks(module: Any) -> None:
    """A misspelt or unmarked hook is a plugin that silently does nothing; say so."""
    marked = 0
    for name in dir(module):
        value = getattr(module, name)
        mark = getattr(value, f"{hookspecs.GROUP}_impl", None)
        hook = (isinstance(mark, dict) and mark.get("specname")) or name
        if mark is not None and hook not in HOOKS:
            raise ValueError(f"unknown hook {hook!r}.{did_you_mean(hook, HOOKS)}")
        own = callable(value) and getattr(value, "__module__", None) == getattr(module, "__name__", None)
        if mark is None and own and name.startswith("register_"):
            near = "" if name in HOOKS else f", and no hook has this name.{did_you_mean(name, HOOKS)}"
            raise ValueError(f"{name} lacks the @i2i.hookimpl mark{near}")
        marked += mark is not None
    if not marked:
        raise ValueError("it has no function marked @i2i.hookimpl, so it brings nothing")


def _groups(group: click.Group) -> Iterator[click.Group]:
    """A group of commands and the groups within it."""
    yield group
    for child in group.commands.values():
        if hasattr(child, "commands"):
            yield from _groups(child)  # type: ignore[arg-type]


def _refuse_replaced(before: list[tuple[click.Group, dict[str, click.Command]]]) -> None:
    for group, commands in before:
        for name, command in commands.items():
            if group.commands.get(name) is not command:
                raise ValueError(f"the command {name!r} is there already; give yours another name")


def find_plugins(names: list[str] | None = None) -> list[Plugin]:
    """The installed plugins of entry-point group ``i2i``; only those in ``names`` where given. Imports each."""
    found = []
    for entry in metadata.entry_points(group=hookspecs.GROUP):
        if names is not None and entry.name not in names:
            continue
        plugin = Plugin(entry.name, *((entry.dist.name, entry.dist.version) if entry.dist else ("unknown", "?")))
        try:
            plugin.module = entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # also SystemExit: a plugin may not end the tool by being imported
            plugin.error = f"{type(error).__name__}: {error}"
        found.append(plugin)
    known = {plugin.name for plugin in found}
    for name in dict.fromkeys(names or ()):
        if name not in known:
            installed = {entry.name for entry in metadata.entry_points(group=hookspecs.GROUP)}
            reason = f"I2I_PLUGINS names it, but it is not installed.{did_you_mean(name, installed)}"
            found.append(Plugin(name, "I2I_PLUGINS", "?", error=reason))
    return found


def load_registry() -> Registry:
    """A fresh registry of the installed plugins; ``I2I_PLUGINS=a,b`` loads just those, empty loads none."""
    chosen = os.environ.get("I2I_PLUGINS")
    names = None if chosen is None else [name.strip() for name in chosen.split(",") if name.strip()]
    return Registry(find_plugins(names))
