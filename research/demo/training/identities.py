"""The synthetic people that landmarks and identities are learnt from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .. import pools

if TYPE_CHECKING:
    from .settings import TrainingSettings

EACH = 8
"""Images of each person, in other poses, expressions and light."""


def people(settings: TrainingSettings, say: Callable[[str], None]) -> pools.Pool:
    """``settings.images`` faces, eight of each person; drawn once for all networks that ask for as many.

    Args:
        say: Told about the drawing, a line at a time.
    """
    return pools.pool("people", settings.images, settings.size, per_identity=EACH, say=say)
