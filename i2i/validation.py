"""What can be told about a plugin without running it: the checks behind ``i2i plugins check``."""

from __future__ import annotations

import configparser
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .api.errors import I2IError, UsageError, did_you_mean
from .api.options import Options, click_options, option_flag
from .registry import KINDS, Plugin, Registry

COMMAND_WORDS = {
    "trainer": frozenset(
        {"config", "data_root", "dataset", "debug", "dry_run", "help", "name", "out", "resume", "source"}
    ),
    "editor": frozenset(
        {"as_json", "blend", "crop", "debug", "device", "extractor", "extractors", "face", "faithful", "fresh"}
        | {"generator", "help", "image", "images", "invert", "json", "keep", "landmarks", "out", "plugin", "recipe"}
        | {"truncation"}
    ),
}
"""Words of ``i2i train`` and ``i2i edit`` themselves, which no option of a trainer or an editor may take."""

_REQUIRED = {
    "trainer": ("__init__", "step", "sample"),
    "dataset": (),
    "generator": ("__init__", "render"),
    "model": (),
    "extractor": ("__init__",),
    "editor": ("edit",),
    "inverter": ("invert",),
    "preset": (),
    "metric": ("__init__", "update", "compute"),
    "panel": (),
}
_WORDS = {
    "extractor": ("role", ("landmarks", "identity", "perceptual", "text", "encoder")),
    "editor": ("wants", ("pixels", "crops", "latent")),
    "metric": ("better", ("lower", "higher")),
}
_ROLES = _WORDS["extractor"][1]


def check_plugin(registry: Registry, name: str) -> list[str]:
    """The faults of one plugin, a sentence each; empty for a sound one.

    Raises:
        UsageError: no plugin has this name.
    """
    plugin = find_plugin(registry, name)
    everything = {kind: registry.all(kind) for kind in KINDS}
    faults = [f"{plugin.name}: {plugin.error}"] if plugin.error else []
    for label in plugin.things:
        kind, _, called = label.partition(":")
        thing = everything[kind][called]
        own = check_thing(kind, thing)
        if kind == "preset":
            own += _preset_faults(thing, plugin.distribution, everything["editor"])
        faults += [f"{plugin.name}: {kind} {called}: {fault}" for fault in own]
    return faults


def find_plugin(registry: Registry, name: str) -> Plugin:
    """The plugin of this name, sound or not.

    Raises:
        UsageError: there is none; names the nearest.
    """
    if name not in registry.plugins:
        raise UsageError(f"There is no plugin called {name!r}.{did_you_mean(name, registry.plugins)}")
    return registry.plugins[name]


def check_thing(kind: str, thing: Any) -> list[str]:
    """The faults of one thing that a plugin registered as ``kind`` (``"trainer"``, ``"editor"``, ...)."""
    return [*_name_faults(thing), *_contract_faults(kind, thing), *_option_faults(kind, thing)]


def _name_faults(thing: Any) -> Iterator[str]:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", thing.name):
        yield "its name may hold only small letters, digits, '-' and '_', since it is typed on the command line"


def _contract_faults(kind: str, thing: Any) -> Iterator[str]:
    base = getattr(importlib.import_module(f"{__package__}.api.{kind}"), kind.capitalize())
    owner = thing if isinstance(thing, type) else type(thing)
    for method in _REQUIRED[kind]:
        if getattr(owner, method, None) in (None, getattr(base, method), getattr(object, method, None)):
            yield f"it must define {method} (see i2i.{kind.capitalize()}.{method})"
    attribute, words = _WORDS.get(kind, ("", ()))
    if words and getattr(thing, attribute, None) not in words:
        yield f"{attribute} is {getattr(thing, attribute, None)!r}; set it to one of {', '.join(words)}"
    if kind == "dataset":
        yield from _dataset_faults(owner, thing, base)
    if kind == "editor":
        yield from _editor_faults(thing)


