"""The hooks a plugin may implement; this file is the whole extension surface.

Each ``register_*`` hook receives ``register`` (see ``Register``). Call it once for each thing the plugin provides.
Registered by string, a class is imported when it is used, so that its module may import torch at the top.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    import click

GROUP = "i2i"
KINDS = (
    *("trainer", "dataset", "generator", "model", "extractor", "editor", "inverter", "preset", "metric"),
    *("callback", "panel"),
)
"""What plugins can provide; ``register_<kind>s`` registers each."""
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
"""Decorator of the functions of a plugin module that implement a hook."""


class Register(Protocol):
    """The function that a hook receives; it registers one thing at a time."""

    def __call__(self, thing: Any, target: str | None = None, /, *, summary: str = "", **declared: Any) -> None:
        """Register a class or record, or the name of one that is imported when it is used.

        ``register(Warm)`` takes a class or record that has ``name`` and ``summary``.
        ``register("warm", "i2i_warm.editor:Warm", summary="Warm the colours of the photo.", wants="pixels")`` imports
        nothing until an edit uses it.

        Args:
            thing: The class or record; or its name, as typed by users.
            target: ``"module:Attribute"`` of the class or record, an absolute module name; only with a name.
            summary: One line for lists; only with a name.
            **declared: Attributes of the class that can then be asked without importing it, such as ``role``,
                ``domain``, ``default``, ``wants`` or ``better``. ``kinds`` may be declared as a list of its names, and
                ``Options`` as the ``"module:Class"`` of the options, so that help does not import the rest. Editors and
                inverters may declare ``requires`` as the class, or as ``"i2i:StyleGenerator"``. A preset must declare
                ``editor``.

        Raises:
            ValueError: name, target or summary is missing or not one line. That the imported thing equals name,
                summary and declared attributes is checked when it is imported.
        """


class PluginLookup(Protocol):
    """What commands of plugins look things up in; ``i2i.Registry`` is one."""

    def get(self, kind: str, name: str) -> Any:
        """Return the thing of this kind that is called ``name``; raises ``UsageError`` if there is none."""

    def all(self, kind: str) -> dict[str, Any]:
        """Import everything of one kind and return it by name, sorted."""

    def names(self, kind: str) -> list[str]:
        """Return the names of one kind, sorted, importing nothing."""


@hookspec
def register_trainers(register: Register) -> None:
    """Register training methods: subclasses of ``i2i.Trainer``."""


@hookspec
def register_datasets(register: Register) -> None:
    """Register datasets: subclasses of ``i2i.Dataset``."""


@hookspec
def register_generators(register: Register) -> None:
    """Register families of pretrained generators: subclasses of ``i2i.Generator``."""


@hookspec
def register_models(register: Register) -> None:
    """Register records of published weights that can be downloaded by name: ``i2i.Model``."""


@hookspec
def register_extractors(register: Register) -> None:
    """Register frozen networks that turn images into numbers: subclasses of ``i2i.Extractor``, each with a role."""


@hookspec
def register_editors(register: Register) -> None:
    """Register editors: subclasses of ``i2i.Editor``."""


@hookspec
def register_inverters(register: Register) -> None:
    """Register methods that find the latents of images: subclasses of ``i2i.Inverter``."""


@hookspec
def register_presets(register: Register) -> None:
    """Register named option values of an editor, as plain data: ``i2i.Preset``."""


@hookspec
def register_metrics(register: Register) -> None:
    """Register metrics of outputs against targets: subclasses of ``i2i.Metric``."""


@hookspec
def register_callbacks(register: Register) -> None:
    """Register what follows trainings and edits, such as loggers: subclasses of ``i2i.Callback``."""


@hookspec
def register_panels(register: Register) -> None:
    """Register panels of the web page for an editor or a run: subclasses of ``i2i.Panel``."""


@hookspec
def register_commands(cli: click.Group, registry: PluginLookup) -> None:
    """Add commands to the command line: ``cli.add_command(...)``; look things up in ``registry`` when they run."""
