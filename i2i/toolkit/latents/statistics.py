"""Statistics of a generator's latent codes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...api.generator import Generator


def component_std(generator: Generator) -> float:
    """Return the standard deviation of one component of w; ``w_std`` is that of all ``w_dim`` components together."""
    return generator.w_std / math.sqrt(generator.w_dim)