def _dataset_faults(owner: type, thing: Any, base: Any) -> Iterator[str]:
    if getattr(thing, "drawn", None) and getattr(owner, "draw", None) is base.draw:
        yield "it promises a drawn sample ('drawn') and must define draw (see i2i.Dataset.draw)"
    if getattr(thing, "direction", None) not in ("AtoB", "BtoA"):
        yield f"direction is {getattr(thing, 'direction', None)!r}; set it to AtoB or BtoA"


def _editor_faults(thing: Any) -> Iterator[str]:
    for attribute in ("photos", "extractors", "may_use"):
        value = getattr(thing, attribute, None)
        if not isinstance(value, (tuple, list)) or not all(isinstance(word, str) for word in value):
            yield f"{attribute} is {value!r}; set it to a tuple of names, such as ('image',)"
        elif attribute != "photos" and (unknown := [role for role in value if role not in _ROLES]):
            yield f"{attribute} asks for {', '.join(unknown)}; the roles are {', '.join(_ROLES)}"


def _preset_faults(preset: Any, giver: str, editors: Mapping[str, Any]) -> Iterator[str]:
    """What the editor that is to read it says of it."""
    from .api.preset import Preset

    if not isinstance(preset, Preset):
        yield "it must be an i2i.Preset"
        return
    if preset.editor not in editors:
        yield f"it is for the editor {preset.editor!r}, which is not there.{did_you_mean(preset.editor, editors)}"
        return
    try:
        editors[preset.editor]().check_preset(replace(preset, giver=giver))
    except I2IError as error:
        yield str(error)


def _option_faults(kind: str, thing: Any) -> Iterator[str]:
    model = getattr(thing, "Options", None)
    if model is None:
        return
    if not (isinstance(model, type) and issubclass(model, Options)):
        yield "Options must derive from i2i.Options"
        return
    for name, field in model.model_fields.items():
        if not (field.description or "").strip():
            yield f"option {option_flag(name)} has no description; give one with pydantic.Field(..., description=...)"
        if name in COMMAND_WORDS.get(kind, ()):
            yield f"option {option_flag(name)} clashes with the command's own {option_flag(name)}; give it another name"
    try:
        click_options(model)
    except Exception as error:  # a stranger's types: say which model cannot be offered, whatever the cause
        yield f"Options cannot be made into command-line options ({error}); use plain types"


def plugins_in(folder: Path) -> list[Plugin]:
    """The plugins that a source folder declares, imported from there, installed or not.

    Raises:
        UsageError: the folder declares none, or its declaration cannot be read.
    """
    declared = dict(_entry_points(folder))
    if not declared:
        raise UsageError(f"{folder} declares no plugin; give its pyproject.toml a table [project.entry-points.i2i].")
    found = []
    paths = [str(path) for path in (folder, folder / "src") if path.is_dir()]
    sys.path[:0] = paths
    try:
        for name, target in declared.items():
            plugin = Plugin(name, folder.resolve().name, "source")
            module, _, attribute = target.partition(":")
            try:
                plugin.module = importlib.import_module(module.strip())
                for part in filter(None, attribute.strip().split(".")):
                    plugin.module = getattr(plugin.module, part)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                plugin.error = f"{type(error).__name__}: {error}"
            found.append(plugin)
    finally:
        for path in paths:
            sys.path.remove(path)
    return found


def _entry_points(folder: Path) -> dict[str, str]:
    project, legacy = folder / "pyproject.toml", folder / "setup.cfg"
    found: dict[str, str] = {}
    if project.is_file():
        toml = _toml_reader()
        try:
            table = toml.loads(project.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UsageError(f"{project} cannot be read ({error}); mend it first.") from None
        found.update(table.get("project", {}).get("entry-points", {}).get("i2i", {}))
    if legacy.is_file():
        reader = configparser.ConfigParser()
        reader.read(legacy, encoding="utf-8")
        lines = reader.get("options.entry_points", "i2i", fallback="").strip().splitlines()
        found.update((name.strip(), target.strip()) for name, _, target in (line.partition("=") for line in lines))
    return found


def _toml_reader() -> Any:
    """Import the TOML reader of the standard library; before Python 3.11 the package that it was made from."""
    return importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
