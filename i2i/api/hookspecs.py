"""The hooks a plugin may implement; this file is the whole extension surface.

Each ``register_*`` hook receives ``register``, a function that takes one class or record carrying ``name``,
``summary`` (one line) and, where it has settings, ``Options``. Call it once for each thing the plugin brings.
Heavy imports (torch, cv2) belong inside the hook, so that listing plugins stays quick.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    import click

GROUP = "i2i"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)

Register = Callable[[Any], None]


class PluginLookup(Protocol):
    """What commands of plugins look things up in; ``i2i.Registry`` is one."""

    def get(self, kind: str, name: str) -> Any:
        """Return the thing of this kind that is called ``name``; raises ``UsageError`` if there is none."""

    def all(self, kind: str) -> dict[str, Any]:
        """Return everything of one kind, by name, sorted."""


@hookspec
def register_trainers(register: Register) -> None:
    """Bring training methods: subclasses of ``i2i.Trainer``."""


@hookspec
def register_datasets(register: Register) -> None:
    """Bring sets of pictures: subclasses of ``i2i.Dataset``."""


@hookspec
def register_generators(register: Register) -> None:
    """Bring pretrained generators one can edit with: subclasses of ``i2i.Generator``."""


@hookspec
def register_models(register: Register) -> None:
    """Bring records of published weights that can be fetched by name: ``i2i.Model``."""


@hookspec
def register_extractors(register: Register) -> None:
    """Bring frozen networks that turn pictures into numbers: subclasses of ``i2i.Extractor``, each with a role."""


@hookspec
def register_editors(register: Register) -> None:
    """Bring edits: subclasses of ``i2i.Editor``."""


@hookspec
def register_inverters(register: Register) -> None:
    """Register methods that find the latents of images: subclasses of ``i2i.Inverter``."""


@hookspec
def register_presets(register: Register) -> None:
    """Bring named ways of using an editor, as plain data: ``i2i.Preset``."""


@hookspec
def register_metrics(register: Register) -> None:
    """Bring measures of outputs against targets: subclasses of ``i2i.Metric``."""


@hookspec
def register_panels(register: Register) -> None:
    """Bring what the web page shows for an editor or a run: subclasses of ``i2i.Panel``."""


@hookspec
def register_commands(cli: click.Group, registry: PluginLookup) -> None:
    """Add commands to the command line: ``cli.add_command(...)``; look things up in ``registry`` when they run."""
