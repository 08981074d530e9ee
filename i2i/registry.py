"""Collect what plugins register, and answer which editor, trainer or other thing has a name and who provides it."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from .api import hookspecs
from .api.errors import I2IError, UsageError, did_you_mean
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

if TYPE_CHECKING:
    import click

HOOKS = frozenset(name for name in vars(hookspecs) if name.startswith("register_"))
_MISSING = object()
_I2I_PLUGINS = "I2I_PLUGINS=PATH.py,NAME,... (the file and the other plugins you need)"


@dataclass(eq=False)
class Entry:
    """One registered thing. What the plugin declared is known at once; the rest is imported when it is asked for."""

    kind: str
    name: str
    """As typed by users; of presets without the editor."""
    summary: str
    provider: Plugin
    target: str | None = None
    """``"module:Attribute"`` where it was registered by string."""
    declared: Mapping[str, Any] = field(default_factory=dict)
    """Attributes given at registration, which can be asked without importing the target."""
    thing: Any = None
    """The class or record; None until ``load`` has imported it."""
    reported: bool = False
    """Whether its fault has been printed."""
    _fault: str | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """The name under which the registry keeps it: ``name``, of a preset ``"EDITOR/NAME"``."""
        return f"{self.get('editor')}/{self.name}" if self.kind == "preset" else self.name

    def get(self, attribute: str, default: Any = None) -> Any:
        """Return an attribute: the declared one, else that of the imported thing, else ``default``.

        Raises:
            I2IError: it is not declared, and the thing cannot be imported.
        """
        if attribute in ("name", "summary"):
            return getattr(self, attribute)
        if attribute in self.declared:
            return self.declared[attribute]
        return getattr(self.load(), attribute, default)

    @property
    def options(self) -> Any:
        """The ``Options`` class of the thing, None if it has none; imports no more of a plugin than it must.

        Raises:
            I2IError: it cannot be imported.
        """
        target = self.declared.get("Options")
        if isinstance(target, str):
            return self._import(target)
        return self.get("Options")

    def load(self) -> Any:
        """Return the class or record, imported on first use and checked against what was declared.

        Raises:
            I2IError: it cannot be imported, or differs from its registration; names the plugin.
        """
        if self.thing is None:
            assert self.target is not None
            thing = self._import(self.target)
            if mismatch := self._mismatch(thing):
                raise self._failed(mismatch, None)
            self.thing = thing
        return self.thing

    def _import(self, target: str) -> Any:
        if self._fault is not None:
            raise I2IError(self._fault)
        found: list[Any] = []
        errors: list[BaseException] = []
        with isolated(errors.append):
            module, _, path = target.partition(":")
            value: Any = importlib.import_module(module)
            for part in path.split("."):
                value = getattr(value, part)
            found.append(value)
        if errors:
            raise self._failed(describe_error(errors[0]), errors[0]) from errors[0]
        return found[0]

    def _failed(self, reason: str, error: BaseException | None) -> I2IError:
        self.provider.blame(f"{self.kind} {self.name!r}: {reason}", error)
        hint = f" See: i2i plugins check {self.provider.name}" if self.provider.file is None else ""
        self._fault = (
            f"The {self.kind} {self.name!r} of plugin {self.provider} cannot be used: {reason.rstrip('.')}.{hint}"
        )
        return I2IError(self._fault)

    def _mismatch(self, thing: Any) -> str | None:
        """Say where an imported thing differs from its registration; None if nowhere."""
        for attribute, value in {"name": self.name, "summary": self.summary, **self.declared}.items():
            actual = getattr(thing, attribute, _MISSING)
            if attribute == "Options" and isinstance(value, str):
                value = self._import(value)
            if not _agrees(value, actual):
                has = "is missing in it" if actual is _MISSING else f"is {actual!r} in it"
                return f"{attribute} {has}, but {value!r} where {self.target} is registered; make them equal"
        if clash := _option_clash(self.kind, thing):
            return clash
        return None


def _agrees(declared: Any, actual: Any) -> bool:
    """Whether a declared value is that of the class; of a mapping the keys may be declared."""
    if isinstance(actual, Mapping) and not isinstance(declared, Mapping):
        return sorted(declared) == sorted(actual)
    if isinstance(actual, tuple | list) and isinstance(declared, tuple | list):
        return tuple(actual) == tuple(declared)
    return bool(declared == actual)


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
        """Take in a plugin; whatever is wrong with it is kept as its ``error`` and reported once on stderr."""
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
            I2IError: it cannot be imported; names the plugin.
        """
        return self.entry(kind, name).load()

    def all(self, kind: str) -> dict[str, Any]:
        """Import everything of one kind and return it by name, sorted.

        What cannot be imported is left out and reported once. For names and declared attributes use ``entries``.
        """
        found = {}
        for name, entry in self.entries(kind).items():
            try:
                found[name] = entry.load()
            except I2IError as error:
                self._report_once(entry, error)
        return found

    def giver(self, kind: str, name: str) -> Plugin:
        """Return the plugin that provides a thing."""
        return self.entry(kind, name).provider

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
            told = plugin.error
            with self._guarded(plugin, "register_commands"), watched(plugin, "register_commands"):
                hook(cli=cli, registry=self)
                _refuse_replaced(before)
            if plugin.error != told:
                for group, commands in before:
                    group.commands = commands

    def _collect(self, kind: str) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for plugin, hook in self._hooks(f"register_{kind}s"):
            own = _Registration(kind, plugin)
            with self._guarded(plugin, f"register_{kind}s"):
                hook(register=own.register)
                for key in sorted(own.entries.keys() & found.keys()):
                    del own.entries[key]
                    _report_taken(plugin, f"{kind} {key!r} is already provided by {found[key].provider.distribution}")
                found.update(own.entries)
                plugin.things += [f"{kind}:{key}" for key in sorted(own.entries)]
        return found

    @staticmethod
    def _guarded(plugin: Plugin, hook: str) -> Any:
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


