"""Find plugins, guard the house against bad ones, and answer "which X is called NAME, and who gave it"."""

from __future__ import annotations

import importlib.metadata as metadata
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from . import hookspecs
from .errors import UsageError, did_you_mean

if TYPE_CHECKING:
    import click

KINDS = ("trainer", "dataset", "generator", "extractor", "editor", "metric", "panel")


@dataclass
class Plugin:
    """One plugin found on this machine, loaded or failed."""

    name: str
    distribution: str
    version: str
    module: ModuleType | None = None
    error: str | None = None
    things: list[str] = field(default_factory=list)
    """What it registered, as ``"trainer:pix2pix"``."""


class Registry:
    """The plugins of this process and what they brought. Things are collected on first use, one kind at a time."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.manager = pluggy.PluginManager(hookspecs.GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.plugins: dict[str, Plugin] = {}
        self._things: dict[str, dict[str, Any]] = {}
        self._givers: dict[tuple[str, str], Plugin] = {}
        for plugin in plugins:
            self.add(plugin)

    def add(self, plugin: Plugin) -> None:
        """Take in a plugin; whatever is wrong with it is kept as its ``error`` and told once on stderr."""
        self.plugins[plugin.name] = plugin
        if plugin.module is None:
            self._fail(plugin, plugin.error or "it could not be imported")
            return
        try:
            self.manager.register(plugin.module, name=plugin.name)
            _refuse_unknown_hooks(plugin.module)
            self.manager.check_pending()
        except Exception as error:  # a stranger's module: nothing in it may take the tool down
            self._fail(plugin, " ".join(str(error).split()))
            if self.manager.has_plugin(plugin.name):
                self.manager.unregister(name=plugin.name)

    def get(self, kind: str, name: str) -> Any:
        """The thing of this kind that is called ``name``.

        Raises:
            UsageError: there is none; names the nearest.
        """
        things = self.all(kind)
        if name not in things:
            failed = [plugin.name for plugin in self.plugins.values() if plugin.error]
            hint = f" These plugins failed to load: {', '.join(failed)} (i2i plugins list)." if failed else ""
            raise UsageError(f"There is no {kind} called {name!r}.{did_you_mean(name, things)}{hint}")
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
        """Let every plugin add its commands."""
        for plugin, hook in self._hooks("register_commands"):
            try:
                hook(cli=cli, registry=self)
            except Exception as error:
                self._fail(plugin, f"register_commands: {error}")

    def _collect(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for plugin, hook in self._hooks(f"register_{kind}s"):
            mine: dict[str, Any] = {}
            try:
                hook(register=lambda thing, mine=mine: _take(thing, kind, mine))
                if clash := sorted(mine.keys() & found.keys()):
                    other = self._givers[kind, clash[0]].distribution
                    raise ValueError(f"{kind} {clash[0]!r} is already given by {other}")
            except Exception as error:
                self._fail(plugin, f"{type(error).__name__}: {error}")
                continue
            found.update(mine)
            self._givers.update({(kind, name): plugin for name in mine})
            plugin.things += [f"{kind}:{name}" for name in mine]
        return dict(sorted(found.items()))

    def _hooks(self, name: str) -> Iterator[tuple[Plugin, Any]]:
        """One caller a plugin, in the order of the plugins' names, so that blame is certain and order is fixed."""
        for plugin in sorted(self.plugins.values(), key=lambda plugin: (plugin.distribution != "i2i", plugin.name)):
            if plugin.module is not None and not plugin.error and hasattr(plugin.module, name):
                others = [m for m in self.manager.get_plugins() if m is not plugin.module]
                yield plugin, self.manager.subset_hook_caller(name, others)

    def _fail(self, plugin: Plugin, reason: str) -> None:
        plugin.error = reason
        print(f"i2i: plugin {plugin.name} of {plugin.distribution} is left out: {reason}", file=sys.stderr)


def _take(thing: Any, kind: str, mine: dict[str, Any]) -> None:
    """Check what a plugin registers before anybody relies on it."""
    for attribute in ("name", "summary"):
        value = getattr(thing, attribute, None)
        if not isinstance(value, str) or not value.strip() or "\n" in value:
            raise ValueError(f"{kind} {getattr(thing, '__name__', thing)!r} needs a one-line {attribute!r}")
    if thing.name in mine:
        raise ValueError(f"{kind} {thing.name!r} is registered twice")
    mine[thing.name] = thing


def _refuse_unknown_hooks(module: ModuleType) -> None:
    """A misspelt ``register_`` function is a plugin that silently does nothing; say so, marked or not."""
    known = {name for name in dir(hookspecs) if name.startswith("register_")}
    for name in dir(module):
        if name.startswith("register_") and callable(getattr(module, name)):
            if name not in known:
                raise ValueError(f"unknown hook {name!r}.{did_you_mean(name, known)}")
            if not hasattr(getattr(module, name), f"{hookspecs.GROUP}_impl"):
                raise ValueError(f"{name} lacks the @i2i.hookimpl mark")


def find_plugins(names: list[str] | None = None) -> list[Plugin]:
    """The installed plugins of entry-point group ``i2i``; only those in ``names`` where given. Imports each."""
    found = []
    for entry in metadata.entry_points(group=hookspecs.GROUP):
        if names is not None and entry.name not in names:
            continue
        dist = entry.dist
        plugin = Plugin(entry.name, dist.name if dist else "unknown", dist.version if dist else "?")
        try:
            plugin.module = entry.load()
        except BaseException as error:  # also SystemExit: a plugin may not end the tool by being imported
            if isinstance(error, KeyboardInterrupt):
                raise
            plugin.error = " ".join(f"{type(error).__name__}: {error}".split())
        found.append(plugin)
    if names is not None:
        known = {plugin.name for plugin in found}
        found += [Plugin(name, "I2I_PLUGINS", "?", error="no such plugin is installed") for name in names if name not in known]
    return found


def load_registry() -> Registry:
    """A fresh registry of the installed plugins; ``I2I_PLUGINS=a,b`` loads just those, empty loads none."""
    chosen = os.environ.get("I2I_PLUGINS")
    names = None if chosen is None else [name.strip() for name in chosen.split(",") if name.strip()]
    return Registry(find_plugins(names))
