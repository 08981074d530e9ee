"""The latent optimisation of a swap: the objective, and the run over a batch of pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

import i2i
from i2i.toolkit.latents.noise import noise_maps, normalise_noise, regularisation
from i2i.toolkit.latents.optimizer import Evaluation, LatentOptimizer, Objective, Trajectory, warmup_cosine
from i2i.toolkit.latents.statistics import component_std

from .losses import SwapLoss
from .options import SwapOptions

if TYPE_CHECKING:
    from torch import Tensor


SCHEDULE = warmup_cosine(0.05, 0.25)
"""Schedule of the learning rate (Karras et al. 2020, appendix D)."""


class SwapObjective(Objective):
    """The loss of N latents, and of their noise maps where these are optimised."""

    def __init__(
        self, generator: i2i.Generator, options: SwapOptions, loss: SwapLoss, initial: Tensor, layers: Sequence[int]
    ) -> None:
        """Take the initial latents ``(N, num_ws, w_dim)``, of which ``layers`` may change."""
        self.generator, self.options, self.loss = generator, options, loss
        self.initial, self.layers = initial.detach(), list(layers)
        self.component_std = component_std(generator)

    def variables(self) -> dict[str, Tensor]:
        """Return the initial variables: ``w (N, layers, w_dim)``, and noise maps by their names."""
        maps = noise_maps(self.generator, len(self.initial)) if self.options.noise else {}
        return {"w": self.initial[:, self.layers], **maps}

    def assemble(self, variable: Tensor, samples: slice = slice(None)) -> Tensor:
        """Return the latents of some samples whose variable layers are ``variable (n, layers, w_dim)``."""
        w = self.initial[samples].clone()
        w[:, self.layers] = variable
        return w

    def evaluate(self, variables: Mapping[str, Tensor], step: int) -> Evaluation:
        """Compute the losses ``(N,)`` and their terms; see ``Objective.evaluate``."""
        variable, noise = variables["w"], {name: plane for name, plane in variables.items() if name != "w"}
        with i2i.gradients_for(self.layers):
            images = self.generator.render(self.assemble(variable), noise or "const").expand(-1, 3, -1, -1)
        terms = self.loss.terms(images)
        if self.options.distance_weight:
            squares = ((variable - self.initial[:, self.layers]) / self.component_std).square().mean(dim=(1, 2))
            terms["distance"] = self.options.distance_weight * squares
        if noise and self.options.regularize_noise_weight:
            terms["noise"] = self.options.regularize_noise_weight * regularisation(noise)
        losses = torch.stack(list(terms.values())).sum(dim=0)
        return Evaluation(losses, metrics=terms, images=images.detach())

    def frames(self, variables: Mapping[str, Tensor], evaluation: Evaluation) -> Tensor:
        """Return the current images as they are shown, ``(N, 3, R, R)`` on the CPU."""
        return self.loss.finished(super().frames(variables, evaluation)).cpu()


def optimise_latents(
    scene: i2i.Scene,
    generator: i2i.Generator,
    options: SwapOptions,
    loss: SwapLoss,
    initial: Tensor,
    layers: Sequence[int],
    on_step: Callable[[int, float], None],
    numbers: Sequence[int],
) -> list[tuple[i2i.Latent, Trajectory]]:
    """Optimise the latents of a batch of pairs.

    Args:
        loss, initial, layers: As ``SwapObjective``.
        on_step: As ``LatentOptimizer.run``.
        numbers: As for ``LatentOptimizer``.

    Returns:
        For each pair the best latent ``(1, num_ws, w_dim)`` with its noise maps, and the trajectory with the terms of
        the loss as metrics.
    """
    objective = SwapObjective(generator, options, loss, initial, layers)
    optimizer = LatentOptimizer(
        objective,
        objective.variables(),
        [Trajectory() for _ in initial],
        steps=options.steps,
        learning_rate=options.rate,
        schedule=SCHEDULE,
        constrain=normalise_noise,
        frame_interval=options.frames,
        cancelled=lambda: scene.cancelled,
        live=scene.live,
        numbers=numbers,
    )
    optimised = []
    for row, trajectory in enumerate(optimizer.run(on_step)):
        noise = {name: plane for name, plane in trajectory.best.items() if name != "w"}
        w = objective.assemble(trajectory.best["w"], slice(row, row + 1))
        optimised.append((i2i.Latent(w, noise), trajectory))
    return optimised
