"""The contract class of each kind of plugin and its methods, for the checks that read them."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any


def contract_class(kind: str, thing: Any = None) -> Any:
    """Return the class of ``i2i.api`` that things of a kind derive from: ``"trainer"`` -> ``i2i.Trainer``.

    Args:
        thing: A class of the kind; of a ``StyleGenerator`` that is returned, which has more methods.
    """
    module = import_module(f"{__package__}.{kind}")
    if kind == "generator" and isinstance(thing, type) and issubclass(thing, module.StyleGenerator):
        return module.StyleGenerator
    return getattr(module, kind.capitalize())


def contract_methods(kind: str, thing: Any = None) -> dict[str, Any]:
    """Return the public methods and properties of a kind's contract by name, with ``__init__`` if declared."""
    found: dict[str, Any] = {}
    for cls in reversed(contract_class(kind, thing).__mro__[:-1]):
        for name, value in vars(cls).items():
            public = not name.startswith("_") or name in ("__init__", "__call__")
            if public and (inspect.isfunction(value) or isinstance(value, (classmethod, staticmethod, property))):
                found[name] = value
    return found
