"""Check a plugin without running it; used by ``i2i plugins check``."""

from __future__ import annotations

import configparser
import importlib
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .api.contracts import contract_class, contract_methods
from .api.errors import I2IError, UsageError, did_you_mean
from .api.options import Options, click_options, option_flag, reserved_options
from .api.preset import Preset
from .attributes import attribute_faults
from .discovery import describe_error
from .guards import OPTIONS_LAST, build_plugin
from .registry import KINDS, Plugin, Registry
from .return_checks import describe_value

_RECORDS = ("model", "preset")
"""Kinds that are registered as records, not as classes."""
_CONSTRUCTORS = {
    "trainer": ("options", "device"),
    "dataset": (),
    "generator": ("weights", "device"),
    "extractor": ("device",),
    "editor": (),
    "metric": ("device",),
    "inverter": (),
    "callback": (),
    "panel": (),
}
"""By kind, what constructors get, before the options of the kinds in ``OPTIONS_LAST``."""


def check_plugin(registry: Registry, name: str) -> list[str]:
    """Return the faults of one plugin, a sentence each; empty for a sound one.

    Raises:
        UsageError: no plugin has this name.
    """
    plugin = find_plugin(registry, name)
    everything = {kind: registry.all(kind, checked=False) for kind in KINDS}
    faults = [f"{plugin.name}: {plugin.error}"] if plugin.error else []
    for label in plugin.things:
        kind, _, called = label.partition(":")
        if called not in everything[kind]:  # it cannot be imported, which is among the plugin's faults
            continue
        thing = everything[kind][called]
        own = check_thing(kind, thing)
        if kind not in _RECORDS and registry.entry(kind, called).summary != getattr(thing, "summary", None):
            own.append("its summary is not the one that is registered; make them equal")
        if kind == "preset":
            own += _preset_faults(registry, thing, plugin.distribution)
        if kind == "panel":
            own += _panel_faults(registry, thing)
        faults += [f"{plugin.name}: {kind} {called}: {fault}" for fault in own]
    return faults


def find_plugin(registry: Registry, name: str) -> Plugin:
    """Return the plugin of this name, sound or not.

    Raises:
        UsageError: there is none; names the nearest.
    """
    if name not in registry.plugins:
        raise UsageError(f"There is no plugin called {name!r}.{did_you_mean(name, registry.plugins)}")
    return registry.plugins[name]


def check_thing(kind: str, thing: Any) -> list[str]:
    """Return the faults of one thing that a plugin registered as ``kind`` (``"trainer"``, ``"editor"``, ...)."""
    return [*_name_faults(thing), *_contract_faults(kind, thing), *_option_faults(kind, thing)]


def _name_faults(thing: Any) -> Iterator[str]:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", thing.name):
        yield "its name may hold only small letters, digits, '-' and '_', since it is typed on the command line"


def _contract_faults(kind: str, thing: Any) -> Iterator[str]:
    base = contract_class(kind)
    if kind in _RECORDS:
        if isinstance(thing, base):
            yield from attribute_faults(kind, thing)
        else:
            yield f"it must be an i2i.{base.__name__}"
        return
    if not isinstance(thing, type):
        yield f"it must be a class, not {describe_value(thing)}; register the class itself"
        return
    if not issubclass(thing, base):
        yield f"it must derive from i2i.{base.__name__}"
        return
    base = contract_class(kind, thing)
    for name, declared in contract_methods(kind, thing).items():
        found = inspect.getattr_static(thing, name)
        if getattr(found, "__isabstractmethod__", False):
            yield f"it must define {name} (see i2i.{base.__name__}.{name})"
        elif found is not declared and name != "__init__":
            yield from _method_faults(f"i2i.{base.__name__}", name, found, declared)
    yield from _constructor_faults(kind, thing)
    yield from attribute_faults(kind, thing)
    if kind == "extractor" and not _is_role(getattr(thing, "role", None)):
        yield f"role is {getattr(thing, 'role', None)!r}; set it to a word such as 'landmarks' or 'depth'"
    if kind == "dataset":
        yield from _dataset_faults(thing, base)
    if kind == "editor":
        yield from _editor_faults(thing)


def _is_role(role: Any) -> bool:
    return isinstance(role, str) and re.fullmatch(r"[a-z0-9][a-z0-9_-]*", role) is not None


def _method_faults(base: str, name: str, found: Any, declared: Any) -> Iterator[str]:
    """What keeps a method from being called as the one that the contract declares."""
    if isinstance(declared, property):
        if inspect.isfunction(found):
            yield f"{name} is a method and must be a property: mark it with @property"
        return
    bound = isinstance(declared, (classmethod, staticmethod))
    if bound and not isinstance(found, (classmethod, staticmethod)):
        yield f"{name} must be a {type(declared).__name__}: mark it with @{type(declared).__name__}"
        return
    given, expected = _parameters(found), _parameters(declared)
    if given is None or expected is None:
        if not callable(found):
            yield f"{name} is {describe_value(found)} and must be a method"
        return
    if not _accepts(given, expected):
        yield f"{name}{_signature(given)} must take the parameters of {base}.{name}{_signature(expected)}"


