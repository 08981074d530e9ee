"""Registries for tests: the plugins of a list of names, files, classes and records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from types import ModuleType
from typing import Any

from .. import __version__
from ..api.contracts import contract_class
from ..api.hookspecs import KINDS, hookimpl
from ..discovery import Plugin, find_plugins
from ..registry import Registry

DISTRIBUTION = "i2i-tests"
"""The distribution that provides the classes and records of ``registry_of``."""


def registry_of(
    *things: Any, plugins: Iterable[str] = (), distribution: str = DISTRIBUTION, version: str = "9.9"
) -> Registry:
    """Return a registry of classes and records, and of installed plugins.

    Args:
        things: Classes derived from ``i2i.Editor``, ``i2i.Trainer``, ..., and records ``i2i.Model``, ``i2i.Preset``.
        plugins: Names of installed plugins, or paths of files with a plugin.
        distribution: Name of the distribution that provides ``things``.
        version: Version of that distribution.

    Raises:
        TypeError: one of ``things`` is of no kind that plugins provide.
    """
    found = find_plugins(list(plugins))
    if things:
        found.append(Plugin("tests", distribution, version, _module_of(things)))
    return Registry(found)


def registered_by(module: str) -> list[Any]:
    """Import a plugin module and return everything that it registers, in the order of kinds, then of names.

    Args:
        module: Name of the module with the hooks, such as ``"i2i_plugins.drag"``.

    Raises:
        AssertionError: the module registers something that i2i refuses; says what.
    """
    plugin = Plugin("tested", DISTRIBUTION, "9.9", import_module(module))
    registry = Registry([plugin])
    things = [thing for kind in KINDS for thing in registry.all(kind).values()]
    assert plugin.error is None, plugin.error
    return things


def with_stand_ins(registry: Registry) -> Registry:
    """Return the registry with the generator, extractors, trainer and dataset of ``i2i.testing.stand_ins``."""
    from . import stand_ins

    return registry.extended(Plugin("i2i-testing", "i2i", __version__, stand_ins))


def _module_of(things: Iterable[Any]) -> ModuleType:
    by_kind: dict[str, list[Any]] = {}
    for thing in things:
        by_kind.setdefault(_kind_of(thing), []).append(thing)
    module = ModuleType("i2i_tests")
    for kind, members in by_kind.items():
        setattr(module, f"register_{kind}s", hookimpl(_hook_for(members)))
    return module


def _hook_for(members: list[Any]) -> Callable[..., None]:
    def hook(register: Callable[[Any], None]) -> None:
        for member in members:
            register(member)

    return hook


def _kind_of(thing: Any) -> str:
    for kind in KINDS:
        base = contract_class(kind)
        if isinstance(thing, base) or (isinstance(thing, type) and issubclass(thing, base)):
            return kind
    raise TypeError(f"{thing!r} is of no kind that plugins provide: {', '.join(KINDS)}")
