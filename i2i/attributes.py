"""Attributes of registered classes and records against the annotations of their contracts."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, get_args, get_origin

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from .api.contracts import contract_class


def attribute_faults(kind: str, thing: Any, missing: bool = True) -> Iterator[str]:
    """Yield the attributes of a class or record that the annotations of its contract do not allow, a sentence each.

    Args:
        missing: Whether an attribute that is not there is a fault.
    """
    if kind == "model" and not (thing.path is None or isinstance(thing.path, Path)):
        yield f"path is {thing.path!r}: input should be a pathlib.Path or None"
    for name, adapter in _adapters(contract_class(kind, thing)).items():
        if not missing and not hasattr(thing, name):
            continue
        value = getattr(thing, name, None)
        if name in ("extractors", "may_use") and isinstance(value, (tuple, list)):  # see _editor_faults of validation
            continue
        try:
            adapter.validate_python(value)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            yield f"{name} is {value!r}: {reason[:1].lower()}{reason[1:]}"


@functools.cache
def _adapters(base: Any) -> dict[str, TypeAdapter[Any]]:
    """Return what validates each class attribute of a contract, by name."""
    found: dict[str, TypeAdapter[Any]] = {}
    for name, annotation in _class_attributes(base).items():
        if name in ("name", "summary", "Options"):  # checked at registration
            continue
        try:
            found[name] = TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
        except PydanticUserError:
            continue
    return found


def _class_attributes(base: Any) -> dict[str, Any]:
    """By name the annotations of class attributes, without ``ClassVar``; those that need absent imports left out."""
    found: dict[str, Any] = {}
    for cls in reversed(base.__mro__):
        scope = vars(sys.modules[cls.__module__])
        for name, text in vars(cls).get("__annotations__", {}).items():
            try:
                annotation = eval(text, scope, dict(vars(cls))) if isinstance(text, str) else text
            except NameError:  # imported for type checkers only
                continue
            if get_origin(annotation) is ClassVar:
                (found[name],) = get_args(annotation)
    return found
