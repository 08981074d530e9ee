"""The synthetic people on which the landmark and identity networks are trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .. import pools

if TYPE_CHECKING:
    from .settings import TrainingSettings

EACH = 8
"""Images of each person, in other poses, expressions and light."""


def people(settings: TrainingSettings, say: Callable[[str], None]) -> pools.Pool:
    """``settings.images`` faces, eight of each person; rendered once for all networks that need as many.

    Args:
        say: Receives progress messages of one line.
    """
    return pools.pool("people", settings.images, settings.size, per_identity=EACH, say=say)
