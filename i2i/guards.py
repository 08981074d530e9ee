"""Guards around plugin code: each failure and each unusable return value is reported in the plugin's name.

The engine constructs the classes of plugins with ``build_plugin`` alone. The result is an instance of a subclass whose
contract methods call those of the plugin and check what they return; ``isinstance`` and class attributes work as usual.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .api.contracts import contract_class, contract_methods
from .api.errors import I2IError, PluginError, UsageError
from .return_checks import INSTANCE_CHECKS, METHOD_CHECKS, ROLE_CHECKS, Check, UnexpectedReturn, describe_value
from .toolkit.memory import is_out_of_memory

if TYPE_CHECKING:
    from .api.options import Options
    from .registry import Registry

OPTIONS_LAST = frozenset({"dataset", "generator", "extractor", "metric", "callback"})
"""Kinds whose classes get their options as the last argument of the constructor, where they declare any."""

_PASSED = (I2IError, KeyboardInterrupt, GeneratorExit)
"""What a plugin may raise besides failures of the machine, which the engine reports itself."""
_LONGEST = 300
"""Characters of an exception's text that are quoted."""


def build_plugin(registry: Registry, kind: str, name: str, *args: Any, values: Mapping[str, Any] | None = None) -> Any:
    """Construct the class that plugins registered as ``kind`` under ``name``, guarded.

    Args:
        args: Arguments of the constructor, without options for the kinds in ``OPTIONS_LAST``; for trainers those of
            ``Trainer.create``.
        values: Option values for those kinds, as typed or recorded; None for the defaults.

    Returns:
        An instance of the plugin's class.

    Raises:
        UsageError: nothing has this name, or an option is unknown or has a wrong value.
        I2IError: the plugin failed, or what it built breaks its contract.
    """
    cls = registry.get(kind, name)
    owner = plugin_owner(registry, kind, name)
    if kind in OPTIONS_LAST:
        args += options_argument(kind, cls, values, owner)
    made = guarded(cls, kind, owner)
    missing = sorted(getattr(made, "__abstractmethods__", ()))
    if missing:
        raise PluginError(f"The {owner} does not define {', '.join(missing)}; tell its author.")
    with guarding(owner, "__init__"):
        # A trainer gets the facts about its data before its constructor runs.
        instance = made.create(*args) if kind == "trainer" else made(*args)
    if check := INSTANCE_CHECKS.get(kind):
        with guarding(owner, "__init__"):  # what is checked may be properties of the plugin
            _require(owner, "__init__", check, instance, None, ())
    return instance


def guarded_class(registry: Registry, kind: str, name: str) -> Any:
    """Return the guarded class, for class methods such as ``Generator.read``; ``build_plugin`` constructs it."""
    return guarded(registry.get(kind, name), kind, plugin_owner(registry, kind, name))