def _constructor_faults(kind: str, thing: Any) -> Iterator[str]:
    """Constructors are called with positional arguments, so the names of their parameters are free."""
    if kind not in _CONSTRUCTORS or getattr(thing.__init__, "__isabstractmethod__", False):
        return
    names = [*_CONSTRUCTORS[kind]]
    if kind in OPTIONS_LAST and getattr(getattr(thing, "Options", None), "model_fields", None):
        names.append("options")
    if thing.__init__ is object.__init__:
        given: list[inspect.Parameter] | None = []
    else:
        given = _parameters(thing.__init__)
    expected = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    if given is not None and not _accepts(given, expected):
        yield f"__init__{_signature(given)} must take {_signature(expected)}, as i2i calls it with these arguments"


def _parameters(function: Any) -> list[inspect.Parameter] | None:
    """The parameters after ``self`` or ``cls``; None for what has no signature."""
    first = 0 if isinstance(function, staticmethod) else 1
    function = getattr(function, "__func__", function)
    try:
        return list(inspect.signature(function).parameters.values())[first:]
    except (TypeError, ValueError):
        return None


def _accepts(given: Sequence[inspect.Parameter], expected: Sequence[inspect.Parameter]) -> bool:
    """Whether a function with the parameters ``given`` can be called as one with the parameters ``expected``.

    A name may begin with ``_``, as that of a parameter which is not used does.
    """
    positional = [each for each in given if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    rest = any(each.kind == each.VAR_POSITIONAL for each in given)
    for number, wanted in enumerate(expected):
        if number >= len(positional):
            if not rest:
                return False
            continue
        own = positional[number]
        if wanted.kind != wanted.POSITIONAL_ONLY and own.name.lstrip("_") != wanted.name:
            return False
        if wanted.default is not wanted.empty and own.default is own.empty:
            return False
    further = [*positional[len(expected) :], *(each for each in given if each.kind == each.KEYWORD_ONLY)]
    return all(each.default is not each.empty for each in further)


def _signature(parameters: Sequence[inspect.Parameter]) -> str:
    """``(w, noise='const')``: names and defaults without annotations."""
    plain = [each.replace(annotation=each.empty, kind=_shown(each)) for each in parameters]
    return str(inspect.Signature(plain))


def _shown(parameter: inspect.Parameter) -> Any:
    """Positional-only parameters are shown as plain ones."""
    return parameter.POSITIONAL_OR_KEYWORD if parameter.kind == parameter.POSITIONAL_ONLY else parameter.kind


def _dataset_faults(thing: Any, base: Any) -> Iterator[str]:
    if thing.drawn and thing.draw is base.draw:
        yield "it declares synthetic samples ('drawn') and must define draw (see i2i.Dataset.draw)"


def _editor_faults(thing: Any) -> Iterator[str]:
    for attribute in ("extractors", "may_use"):
        value = getattr(thing, attribute, None)
        if isinstance(value, (tuple, list)) and (wrong := [role for role in value if not _is_role(role)]):
            yield f"{attribute} asks for {', '.join(map(repr, wrong))}; a role is a word such as 'landmarks' or 'depth'"


def _preset_faults(registry: Registry, preset: Any, provider: str) -> Iterator[str]:
    """What the editor that is to read it says of it."""
    if not isinstance(preset, Preset):
        return
    if preset.editor not in (editors := registry.names("editor")):
        yield f"it is for the editor {preset.editor!r}, which is not there.{did_you_mean(preset.editor, editors)}"
        return
    try:
        build_plugin(registry, "editor", preset.editor).check_preset(replace(preset, provider=provider))
    except I2IError as error:
        yield str(error)


def _panel_faults(registry: Registry, panel: Any) -> Iterator[str]:
    editor = getattr(panel, "editor", None)
    if isinstance(editor, str) and editor not in (editors := registry.names("editor")):
        yield f"it is for the editor {editor!r}, which is not there.{did_you_mean(editor, editors)}"


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
    for name in reserved_options(kind, model):
        yield f"option {option_flag(name)} clashes with the command's own {option_flag(name)}; give it another name"
    try:
        for field in model.model_fields.values():
            field.get_default(call_default_factory=True)
    except Exception as error:
        yield f"Options has a default that cannot be made ({describe_error(error)}); mend its default_factory"
        return
    if not any(field.is_required() for field in model.model_fields.values()):
        try:
            model.model_validate(
                {name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()}
            )
        except ValidationError as error:
            issue = error.errors()[0]
            where = f"option {option_flag(str(issue['loc'][0]))}" if issue["loc"] else "Options"
            yield f"{where} has a default that it does not allow itself ({issue['msg']})"
        except Exception as error:
            yield f"Options fails to validate its own defaults ({describe_error(error)}); mend its validators"
    try:
        click_options(model)
    except Exception as error:  # a stranger's types: say which model cannot be offered, whatever the cause
        yield f"Options cannot be made into command-line options ({error}); use plain types"


def plugins_in(folder: Path) -> list[Plugin]:
    """Return the plugins that a source folder declares, imported from there, installed or not.

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
