"""Find plugins, import them, and keep the faults of each one its own."""

from __future__ import annotations

import importlib.metadata as metadata
import importlib.util
import os
import re
import sys
import time
import traceback
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import __version__
from .api import hookspecs
from .api.errors import I2IError, UsageError, did_you_mean

SLOW = 0.3
"""Seconds of CPU time; what delays the start of every command longer is reported in the plugin's name."""


@dataclass(eq=False)
class Plugin:
    """One plugin found on this machine, loaded or failed."""

    name: str
    distribution: str
    """The distribution that provides it; of a plugin in one file, the file's path."""
    version: str
    module: Any = None
    """What its entry point names, usually a module; None where it could not be imported."""
    error: str | None = None
    """What is wrong with it, in one line; None for a sound plugin."""
    things: list[str] = field(default_factory=list)
    """What it registered, as ``"trainer:pix2pix"``; a preset is ``"preset:EDITOR/NAME"``."""
    file: Path | None = None
    """The absolute path of a plugin that is one file; None for installed plugins."""
    sha256: str | None = None
    """Checksum of ``file`` when it was loaded."""
    exceptions: list[BaseException] = field(default_factory=list)
    """The exceptions behind ``error``, whose tracebacks ``--debug`` and ``i2i plugins check`` show."""
    warnings: list[str] = field(default_factory=list)
    """What it does that slows every command down, a sentence each; the plugin works nevertheless."""

    class_name: str | None = None
    """The name of a class that was passed in place of a name; None for files and installed plugins."""

    @property
    def origin(self) -> dict[str, str] | None:
        """Where a plugin that is not installed came from, as recipes and runs keep it; None for installed ones.

        ``path`` and ``sha256`` of its file (empty for classes typed into an interpreter), and the name of its
        ``class`` if that was passed alone.
        """
        if self.file is None and self.class_name is None:
            return None
        found = {"path": str(self.file or ""), "sha256": self.sha256 or ""}
        return found | ({"class": self.class_name} if self.class_name else {})

    @property
    def tracebacks(self) -> list[str]:
        """The traceback of each exception behind ``error``."""
        return ["".join(traceback.format_exception(error)) for error in self.exceptions]

    @property
    def release(self) -> str:
        """The distribution and its version, as messages and records name them: ``"i2i-mine 1.0"``."""
        return f"{self.distribution} {self.version}"

    def __str__(self) -> str:
        return f"{self.name} ({self.release})"

    def blame(self, fault: str, error: BaseException | None = None) -> None:
        """Add a fault, and the traceback of its exception."""
        fault = " ".join(fault.split())
        self.error = f"{self.error}; {fault}" if self.error else fault
        if error is not None:
            self.exceptions.append(error)

    def report(self, fault: str, hook: str = "", error: BaseException | None = None) -> None:
        """Add a fault and print it on stderr, in one line; with ``I2I_DEBUG=1`` its traceback too."""
        fault = " ".join(fault.split())
        self.blame(f"{hook}: {fault}" if hook else fault, error)
        where = f"{hook} of plugin {self}" if hook else f"plugin {self}"
        print(f"i2i: {where} is left out: {fault}", file=sys.stderr)
        if error is not None and debugging():
            print(self.tracebacks[-1], file=sys.stderr, end="")


def debugging() -> bool:
    """Return whether tracebacks are wanted: ``I2I_DEBUG`` is set to something other than 0."""
    return os.environ.get("I2I_DEBUG", "0") not in ("", "0")


def describe_error(error: BaseException) -> str:
    """Return the type and message of an exception in one line; of an ``I2IError``, meant for users, the message."""
    text = " ".join(str(error).split())
    return text if isinstance(error, I2IError) else f"{type(error).__name__}: {text}"


