"""The editor ``brightness``: optimisation of a latent, with frames, progress and cancellation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field
from torch import Tensor

import i2i
from i2i.toolkit.latents.optimizer import Evaluation, LatentOptimizer, Objective, Patience, Trajectory


class BrightnessOptions(i2i.Options):
    """Options of ``brightness``."""

    target: float = Field(0.6, ge=0, le=1, description="Mean of the image, from 0 (black) to 1 (white)")
    steps: int = Field(60, ge=1, le=10_000, description="Most optimisation steps")
    rate: float = Field(0.05, gt=0, description="Learning rate, as a fraction of the spread of latents")
    closeness: float = Field(0.01, ge=0, description="Weight of the distance from the initial latent")
    tolerance: float = Field(0.01, ge=0, description="Stop when the brightness is as close to the target as this")
    frames: int = Field(
        0, ge=0, description="Keep a frame every so many steps; 0: none", json_schema_extra={"unit": "steps"}
    )


class BrightnessObjective(Objective):
    """Squared distance of the mean brightness from the target, and of the latent from the initial one."""

    def __init__(self, generator: i2i.Generator, initial: Tensor, options: BrightnessOptions) -> None:
        self.generator, self.initial, self.options = generator, initial, options

    def evaluate(self, variables: Mapping[str, Tensor], step: int) -> Evaluation:
        """Render ``w (N, num_ws, w_dim)`` and measure the brightness of the images."""
        images = self.generator.render(variables["w"]).expand(-1, 3, -1, -1)
        brightness = (images.mean(dim=(1, 2, 3)) + 1) / 2
        offset = (variables["w"] - self.initial) / self.generator.w_std
        losses = (brightness - self.options.target).square() + self.options.closeness * offset.square().mean(dim=(1, 2))
        return Evaluation(losses, metrics={"brightness": brightness}, images=images.clamp(-1, 1))

    def select(self, samples: Tensor) -> None:
        """Keep only the samples that are still optimised."""
        self.initial = self.initial[samples]


@dataclass
class BrightnessTrajectory(Trajectory):
    """An optimisation that has converged once the brightness is close to the target."""

    target: float = 0.6
    tolerance: float = 0.01

    def has_converged(self) -> bool:
        """Tell whether the target is reached."""
        return abs(self.metrics["brightness"][-1][0] - self.target) <= self.tolerance

    def improves(self, loss: float, lowest: float) -> bool:
        """Tell whether the latest latent is the best; the one that reaches the target always is."""
        return loss < lowest or self.has_converged()


class Brightness(i2i.Editor):
    """Changes the latent, and not the pixels, so that the image stays one that the generator could have made."""

    name = "brightness"
    summary = "Optimise a latent until its image has a given brightness."
    photos = ("image",)
    wants = "latent"
    Options = BrightnessOptions

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """Return the best image so far when the target is reached, the steps are taken, or the user cancels."""
        w = scene.latent.w
        optimizer = LatentOptimizer(
            BrightnessObjective(scene.generator, w, options),
            {"w": w},
            [BrightnessTrajectory(Patience(50), target=options.target, tolerance=options.tolerance)],
            steps=options.steps,
            learning_rate=options.rate * scene.generator.w_std / scene.generator.w_dim**0.5,
            frame_interval=options.frames,
            cancelled=lambda: scene.cancelled,
        )
        (found,) = optimizer.run(lambda done, loss: scene.progress(done, options.steps, loss=loss))
        best = found.best["w"]
        levels = [values[0] for values in found.metrics["brightness"]]
        return i2i.Result(
            scene.generator.render(best).expand(-1, 3, -1, -1).clamp(-1, 1),
            latent=best,
            frames=found.frames,
            scalars={"brightness": levels[found.best_step], "initial": levels[0], "steps": float(found.steps)},
            plots={"brightness": i2i.Plot("step", "mean brightness", {"brightness": list(enumerate(levels))})},
        )
