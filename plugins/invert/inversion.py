"""What is found for one image, and how far the optimisation of several has come."""

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
class Reconstruction:
    """What was found for one image."""

    latent: i2i.Latent
    picture: Tensor
    """``(1, 3, R, R)`` in [-1, 1], what the latent renders to."""
    losses: Sequence[float]
    """The initial loss, and that after each step."""
    loss: float
    """The loss of the image; while w is jittered, ``losses`` may be lower than what their latents give."""
    steps: int
    seconds: float
    """Its part of the time; the time of images that were optimised together is divided evenly."""
    tuned: Sequence[float] = ()
    """Losses while the generator's weights were tuned to the image."""
    frames: Sequence[Tensor] = ()
    """Images of the optimisation, ``(1, 3, R, R)``."""

    def result(self) -> i2i.Inversion:
        """Return it as an inverter does."""
        scalars = {"seconds": self.seconds, "steps": float(self.steps), "loss": self.loss}
        lines = {"latent": list(enumerate(self.losses))}
        if self.tuned:
            first = len(self.losses) - 1
            lines["generator"] = [(first + step, loss) for step, loss in enumerate(self.tuned)]
        points = {name: [(float(x), float(y)) for x, y in line] for name, line in lines.items()}
        plot = i2i.Plot("step", "loss", points, logarithmic=True)
        plots = {"loss": plot} if any(len(line) > 1 for line in points.values()) else {}
        return i2i.Inversion(self.latent, scalars, plots, self.picture, tuple(self.frames))

    @classmethod
    def of(cls, inversion: i2i.Inversion) -> Reconstruction:
        """Undo ``result``, for an inversion without tuning."""
        assert inversion.image is not None
        scalars = inversion.scalars
        points = inversion.plots["loss"].lines["latent"] if "loss" in inversion.plots else [(0.0, scalars["loss"])]
        losses = [loss for _, loss in points]
        return cls(
            *(inversion.latent, inversion.image, losses, scalars["loss"], int(scalars["steps"]), scalars["seconds"]),
            frames=inversion.frames,
        )


@dataclass
class Counter:
    """Steps of photos that are done, of all."""

    on_step: OnStep
    total: int
    done: int = 0

    def tell(self, steps: int, loss: float) -> None:
        """Report so many steps, added up over photos, of the part that runs now."""
        self.on_step(min(self.total, self.done + steps), self.total, loss=loss)
