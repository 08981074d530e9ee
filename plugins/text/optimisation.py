"""The latent optimisation of Patashnik et al., "StyleCLIP: Text-Driven Manipulation of StyleGAN Imagery" (2021)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

import i2i
from i2i.toolkit.latents.adam import Adam

from .goals import Goal
from .options import Options

if TYPE_CHECKING:
    from torch import Tensor

RISE, FALL = 0.05, 0.25
"""Shares of the steps over which the rate grows from 0 and sinks to it again (Karras et al. 2020, appendix D)."""


def ramp(time: float) -> float:
    """The share of the rate at a share of the steps: up in a line, down along a cosine."""
    return min(1.0, time / RISE) * (0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - time) / FALL)))


class Optimisation:
    """N latents on their way, each to its own goal; no picture feels its neighbours.

    Attributes:
        best: The latents ``(N, num_ws, w_dim)`` with the lowest loss so far.
        losses: Step by step, the loss of each picture.
    """

    def __init__(
        self,
        scene: i2i.Scene,
        generator: Any,
        options: Options,
        starts: Tensor,
        goals: Sequence[Goal],
        rows: Sequence[int],
    ) -> None:
        """``starts (N, num_ws, w_dim)``, of which ``rows`` may change, each with its goal."""
        self.scene, self.generator, self.options, self.goals = scene, generator, options, goals
        self.starts, self.rows = starts.detach(), list(rows)
        self.text: Any = scene.extractors["text"]
        with torch.no_grad():
            pictures = self._render(self.starts)
            self.before = self.text.images(pictures)
            self.person = Person(scene, pictures) if holds_person(scene, options, pictures) else None
        self.numbers = self.starts[:, self.rows].clone().requires_grad_()
        self.adam = Adam({"w": self.numbers})
        self.best, self.lowest = self.starts.clone(), starts.new_full((len(starts),), torch.inf)
        self.losses: list[list[float]] = []

    def run(self, on_step: Callable[[int, float], None] = lambda step, loss: None) -> Tensor:
        """Go down; ``on_step`` gets the steps done and the mean loss. Ends early where the user wants out."""
        steps = self.options.steps
        for step in range(steps + 1):
            last = step == steps or self.scene.cancelled
            with torch.set_grad_enabled(not last), i2i.gradients_for(self.rows):
                losses = self._look()
            self.losses.append(losses.tolist())
            on_step(step, float(losses.detach().mean()))
            if last:
                break
            (gradient,) = torch.autograd.grad(losses.sum(), [self.numbers])
            self.adam.step({"w": self.numbers}, {"w": gradient}, [self.options.rate * ramp(step / steps)])
        return self.best

    def _render(self, w: Tensor) -> Tensor:
        pictures: Tensor = self.generator.render(w).expand(-1, 3, -1, -1)
        return pictures

    def _look(self) -> Tensor:
        """The losses ``(N,)`` of where the latents are; those with the lowest so far are kept."""
        w = self.starts.clone()
        w[:, self.rows] = self.numbers
        pictures = self._render(w)
        vectors = self.text.images(pictures)
        losses = torch.cat(
            [goal.losses(vectors[row : row + 1], self.before[row : row + 1]) for row, goal in enumerate(self.goals)]
        )
        losses = losses + self.options.l2_weight * (w - self.starts).square().sum(dim=(1, 2))
        if self.person is not None:
            losses = losses + self.options.identity_weight * self.person.losses(pictures)
        better = losses.detach() < self.lowest
        self.lowest = torch.where(better, losses.detach(), self.lowest)
        self.best[better] = w.detach()[better]
        return losses


class Person:
    """Whom pictures show, and how far others are from it."""

    def __init__(self, scene: i2i.Scene, pictures: Tensor) -> None:
        """Look at ``pictures (N, 3, R, R)``; they are cut out along their own landmarks, and so are those compared."""
        self.identity: Any = scene.extractors["identity"]
        self.points = scene.extractors["landmarks"](pictures)
        self.vectors = self.identity(self.identity.align(pictures, self.points))

    def losses(self, pictures: Tensor) -> Tensor:
        """1 - the cosine of identities, ``(N,)``."""
        vectors = self.identity(self.identity.align(pictures, self.points))
        found: Tensor = 1 - (vectors * self.vectors).sum(dim=1)
        return found


def holds_person(scene: i2i.Scene, options: Options, pictures: Tensor) -> bool:
    """Whether the person is asked to stay, and there is a network that tells one from another in such pictures."""
    return bool(options.identity_weight) and "identity" in scene.compare(pictures[:1], pictures[:1])[0]
