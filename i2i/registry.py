"""Collect what plugins register, and answer which editor, trainer or other thing has a name and who provides it."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from .api import hookspecs
from .api.errors import I2IError, PluginError, UsageError, did_you_mean
from .api.hookspecs import KINDS as KINDS
from .discovery import Plugin as Plugin
from .discovery import (
    debugging,
    describe_error,
    find_plugins,
    is_file_name,
    isolated,
    load_file,
    plugin_of_class,
    watched,
)
from .entries import Entry as Entry
from .entries import Registration
from .toolkit.memory import is_out_of_memory

if TYPE_CHECKING:
    import click

HOOKS = frozenset(name for name in vars(hookspecs) if name.startswith("register_"))
_I2I_PLUGINS = "I2I_PLUGINS=PATH.py,NAME,... (the file and the other plugins you need)"


class Registry:
    """The plugins of this process and what they registered. Hooks run on first use, one kind at a time.

    A fault costs as little as possible: a module that cannot be imported provides nothing; a hook that fails provides
    nothing, and the plugin's other hooks still count; of things whose name is taken the others are kept; a target that
    cannot be imported is refused when it is used. Each fault is reported once, and kept in ``Plugin.error``.
    """

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.manager = pluggy.PluginManager(hookspecs.GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.plugins: dict[str, Plugin] = {}
        """By name; where two distributions use one name, the later is ``"name (distribution)"``."""
        self._entries: dict[str, dict[str, Entry]] = {}
        self._below: Registry | None = None
        for plugin in sorted(plugins, key=_rank):
            self.add(plugin)

    def add(self, plugin: Plugin) -> None:
        """Register a plugin; its faults are stored as its ``error`` and reported once on stderr."""
        if plugin.name in self.plugins:
            plugin.name = f"{plugin.name} ({plugin.distribution})"
        self.plugins[plugin.name] = plugin
        if plugin.module is None:
            reason, plugin.error = plugin.error or "it could not be imported", None
            plugin.report(reason, error=plugin.exceptions.pop() if plugin.exceptions else None)
            return
        with isolated(lambda error: plugin.report(_reason(error), error=error)):
            _check_hooks(plugin.module)
            self.manager.register(plugin.module, name=plugin.name)
        if plugin.error and self.manager.has_plugin(plugin.name):
            self.manager.unregister(name=plugin.name)

    def extended(self, plugin: Plugin) -> Registry:
        """Return a registry with one more plugin, whose names win over those of this one; this one stays as it is.

        Raises:
            UsageError: the plugin has a fault.
        """
        if plugin.module is None:
            raise _unusable(plugin)
        above = Registry([])
        above.plugins = dict(self.plugins)
        above._below = self
        above.add(plugin)
        return above

    def entries(self, kind: str) -> dict[str, Entry]:
        """Return everything of one kind, by name, sorted, without importing it; presets by ``"EDITOR/NAME"``."""
        if kind not in self._entries:
            below = self._below.entries(kind) if self._below else {}
            self._entries[kind] = dict(sorted({**below, **self._collect(kind)}.items()))
        return self._entries[kind]

    def names(self, kind: str) -> list[str]:
        """Return the names of one kind, sorted."""
        return list(self.entries(kind))

    def entry(self, kind: str, name: str) -> Entry:
        """Return the entry of this kind that is called ``name``, without importing it.

        Raises:
            UsageError: there is none; names the nearest.
        """
        found = self.entries(kind)
        if name not in found:
            failed = [plugin.name for plugin in self.plugins.values() if plugin.error]
            hint = f" These plugins have faults (see 'i2i plugins list'): {', '.join(failed)}." if failed else ""
            near = did_you_mean(name, found) or (f" See: i2i {kind}s list." if kind in ("model", "dataset") else "")
            raise UsageError(f"There is no {kind} called {name!r}.{near}{hint}")
        return found[name]

    def where(self, kind: str, **attributes: Any) -> dict[str, Entry]:
        """Return the entries of one kind whose attributes equal these, such as ``role="landmarks"``.

        Only those are imported that did not declare the attribute; of these, what cannot be imported is left out and
        reported once.
        """
        found = self.entries(kind)
        for attribute, value in attributes.items():
            values = self.values(kind, attribute)
            found = {name: entry for name, entry in found.items() if name in values and values[name] == value}
        return found

    def values(self, kind: str, attribute: str) -> dict[str, Any]:
        """Return an attribute of everything of one kind by name; see ``where`` for what is imported."""
        found = {}
        for name, entry in self.entries(kind).items():
            try:
                found[name] = entry.get(attribute)
            except I2IError as error:
                self._report_once(entry, error)
        return found

    def get(self, kind: str, name: str) -> Any:
        """Return the thing of this kind that is called ``name``; imports that one alone.

        Raises:
            UsageError: there is none; names the nearest.
            I2IError: it cannot be imported, or has an attribute that its contract does not allow; names the plugin.
        """
        return self.entry(kind, name).load_checked()

    def all(self, kind: str, checked: bool = True) -> dict[str, Any]:
        """Import everything of one kind and return it by name, sorted.

        What cannot be imported is left out and reported once. For names and declared attributes use ``entries``.

        Args:
            checked: Whether what has an attribute that its contract does not allow is left out and reported as well.
        """
        found = {}
        for name, entry in self.entries(kind).items():
            try:
                found[name] = entry.load_checked() if checked else entry.load()
            except I2IError as error:
                self._report_once(entry, error)
        return found

    def provider(self, kind: str, name: str) -> Plugin:
        """Return the plugin that provides a thing.

        Raises:
            UsageError: nothing has this name.
        """
        return self.entry(kind, name).provider

    def giver(self, kind: str, name: str) -> Plugin:
        """Return ``provider(kind, name)``; the old name of this method."""
        return self.provider(kind, name)

    def resolve(self, kind: str, what: Any) -> tuple[str, Registry]:
        """Return the name of what a user chose, and a registry that has it.

        Args:
            what: A registered name; the path of a file with a plugin, ``PATH.py`` or ``PATH.py:NAME``; or a class.

        Raises:
            UsageError: the file has a fault, or provides none or several of this kind.
        """
        if isinstance(what, type):
            name = str(getattr(what, "name", ""))
            registered = self.entries(kind).get(name)
            if registered and what in (registered.thing, registered.target and registered.load()):
                return name, self
            plugin, wanted = plugin_of_class(what), name
        elif is_file_name(str(what)):
            text = str(what)
            path, _, wanted = text.rpartition(".py:") if ".py:" in text else (text.removesuffix(".py"), "", "")
            plugin = load_file(f"{path}.py")
        else:
            return str(what), self
        larger = self.extended(plugin)
        names = [name for name, entry in larger.entries(kind).items() if entry.provider is plugin]
        if plugin.error:
            raise _unusable(plugin)
        if (wanted and wanted not in names) or not names:
            near = did_you_mean(wanted, names) if wanted else ""
            raise UsageError(f"{plugin.distribution} provides no {kind}{f' {wanted!r}' if wanted else ''}.{near}")
        if not wanted and len(names) > 1:
            known = " or ".join(f"{what}:{name}" for name in names)
            raise UsageError(f"{plugin.distribution} provides several {kind}s; choose one: {known}.")
        return wanted or names[0], larger

    def restored(self, kind: str, name: str, origin: Mapping[str, Any] | None, record: str) -> tuple[Registry, str]:
        """Return a registry that has what a run or recipe was made with, and a warning if its file has changed.

        Args:
            origin: ``Plugin.origin`` as the record keeps it; None for installed plugins.
            record: The run or recipe, for messages.

        Raises:
            UsageError: the file of the plugin is missing or has a fault.
        """
        if not origin:
            return self, ""
        path, found = Path(str(origin.get("path"))), self
        given = name in self.names(kind) and self.entry(kind, name).provider.origin is not None
        if not given and "class" in origin:
            raise UsageError(
                f"The {kind} {name!r} of {record} is the class {origin['class']} of {path}, passed from Python: pass "
                f"the class again, or load a file that defines it with {_I2I_PLUGINS}."
            )
        if not given and not path.is_file():
            raise UsageError(
                f"{path}, which provides the {kind} {name!r} of {record}, is missing: put it back, or load it from "
                f"its new place with {_I2I_PLUGINS}."
            )
        if not given:
            found = self.resolve(kind, f"{path}:{name}")[1]
        provider = found.entry(kind, name).provider
        changed = provider.sha256 != (origin.get("sha256") or None)
        return (
            found,
            f"{provider.distribution} has changed since {record} was made; results may differ." if changed else "",
        )

    def add_commands(self, cli: click.Group) -> None:
        """Let every plugin add its commands; one that would replace a command, or fails, adds none."""
        for plugin, hook in self._hooks("register_commands"):
            before = [(group, dict(group.commands)) for group in _groups(cli)]
            before_hook = plugin.error
            with self._guard(plugin, "register_commands"), watched(plugin, "register_commands"):
                hook(cli=cli, registry=self)
                _refuse_replaced(before)
                _guard_new(cli, before, plugin)
            if plugin.error != before_hook:
                for group, commands in before:
                    group.commands = commands

    def _collect(self, kind: str) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for plugin, hook in self._hooks(f"register_{kind}s"):
            own = Registration(kind, plugin)
            with self._guard(plugin, f"register_{kind}s"):
                hook(register=own.register)
                for key in sorted(own.entries.keys() & found.keys()):
                    del own.entries[key]
                    _report_taken(plugin, f"{kind} {key!r} is already provided by {found[key].provider.distribution}")
                if kind == "model":
                    _drop_bundle_clashes(plugin, own.entries, found)
                found.update(own.entries)
                plugin.things += [f"{kind}:{key}" for key in sorted(own.entries)]
        return found

    @staticmethod
    def _guard(plugin: Plugin, hook: str) -> Any:
        return isolated(lambda error: plugin.report(_reason(error), hook, error))

    @staticmethod
    def _report_once(entry: Entry, error: I2IError) -> None:
        if not entry.reported:
            entry.reported = True
            print(f"i2i: {error}", file=sys.stderr)
            if debugging() and error.__cause__:
                traceback.print_exception(error.__cause__)

    def _hooks(self, name: str) -> Iterator[tuple[Plugin, Any]]:
        """Yield one caller a plugin, first-party first, then by name, so that the order is fixed and blame certain."""
        implementers = {hook.plugin_name for hook in getattr(self.manager.hook, name).get_hookimpls()}
        modules = self.manager.get_plugins()
        for plugin in sorted(self.plugins.values(), key=_rank):
            if plugin.name in implementers:
                others = [module for module in modules if module is not plugin.module]
                yield plugin, self.manager.subset_hook_caller(name, others)


def _unusable(plugin: Plugin) -> UsageError:
    """Return the error for a file or class that cannot be used, with what caused it."""
    error = UsageError(f"{plugin.distribution}: {(plugin.error or 'it could not be imported').rstrip('.')}.")
    error.__cause__ = plugin.exceptions[-1] if plugin.exceptions else None
    return error


def _rank(plugin: Plugin) -> tuple[bool, str, str]:
    """First-party plugins come first, so that another cannot take a name from them."""
    return plugin.distribution != "i2i", plugin.distribution, plugin.name


def _reason(error: BaseException) -> str:
    """Return what to say of an exception; those of the checks above need no type."""
    own = isinstance(error, ValueError | pluggy.PluginValidationError)
    return str(error) if own and str(error) else describe_error(error)


def _report_taken(plugin: Plugin, reason: str, what: str = "yours") -> None:
    reason = f"{reason}; give {what} another name"
    plugin.blame(reason)
    print(f"i2i: one thing of plugin {plugin} is left out: {reason}", file=sys.stderr)


def _drop_bundle_clashes(plugin: Plugin, own: dict[str, Entry], found: Mapping[str, Entry]) -> None:
    """Leave out records with the name of a bundle, or in a bundle with the name of a record: a user types either."""
    names = {*found, *own}
    bundles = {bundle for entry in found.values() for bundle in _bundles(entry)}
    for key, entry in sorted(own.items()):
        if key in bundles:
            del own[key]
            _report_taken(plugin, f"model {key!r} has the name of a bundle of models")
        elif clashes := sorted(_bundles(entry) & names):
            del own[key]
            _report_taken(
                plugin, f"model {key!r} is in the bundle {clashes[0]!r}, which is the name of a model", "the bundle"
            )


def _bundles(entry: Entry) -> set[str]:
    """The bundles of a record as far as they are known without importing it."""
    bundles = getattr(entry.thing, "bundles", None) or entry.declared.get("bundles")
    return {name for name in bundles if isinstance(name, str)} if isinstance(bundles, (frozenset, set)) else set()


def _check_hooks(module: Any) -> None:
    """Refuse a misspelt or unmarked hook, which would silently do nothing."""
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
        raise ValueError("it has no function marked @i2i.hookimpl, so it provides nothing")


def _groups(group: click.Group) -> Iterator[click.Group]:
    """Yield a group of commands and the groups within it."""
    yield group
    for child in group.commands.values():
        if hasattr(child, "commands"):
            yield from _groups(child)  # type: ignore[arg-type]


def _refuse_replaced(before: list[tuple[click.Group, dict[str, click.Command]]]) -> None:
    for group, commands in before:
        for name, command in commands.items():
            if group.commands.get(name) is not command:
                raise ValueError(f"the command {name!r} is there already; give yours another name")


def _guard_new(cli: click.Group, before: list[tuple[click.Group, dict[str, click.Command]]], plugin: Plugin) -> None:
    """Let the commands that a plugin has added fail in its name."""
    known = {id(command) for _, commands in before for command in commands.values()}
    for group in _groups(cli):
        for command in group.commands.values():
            if id(command) not in known:
                _guard_command(command, plugin)


def _guard_command(command: click.Command, plugin: Plugin) -> None:
    for method in ("make_context", "invoke"):
        original = getattr(command, method)

        def call(*args: Any, _original: Any = original, **kwargs: Any) -> Any:
            import click

            try:
                return _original(*args, **kwargs)
            except (I2IError, OSError, EOFError, click.ClickException, click.Abort, click.exceptions.Exit):
                raise
            except SystemExit as end:  # it may end with the exit codes of i2i, or with a text
                if not isinstance(end.code, int) or end.code in (0, 1, 2):
                    raise
                raise _failed_command(command, plugin, end) from end
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                raise _failed_command(command, plugin, error) from error

        setattr(command, method, call)


def _failed_command(command: click.Command, plugin: Plugin, error: BaseException) -> PluginError:
    return PluginError(
        f"The command {command.name!r} of {plugin.release} failed: {describe_error(error)}; tell its author "
        "(--debug shows the traceback)."
    )


def load_registry() -> Registry:
    """Return a fresh registry of the installed plugins.

    ``I2I_PLUGINS=a,b,./warm.py`` loads just those, names and files with a plugin; empty it loads none.
    """
    chosen = os.environ.get("I2I_PLUGINS")
    names = None if chosen is None else [name.strip() for name in chosen.split(",") if name.strip()]
    return Registry(find_plugins(names))
