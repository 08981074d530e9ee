"""What is found for one picture, and how far the search for several has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from torch import Tensor

OnStep = Callable[..., None]
"""``on_step(done, total, **scalars)``, as ``i2i.Scene.progress``."""


@dataclass(frozen=True)
class Inversion:
    """What was found for one picture."""

    latent: i2i.Latent
    picture: Tensor
    """``(1, 3, R, R)`` in [-1, 1], what the latent renders to."""
    losses: Sequence[float]
    """Where the search began, and after each step."""
    loss: float
    """That of the picture; while w is jittered losses may be lower than what their latents give."""
    steps: int
    seconds: float
    """Its share of the time; what was found for several together is shared out evenly."""
    tuned: Sequence[float] = ()
    """Losses while the generator's weights learnt the picture."""
    frames: Sequence[Tensor] = ()
    """Pictures of the way, ``(1, 3, R, R)``."""


@dataclass
class Counter:
    """Steps of photos that are done, of all."""

    on_step: OnStep
    total: int
    done: int = 0

    def tell(self, steps: int, loss: float) -> None:
        """Report so many steps, added up over photos, of the part that runs now."""
        self.on_step(min(self.total, self.done + steps), self.total, loss=loss)
