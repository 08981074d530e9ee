"""Entries of the registry: one registered thing each, imported when it is used, and checked when it is registered."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .api.errors import I2IError
from .discovery import Plugin, describe_error, isolated

_MISSING = object()
_CLASSES = ("Options", "requires")
"""Attributes that are classes, which may be declared as ``"module:Class"``."""
RECORDS = ("model", "preset")
"""Kinds that are registered as records, not as classes."""


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
    _checked: bool = field(default=False, repr=False)
    """Whether its attributes have been found to be as its contract says."""

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
            return self._declared(attribute)
        return getattr(self.load(), attribute, default)

    @property
    def options(self) -> Any:
        """The ``Options`` class of the thing, None if it has none; imports no more of a plugin than it must.

        Raises:
            I2IError: it cannot be imported.
        """
        return self.get("Options")

    def _declared(self, attribute: str) -> Any:
        """Return a declared attribute; a class that was declared as ``"module:Class"`` is imported."""
        value = self.declared[attribute]
        return self._import(value) if attribute in _CLASSES and isinstance(value, str) else value

    def load(self) -> Any:
        """Return the class or record, imported on first use and checked against what was declared.

        Raises:
            I2IError: it cannot be imported, or differs from its registration; names the plugin.
        """
        if self.thing is None:
            assert self.target is not None
            thing = self._import(self.target)
            if mismatch := self._mismatch(thing):
                raise self._failure(mismatch, None)
            self.thing = thing
        return self.thing

    def load_checked(self) -> Any:
        """Return what ``load`` does, with attributes that its contract allows.

        Raises:
            I2IError: as ``load``; or an attribute is wrong.
        """
        thing = self.load()
        if not self._checked:
            from .attributes import attribute_faults  # imports pydantic, which lists of names do without

            if fault := next(attribute_faults(self.kind, thing, missing=False), None):
                raise I2IError(self._unusable(fault))
            self._checked = True
        return thing

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
            raise self._failure(describe_error(errors[0]), errors[0]) from errors[0]
        return found[0]

    def _failure(self, reason: str, error: BaseException | None) -> I2IError:
        self.provider.blame(f"{self.kind} {self.name!r}: {reason}", error)
        self._fault = self._unusable(reason)
        return I2IError(self._fault)

    def _unusable(self, reason: str) -> str:
        hint = f" See: i2i plugins check {self.provider.name}" if self.provider.file is None else ""
        return f"The {self.kind} {self.name!r} of plugin {self.provider} cannot be used: {reason.rstrip('.')}.{hint}"

    def _mismatch(self, thing: Any) -> str | None:
        """Say where an imported thing differs from its registration; None if nowhere.

        The summary may differ: the registered one is shown, and ``i2i plugins check`` reports the difference.
        """
        for attribute in ("name", *self.declared):
            value = self.name if attribute == "name" else self._declared(attribute)
            actual = getattr(thing, attribute, _MISSING)
            if not _agrees(value, actual):
                has = "is missing in it" if actual is _MISSING else f"is {actual!r} in it"
                return f"{attribute} {has}, but {value!r} where {self.target} is registered; make them equal"
        return _fault_of(self.kind, thing)


def _agrees(declared: Any, actual: Any) -> bool:
    """Whether a declared value is that of the class; of a mapping the keys may be declared."""
    if isinstance(actual, Mapping) and not isinstance(declared, Mapping):
        return sorted(declared) == sorted(actual)
    if isinstance(actual, tuple | list) and isinstance(declared, tuple | list):
        return tuple(actual) == tuple(declared)
    return bool(declared == actual)


class Registration:
    """What one hook of one plugin registers, checked before anybody relies on it."""

    def __init__(self, kind: str, provider: Plugin) -> None:
        self.kind, self.provider = kind, provider
        self.entries: dict[str, Entry] = {}

    def register(self, thing: Any, target: str | None = None, /, *, summary: str = "", **declared: Any) -> None:
        """See ``i2i.Register``."""
        if isinstance(thing, str):
            entry = self._by_string(thing, target, summary, declared)
        elif target is not None or summary or declared:
            raise ValueError(f"{self.kind} {_name_of(thing)}: register(thing) takes nothing else")
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
                raise ValueError(f"{self.kind} {_name_of(thing)} needs a one-line {attribute!r}")
        if fault := _fault_of(self.kind, thing):
            raise ValueError(f"{self.kind} {thing.name!r} {fault}")
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


def _fault_of(kind: str, thing: Any) -> str | None:
    """Say what makes a thing unusable as one of its kind, whatever it does; None if nothing does."""
    cls = thing if isinstance(thing, type) else type(thing) if kind in RECORDS else None
    if not _derives(cls, f"i2i.api.{kind}", kind.capitalize()):
        return f"is no i2i.{kind.capitalize()}; {'make it one' if kind in RECORDS else 'derive its class from that'}"
    model = getattr(thing, "Options", None)
    if model is not None and not _derives(model, "i2i.api.options", "Options"):
        return "has Options that do not derive from i2i.Options; derive them from that"
    return _option_clash(kind, thing)


def _derives(cls: Any, module: str, name: str) -> bool:
    """Whether a class derives from one of the contracts, which is not imported to find out."""
    bases = getattr(cls, "__mro__", ()) if isinstance(cls, type) else ()
    return any((base.__module__, base.__name__) == (module, name) for base in bases)


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


def _name_of(thing: Any) -> str:
    return repr(getattr(thing, "__name__", thing))
