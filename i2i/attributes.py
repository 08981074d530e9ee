"""Attributes of registered classes and records against the annotations of their contracts."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, get_args, get_origin

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from .api.contracts import contract_class
from .api.model import FileSource, Model, NpmSource, WheelSource

_SHA256 = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[a-z0-9][a-z0-9_-]*")
_REQUIREMENTS = {
    WheelSource: (re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*"), "name==1.2.3"),
    NpmSource: (
        re.compile(r"(@[A-Za-z0-9~][A-Za-z0-9._~-]*/)?[A-Za-z0-9~][A-Za-z0-9._~-]*@\d+\.\d+\.\d+[A-Za-z0-9.+-]*"),
        "name@1.2.3",
    ),
}
"""By class of source, a package with its exact version. It becomes an argument of a command, so nothing else passes."""


def attribute_faults(kind: str, thing: Any, missing: bool = True) -> Iterator[str]:
    """Yield the attributes of a class or record that the annotations of its contract do not allow, a sentence each.

    Args:
        missing: Whether an attribute that is not there is a fault.
    """
    if kind == "model" and isinstance(thing, Model):
        yield from _model_faults(thing)
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
    if kind == "trainer" and isinstance(getattr(thing, "next_command", None), str):
        yield from _next_command_faults(thing)


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


def _next_command_faults(trainer: Any) -> Iterator[str]:
    """Yield why the command that a trainer advises cannot be formatted; only at the end of a training would it fail."""
    names = {*getattr(getattr(trainer, "Options", None), "model_fields", ()), "run"}
    try:
        trainer.next_command.format(**dict.fromkeys(names, ""))
    except (LookupError, ValueError, AttributeError):  # an unknown name or number, a stray brace, a format, a part
        yield (
            f"next_command is {trainer.next_command!r}: braces may hold only run or the name of an option of the "
            "trainer; write {{ for a brace"
        )


def _model_faults(model: Model) -> Iterator[str]:
    """Yield what is wrong with a model record, a sentence each.

    Its file comes from ``url`` or from ``sources``, or by hand. ``path`` takes precedence over both: a record may set
    it where an installed package has the file.
    """
    if not (model.path is None or isinstance(model.path, Path)):
        yield f"path is {model.path!r}: input should be a pathlib.Path or None"
    if not isinstance(model.sources, tuple):
        yield f"sources is {model.sources!r}: input should be a tuple of i2i.FileSource, WheelSource or NpmSource"
        return
    if model.url and model.sources:
        yield "url and sources are both given; keep one of them"
    if not (model.url or model.sources or model.path or model.homepage):
        yield "no source of the file is given; set url, sources or path, or homepage for a file that users get by hand"
    yield from _digest_faults("sha256", model.sha256, optional=True)
    yield from _bundle_faults(model.bundles)
    yield from _ratio_faults(model.aspect_ratio)
    faults = [
        f"sources[{number}]: {fault}" for number, source in enumerate(model.sources) for fault in _source_faults(source)
    ]
    yield from faults or _conversion_faults(model)


def _digest_faults(what: str, digest: Any, optional: bool = False) -> Iterator[str]:
    if not (optional and digest is None) and not (isinstance(digest, str) and _SHA256.fullmatch(digest)):
        yield f"{what} is {digest!r}: input should be 64 hexadecimal digits in lower case"


def _bundle_faults(bundles: Any) -> Iterator[str]:
    if not isinstance(bundles, frozenset) or not all(
        isinstance(name, str) and _WORD.fullmatch(name) for name in bundles
    ):
        yield f"bundles is {bundles!r}: input should be a frozenset of words such as 'faces'"


def _ratio_faults(ratio: Any) -> Iterator[str]:
    if not (isinstance(ratio, tuple) and len(ratio) == 2 and all(type(side) is int and side > 0 for side in ratio)):
        yield f"aspect_ratio is {ratio!r}: input should be a tuple of two positive integers, such as (4, 3)"


def _conversion_faults(model: Model) -> Iterator[str]:
    if model.convert is not None and not callable(model.convert):
        yield f"convert is {model.convert!r}: input should be a function or None"
    if model.convert is not None:
        if not model.sources:
            yield "convert needs sources; a file at url or path is used as it is"
        return
    files = {model.sha256} - {None}
    for source in model.sources:
        if isinstance(source, FileSource):
            files.add(source.sha256)
            continue
        if len(source.members) > 1:
            yield f"convert is missing, and {source.requirement!r} gives {len(source.members)} files"
            return
        files |= set(source.members.values())
    if len(files) > 1:
        yield "its sources and sha256 name different files; without convert they must be one"


def _source_faults(source: Any) -> Iterator[str]:
    if not isinstance(source, (FileSource, WheelSource, NpmSource)):
        yield f"it is {source!r}: input should be an i2i.FileSource, WheelSource or NpmSource"
        return
    yield from _digest_faults("sha256", source.sha256)
    size = source.bytes
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        yield f"bytes is {size!r}: input should be a whole number of at least 1, or None"
    if isinstance(source, FileSource):
        if not re.fullmatch(r"https?://[^/\s]+/\S*[^/\s]", str(source.url)):
            yield f"url is {source.url!r}: input should be the address of a file, https://..."
        return
    pattern, example = _REQUIREMENTS[type(source)]
    if not isinstance(source.requirement, str) or not pattern.fullmatch(source.requirement):
        yield f"requirement is {source.requirement!r}: input should be a package with its exact version, {example!r}"
    yield from _member_faults(source.members)


def _member_faults(members: Any) -> Iterator[str]:
    if not isinstance(members, Mapping) or not members:
        yield f"members is {members!r}: input should be a dict of paths in the package, with the sha256 of each"
        return
    for path, digest in members.items():
        if not isinstance(path, str) or PurePosixPath(path).is_absolute() or {"", "..", "."} & set(path.split("/")):
            yield f"members holds {path!r}: input should be the path of a file in the package"
            return
        yield from _digest_faults(f"sha256 of {path}", digest)
    if len({PurePosixPath(path).name for path in members}) < len(members):
        yield "members holds two files of one base name, which convert could not tell apart"