@contextmanager
def isolated(on_error: Callable[[BaseException], None]) -> Iterator[None]:
    """Run code of a plugin: what it prints goes to stderr, and nothing but Ctrl-C leaves the block.

    Args:
        on_error: Called with any exception, ``SystemExit`` included.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        on_error(error)


@contextmanager
def watched(plugin: Plugin, doing: str) -> Iterator[None]:
    """Report on stderr that starting up is slow because of this plugin, or that it imports torch."""
    began, torch_before = time.process_time(), "torch" in sys.modules
    yield
    seconds = time.process_time() - began  # CPU time, which other programs do not change
    torch = "torch" in sys.modules and not torch_before
    if seconds <= SLOW and not torch:
        return
    what = f"{doing} takes {seconds:.1f} s{' and imports torch' if torch else ''}"
    plugin.warnings.append(f"{what}, in every command; register by string, 'register(NAME, \"module:Class\")'")
    print(f"i2i: warning: plugin {plugin}: {plugin.warnings[-1]}", file=sys.stderr)


def find_plugins(names: list[str] | None = None) -> list[Plugin]:
    """Find and import the installed plugins, the entry points of group ``i2i``.

    Args:
        names: Import only these: names of entry points, or paths of files with a plugin; None for all installed.
    """
    entries = list(metadata.entry_points(group=hookspecs.GROUP))
    chosen = [entry for entry in entries if names is None or entry.name in names]
    # Each attribute of a distribution parses its metadata, 4 ms, so it is asked once and not for each entry point.
    facts = {id(entry.dist): _facts(entry.dist) for entry in {id(each.dist): each for each in chosen}.values()}
    found = [_load(entry, *facts[id(entry.dist)]) for entry in chosen]
    known = {plugin.name for plugin in found}
    for name in dict.fromkeys(names or ()):
        if is_file_name(name):
            found.append(load_file(name))
        elif name not in known:
            near = did_you_mean(name, {entry.name for entry in entries})
            reason = f"I2I_PLUGINS names it, but it is not installed.{near}"
            found.append(Plugin(name, "I2I_PLUGINS", "?", error=reason))
    return found


def _facts(distribution: metadata.Distribution | None) -> tuple[str, str, str | None]:
    """Return the name and version of a distribution, and its requirement on i2i if that is not met."""
    if distribution is None:
        return "unknown", "?", None
    known = distribution.metadata
    name, requires = str(known["Name"]), known.get_all("Requires-Dist") or []
    return name, str(known["Version"]), None if name == "i2i" else _unmet(requires)


def _load(entry: metadata.EntryPoint, distribution: str, version: str, needed: str | None) -> Plugin:
    plugin = Plugin(entry.name, distribution, version)
    if needed:
        plugin.error = f"it needs {needed}, and this is i2i {__version__}: install another version of either"
        return plugin
    with isolated(lambda error: plugin.blame(describe_error(error), error)), watched(plugin, "its import"):
        plugin.module = entry.load()
    return plugin


def _unmet(requires: list[str]) -> str | None:
    """Return the requirement on i2i that this i2i does not meet, such as ``"i2i>=2"``; None if there is none."""
    lines = [line for line in requires if re.match(r"i2i(?![\w.-])", line, re.IGNORECASE)]
    if not any(sign in line.partition(";")[0] for line in lines for sign in "<>=~!"):
        return None
    from packaging.requirements import InvalidRequirement, Requirement

    for line in lines:
        try:
            needed = Requirement(line)
        except InvalidRequirement:
            continue
        applies = needed.marker is None or needed.marker.evaluate({"extra": ""})
        if applies and not needed.specifier.contains(__version__, prereleases=True):
            return f"{needed.name}{needed.specifier}"
    return None


def is_file_name(name: str) -> bool:
    """Return whether a plugin is named by the path of its file, such as ``./warm.py``."""
    return name.endswith(".py") or ".py:" in name


def load_file(name: str | Path) -> Plugin:
    """Import a plugin that is one file; a file that cannot be imported gives a plugin with an ``error``.

    The file may have hooks, as the module of any plugin; one without hooks provides its own subclasses of
    ``i2i.Editor``, ``i2i.Trainer`` and the other contracts.
    """
    path = Path(name).expanduser().absolute()
    plugin = Plugin(path.stem, str(path), "file", file=path)
    try:
        source = path.read_bytes()
    except OSError as error:
        plugin.error = f"it cannot be read ({error.strerror or error}); check the path"
        return plugin
    plugin.sha256 = _sha256(source)
    plugin.version = plugin.sha256[:12]
    module_name = f"i2i_file_{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}_{plugin.version}"
    if (loaded := sys.modules.get(module_name)) is not None and getattr(loaded, "__file__", None) == str(path):
        plugin.module = loaded
        return plugin
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        plugin.error = "it is not a Python file; name a file that ends in .py"
        return plugin
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module

    def fail(error: BaseException) -> None:
        sys.modules.pop(module_name, None)
        plugin.blame(describe_error(error), error)

    with isolated(fail):
        spec.loader.exec_module(module)
        if not any(hasattr(value, f"{hookspecs.GROUP}_impl") for value in vars(module).values()):
            _add_hooks(module)
        plugin.module = module
    return plugin


def _sha256(source: bytes) -> str:
    import hashlib  # takes 10 ms to import, and most commands load no file

    return hashlib.sha256(source).hexdigest()


def plugin_of_class(thing: type) -> Plugin:
    """Return a plugin that provides one class, for a class that is passed in place of a name.

    Raises:
        UsageError: the class derives from no contract of i2i.
    """
    kind = kind_of(thing)
    if kind is None:
        raise UsageError(f"{thing.__name__} is no plugin class: derive it from i2i.Editor, i2i.Trainer or another one.")
    source = getattr(sys.modules.get(thing.__module__), "__file__", None)
    path = Path(source).absolute() if source else None
    sha256 = _sha256(path.read_bytes()) if path and path.is_file() else None
    module = types.ModuleType(thing.__module__)
    _add_hook(module, kind, [thing])
    file = path if sha256 else None
    version = sha256[:12] if sha256 else "?"
    where = str(file or "Python")
    return Plugin(thing.__name__, where, version, module, file=file, sha256=sha256, class_name=thing.__name__)


def kind_of(thing: Any) -> str | None:
    """Return the kind of a plugin class, such as ``"editor"``, by the contract it derives from; None for others."""
    bases = {(base.__module__, base.__name__) for base in getattr(thing, "__mro__", ())[1:]}
    return next((kind for kind in hookspecs.KINDS if (f"i2i.api.{kind}", kind.capitalize()) in bases), None)


def _add_hooks(module: Any) -> None:
    """Give a module without hooks those that register its own plugin classes."""
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    classes = [value for value in own if isinstance(value, type) and isinstance(getattr(value, "name", None), str)]
    for kind in hookspecs.KINDS:
        if things := [value for value in classes if kind_of(value) == kind]:
            _add_hook(module, kind, things)


def _add_hook(module: Any, kind: str, things: list[type]) -> None:
    def hook(register: hookspecs.Register) -> None:
        for thing in things:
            register(thing)

    hook.__name__, hook.__module__ = f"register_{kind}s", module.__name__
    setattr(module, hook.__name__, hookspecs.hookimpl(hook))