def call_function(owner: str, kind: str, method: str, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function that a plugin gave in a record, and check what it returns.

    Raises:
        I2IError: it failed, or returned something else than its contract says; names the plugin.
    """
    return _call(function, lambda: function(*args), owner, method, METHOD_CHECKS[kind][method], args)


def plugin_owner(registry: Registry, kind: str, name: str) -> str:
    """Return what messages call a thing: ``"trainer 'x' of i2i-mine 1.0"``."""
    return f"{kind} {name!r} of {registry.provider(kind, name).release}"


def options_argument(kind: str, cls: Any, values: Mapping[str, Any] | None, owner: str = "") -> tuple[Options, ...]:
    """Return the options of a class as arguments: one, or none for a class that declares no options.

    Raises:
        UsageError: there are values for a class without options, or one of them is wrong.
    """
    from .api.options import Options

    model = getattr(cls, "Options", Options)
    if not model.model_fields and not values:
        return ()
    if not model.model_fields:
        raise UsageError(f"The {kind} {cls.name!r} has no options: leave {', '.join(sorted(values or ()))} out.")
    return (plugin_options(model, values or {}, f"options of {kind} {cls.name!r}", owner or f"{kind} {cls.name!r}"),)


def plugin_options(model: Any, values: Mapping[str, Any], where: str, owner: str) -> Any:
    """Build the options of a plugin from plain values, and make sure that records can hold them.

    Args:
        model: Its ``Options``.
        where: Opens the message about a wrong value, as in ``build_options``.
        owner: What ``plugin_owner`` returns.

    Raises:
        UsageError: an option is unknown or has a wrong value.
        I2IError: a validator or default of the plugin fails, or a value cannot be written as JSON.
    """
    from .api.options import build_options

    with guarding(owner, "Options"):
        options = build_options(model, values, where)
        options.model_dump(mode="json")
    return options


def plain_options(registry: Registry, kind: str, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Check option values and return all options of a class as plain values, as recipes and runs record them.

    Raises:
        UsageError: nothing has this name, or an option is unknown or has a wrong value.
    """
    return {
        key: value
        for options in options_argument(kind, registry.get(kind, name), values, plugin_owner(registry, kind, name))
        for key, value in options.model_dump(mode="json").items()
    }


def plain_named_options(
    registry: Registry, kind: str, values: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return ``plain_options`` of several things of a kind by name."""
    return {name: plain_options(registry, kind, name, own) for name, own in values.items()}


@contextmanager
def guarding(owner: str, method: str) -> Iterator[None]:
    """Turn what plugin code raises inside into an ``I2IError`` that names the plugin; see ``_passes`` for what is not.

    ``SystemExit`` counts as a failure, since a plugin does not end the program.
    """
    try:
        yield
    except BaseException as error:
        if _passes(error, owner, method):
            raise
        raise _failure(owner, method, error) from error


def _passes(error: BaseException, owner: str, method: str) -> bool:
    """Return whether an error is raised as it is: one for the user, or a failure of the machine.

    On the latter it is noted in which plugin it occurred, for ``disk_trouble``; the innermost counts.
    """
    of_machine = isinstance(error, OSError) or is_out_of_memory(error)
    if of_machine and not hasattr(error, "i2i_owner"):
        error.i2i_owner = f"{method}() of the {owner}"  # type: ignore[attr-defined]
    return of_machine or isinstance(error, _PASSED)


def _failure(owner: str, method: str, error: BaseException) -> PluginError:
    """The exception to raise in place of ``error``."""
    text = " ".join(str(error).split())
    text = f": {text[:_LONGEST]}" if text else ""
    return PluginError(
        f"The {owner} failed in {method}(): {type(error).__name__}{text}; tell its author "
        "(--debug shows the traceback)."
    )


# The guarded subclass.


_PROMISED = {"dataset": ("draw",)}
"""By kind, methods whose default only says that the plugin had to define them, so that it is guarded as its own."""


class _Active(threading.local):
    """The objects whose guarded methods run in this thread.

    Only the outermost call of an object is guarded: a method that calls another of its own sees the plain exception.
    """

    def __init__(self) -> None:
        self.objects: set[int] = set()


_active = _Active()


@functools.cache
def guarded(cls: Any, kind: str, owner: str) -> Any:
    """Return a subclass of a plugin's class with guarded contract methods; ``cls`` itself if it is no class."""
    if not isinstance(cls, type):
        return cls
    base = contract_class(kind, cls)
    checks = dict(METHOD_CHECKS.get(kind, {}))
    if kind == "extractor":
        checks |= ROLE_CHECKS.get(str(getattr(cls, "role", "")), {})
    members: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    methods = {*contract_methods(kind, cls), *checks}
    if kind == "extractor":
        methods |= _role_methods(cls)
    for name in methods - {"__init__"}:
        found = inspect.getattr_static(cls, name, None)
        inherited = found is inspect.getattr_static(base, name, None)  # the engine's own default
        if (
            found is None
            or (inherited and name not in _PROMISED.get(kind, ()))
            or getattr(found, "__isabstractmethod__", False)
        ):
            continue
        if (member := _member(cls, name, found, owner, checks.get(name))) is not None:
            members[name] = member
    return type(cls)(cls.__name__, (cls,), members)


def _role_methods(cls: Any) -> set[str]:
    """What others call of an extractor: the protocol of a standard role; for another role what the class defines."""
    from .api.extractor import STANDARD_ROLES

    protocol = STANDARD_ROLES.get(str(getattr(cls, "role", "")))
    found = dir(protocol) if protocol else [*vars(cls), "__call__"]
    return {name for name in found if not name.startswith("_") or name == "__call__"}


def _member(cls: Any, name: str, found: Any, owner: str, check: Check | None) -> Any:
    """The guarded counterpart of one attribute of a class; None for what is left as it is."""
    if isinstance(found, property):

        def get(self: Any) -> Any:
            return _call(self, lambda: found.__get__(self, type(self)), owner, name, check, ())

        return property(get, found.fset, found.fdel, found.__doc__)
    if isinstance(found, (classmethod, staticmethod)):  # bound to the plugin's own class, which may compare itself

        def call(*args: Any, **kwargs: Any) -> Any:
            return _call(
                cls, lambda: getattr(cls, name)(*args, **kwargs), owner, name, check, (*args, *kwargs.values())
            )

        return staticmethod(functools.wraps(found.__func__)(call))
    if not inspect.isfunction(found):
        return None

    @functools.wraps(found)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        original = getattr(cls, name)
        if id(self) in _active.objects:
            return original(self, *args, **kwargs)
        return _call(self, lambda: original(self, *args, **kwargs), owner, name, check, (*args, *kwargs.values()))

    return method


def _call(
    instance: Any, call: Callable[[], Any], owner: str, method: str, check: Check | None, args: Sequence[Any]
) -> Any:
    key = id(instance)
    if key in _active.objects:
        return call()
    _active.objects.add(key)
    try:
        returned = call()
        if inspect.isgenerator(returned):  # its code runs only now
            returned = list(returned)
    except BaseException as error:
        if _passes(error, owner, method):
            raise
        raise _failure(owner, method, error) from error
    finally:
        _active.objects.discard(key)
    if check is not None:
        _require(owner, method, check, instance, returned, args)
    return returned


def _require(owner: str, method: str, check: Check, instance: Any, returned: Any, args: Sequence[Any]) -> None:
    try:
        check(instance, returned, args)
    except UnexpectedReturn as unexpected:
        came = unexpected.came or describe_value(returned)
        did = f"built {came} in" if method == "__init__" else f"returned {came} from"
        raise PluginError(f"The {owner} {did} {method}(); expected {unexpected.expected}; tell its author.") from None
