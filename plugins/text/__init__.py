"""Edit pictures by a sentence: by optimisation of their latents, or along directions in the space of styles."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import i2i

if TYPE_CHECKING:
    import click


@i2i.hookimpl
def register_editors(register: Callable[[Any], None]) -> None:
    from .editor import Text

    register(Text)


@i2i.hookimpl
def register_commands(cli: click.Group, registry: i2i.Registry) -> None:
    from .command import add_to

    add_to(cli)
