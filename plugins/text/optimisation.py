"""The latent optimisation of Patashnik et al., "StyleCLIP: Text-Driven Manipulation of StyleGAN Imagery" (2021)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

import i2i
from i2i.toolkit.latents.optimizer import Evaluation, LatentOptimizer, Objective, Trajectory, warmup_cosine

from .goals import TextGoal
from .options import TextOptions

if TYPE_CHECKING:
    from torch import Tensor

SCHEDULE = warmup_cosine(0.05, 0.25)
"""Schedule of the learning rate (Karras et al. 2020, appendix D)."""


class TextObjective(Objective):
    """The StyleCLIP loss of N latents: distance to the text, to the initial latent and to the initial identity."""

    def __init__(
        self,
        scene: i2i.Scene,
        generator: i2i.Generator,
        options: TextOptions,
        initial: Tensor,
        goals: Sequence[TextGoal],
        layers: Sequence[int],
    ) -> None:
        """Compute the vectors of the initial images.

        Args:
            generator: Renders all of the latents.
            initial: Latents ``(N, num_ws, w_dim)``.
            goals: One for each latent.
            layers: Layers of w+ that may change.
        """
        self.generator, self.options, self.goals = generator, options, goals
        self.initial, self.layers = initial.detach(), list(layers)
        self.text: i2i.TextExtractor = scene.extractors["text"]
        with torch.no_grad():
            images = self._render(self.initial)
            self.initial_vectors = self.text.images(images)
            self.identity = TextIdentityLoss(scene, images) if has_identity(scene, options, images) else None

    def assemble(self, variable: Tensor) -> Tensor:
        """Return the latents ``(N, num_ws, w_dim)`` whose variable layers are ``variable (N, layers, w_dim)``."""
        w = self.initial.clone()
        w[:, self.layers] = variable
        return w

    def evaluate(self, variables: Mapping[str, Tensor], step: int) -> Evaluation:
        """Compute the losses ``(N,)``; see ``Objective.evaluate``."""
        w = self.assemble(variables["w"])
        with i2i.gradients_for(self.layers):
            images = self._render(w)
        vectors = self.text.images(images)
        losses = torch.cat(
            [
                goal.losses(vectors[row : row + 1], self.initial_vectors[row : row + 1])
                for row, goal in enumerate(self.goals)
            ]
        )
        losses = losses + self.options.l2_weight * (w - self.initial).square().sum(dim=(1, 2))
        if self.identity is not None:
            losses = losses + self.options.identity_weight * self.identity(images)
        return Evaluation(losses, images=images.detach())

    def _render(self, w: Tensor) -> Tensor:
        return self.generator.render(w).expand(-1, 3, -1, -1)


def optimise_latents(
    scene: i2i.Scene,
    generator: i2i.Generator,
    options: TextOptions,
    initial: Tensor,
    goals: Sequence[TextGoal],
    layers: Sequence[int],
    on_step: Callable[[int, float], None],
    numbers: Sequence[int],
) -> tuple[Tensor, list[list[float]]]:
    """Optimise latents for their goals.

    Args:
        initial, goals, layers: As ``TextObjective``.
        on_step: As ``LatentOptimizer.run``.
        numbers: As for ``LatentOptimizer``.

    Returns:
        The latents with the lowest loss ``(N, num_ws, w_dim)``, and the losses of each, step by step.
    """
    objective = TextObjective(scene, generator, options, initial, goals, layers)
    optimizer = LatentOptimizer(
        objective,
        {"w": objective.initial[:, objective.layers]},
        [Trajectory() for _ in goals],
        steps=options.steps,
        learning_rate=options.rate,
        schedule=SCHEDULE,
        cancelled=lambda: scene.cancelled,
        live=scene.live,
        numbers=numbers,
    )
    trajectories = optimizer.run(on_step)
    best = objective.assemble(torch.cat([trajectory.best["w"] for trajectory in trajectories]))
    return best, [trajectory.losses for trajectory in trajectories]


class TextIdentityLoss:
    """1 - the cosine similarity of the identities to those of the initial images, at fixed landmarks."""

    def __init__(self, scene: i2i.Scene, images: Tensor) -> None:
        """Compute the identities of ``images (N, 3, R, R)``, aligned by their landmarks."""
        self.identity: i2i.IdentityExtractor = scene.extractors["identity"]
        self.points = scene.extractors["landmarks"](images)
        self.vectors = self.identity(self.identity.align(images, self.points))

    def __call__(self, images: Tensor) -> Tensor:
        """Return 1 - the cosine similarity of the identities in ``images (N, 3, R, R)``: ``(N,)``."""
        vectors = self.identity(self.identity.align(images, self.points))
        losses: Tensor = 1 - (vectors * self.vectors).sum(dim=1)
        return losses


def has_identity(scene: i2i.Scene, options: TextOptions, images: Tensor) -> bool:
    """Tell whether the identity has a weight and an identity network recognises such images."""
    return bool(options.identity_weight) and "identity" in scene.compare(images[:1], images[:1])[0]