class _Registration:
    """What one hook of one plugin registers, checked before anybody relies on it."""

    def __init__(self, kind: str, provider: Plugin) -> None:
        self.kind, self.provider = kind, provider
        self.entries: dict[str, Entry] = {}

    def register(self, thing: Any, target: str | None = None, /, *, summary: str = "", **declared: Any) -> None:
        """See ``i2i.Register``."""
        if isinstance(thing, str):
            entry = self._by_string(thing, target, summary, declared)
        elif target is not None or summary or declared:
            raise ValueError(f"{self.kind} {_called(thing)}: register(thing) takes nothing else; its class says it all")
        else:
            entry = self._by_thing(thing)
        if self.kind == "preset" and not isinstance(entry.get("editor"), str):
            raise ValueError(f"preset {entry.name!r} needs 'editor', the name of the editor that reads it")
        if entry.key in self.entries:
            raise ValueError(f"{self.kind} {entry.key!r} is registered twice")
        self.entries[entry.key] = entry

    def _by_thing(self, thing: Any) -> Entry:
        for attribute in ("name", "summary"):
            if not _is_one_line(getattr(thing, attribute, None)):
                raise ValueError(f"{self.kind} {_called(thing)} needs a one-line {attribute!r}")
        if clash := _option_clash(self.kind, thing):
            raise ValueError(f"{self.kind} {thing.name!r} {clash}")
        return Entry(self.kind, thing.name, thing.summary, self.provider, thing=thing)

    def _by_string(self, name: str, target: str | None, summary: str, declared: dict[str, Any]) -> Entry:
        if not _is_one_line(name):
            raise ValueError(f"{self.kind} {name!r} needs a one-line 'name'")
        module, colon, attribute = (target or "").partition(":") if isinstance(target, str) else ("", "", "")
        if not (module and colon and attribute) or module.startswith("."):
            raise ValueError(f"{self.kind} {name!r} needs a target such as 'package.module:Class', not {target!r}")
        if not _is_one_line(summary):
            raise ValueError(f"{self.kind} {name!r} needs a one-line 'summary'")
        return Entry(self.kind, name, summary, self.provider, target, declared)


def _is_one_line(text: Any) -> bool:
    return isinstance(text, str) and bool(text.strip()) and "\n" not in text


def _option_clash(kind: str, thing: Any) -> str | None:
    """Say which options of a trainer or editor its command has itself; None if there are none."""
    command = {"trainer": "i2i train", "editor": "i2i edit"}.get(kind)
    if command is None or getattr(thing, "Options", None) is None:
        return None
    from .api.options import option_flag, reserved_options

    clashes = reserved_options(kind, thing.Options)
    if not clashes:
        return None
    return f"has an option that {command} has itself: {', '.join(map(option_flag, clashes))}; rename it"


def _called(thing: Any) -> str:
    return repr(getattr(thing, "__name__", thing))


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


def _report_taken(plugin: Plugin, reason: str) -> None:
    reason = f"{reason}; give yours another name"
    plugin.blame(reason)
    print(f"i2i: one thing of plugin {plugin} is left out: {reason}", file=sys.stderr)


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


def load_registry() -> Registry:
    """Return a fresh registry of the installed plugins.

    ``I2I_PLUGINS=a,b,./warm.py`` loads just those, names and files with a plugin; empty it loads none.
    """
    chosen = os.environ.get("I2I_PLUGINS")
    names = None if chosen is None else [name.strip() for name in chosen.split(",") if name.strip()]
    return Registry(find_plugins(names))
