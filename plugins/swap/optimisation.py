"""The loop: latents of targets go downhill side by side, each as if it were alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

import i2i
from i2i.toolkit.latents.adam import Adam
from i2i.toolkit.latents.noise import maps_for, normalise, regularisation

from .losses import Aim
from .options import Options

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Way:
    """What became of one pair."""

    w: Tensor
    """``(1, num_ws, w_dim)``: the best that was found, with"""
    noise: dict[str, Tensor] = field(default_factory=dict)
    """its noise maps, each ``(1, 1, r, r)``, where they were optimised."""
    lowest: float = float("inf")
    """Its loss."""
    terms: dict[str, list[float]] = field(default_factory=dict)
    """Step by step, the terms of the loss and, as ``loss``, their sum."""
    frames: list[Tensor] = field(default_factory=list)
    """Pictures ``(1, 3, R, R)`` on the CPU."""
    seconds: float = 0.0


class Optimisation:
    """N latents on their way; the loss is a sum over them and Adam knows each number by itself."""

    def __init__(
        self, scene: i2i.Scene, generator: Any, options: Options, aim: Aim, starts: Tensor, rows: Sequence[int]
    ) -> None:
        """``starts (N, num_ws, w_dim)``, of which ``rows`` may change."""
        self.scene, self.generator, self.options, self.aim = scene, generator, options, aim
        self.starts, self.rows = starts.detach(), list(rows)
        self.spread = generator.w_std / generator.w_dim**0.5  # of one number of w
        self.numbers = self.starts[:, self.rows].clone().requires_grad_()
        self.noise = maps_for(generator, len(starts)) if options.noise else {}
        for plane in self.noise.values():
            plane.requires_grad_()
        self.adam = Adam(self._variables())
        self.ways = [Way(start[None]) for start in self.starts]

    def run(self, on_step: Callable[[int, float], None] = lambda step, loss: None) -> list[Way]:
        """Go down; ``on_step`` gets the number of steps done and the mean loss. Ends early where the user wants out."""
        for step in range(self.options.steps + 1):
            begun = time.perf_counter()
            last = step == self.options.steps or self.scene.cancelled
            with torch.set_grad_enabled(not last), i2i.gradients_for(self.rows):
                losses = self._look(step)
            if not last:
                self._move(losses)
            for way in self.ways:
                way.seconds += (time.perf_counter() - begun) / len(self.ways)
            on_step(step, float(losses.detach().mean()))
            if last:
                break
        return self.ways

    def _look(self, step: int) -> Tensor:
        """The losses ``(N,)`` of where the latents are; what is better than before is kept."""
        w = self.starts.clone()
        w[:, self.rows] = self.numbers
        pictures = self.generator.render(w, self.noise or "const").expand(-1, 3, -1, -1)
        terms = self.aim.terms(pictures)
        if self.options.distance_weight:
            apart = ((self.numbers - self.starts[:, self.rows]) / self.spread).square().mean(dim=(1, 2))
            terms["distance"] = self.options.distance_weight * apart
        if self.noise and self.options.regularize_noise_weight:
            terms["noise"] = self.options.regularize_noise_weight * regularisation(self.noise)
        losses: Tensor = torch.stack(list(terms.values())).sum(dim=0)
        self._remember(w.detach(), {**terms, "loss": losses})
        if self.options.frames and step % self.options.frames == 0:
            shown = self.aim.shown(pictures.detach()).clamp(-1, 1).cpu()
            for way, frame in zip(self.ways, shown.split(1), strict=True):
                way.frames.append(frame.clone())
        return losses

    def _remember(self, w: Tensor, terms: dict[str, Tensor]) -> None:
        told = {name: each.detach().tolist() for name, each in terms.items()}
        for row, way in enumerate(self.ways):
            for name, values in told.items():
                way.terms.setdefault(name, []).append(values[row])
            if told["loss"][row] < way.lowest:
                way.lowest, way.w = told["loss"][row], w[row : row + 1].clone()
                way.noise = {name: plane.detach()[row : row + 1].clone() for name, plane in self.noise.items()}

    def _variables(self) -> dict[str, Tensor]:
        return {"w": self.numbers, **self.noise}

    def _move(self, losses: Tensor) -> None:
        """One step of Adam."""
        variables = self._variables()
        gradients = torch.autograd.grad(losses.sum(), list(variables.values()))
        rates = [self.options.rate] * len(variables)
        self.adam.step(variables, dict(zip(variables, gradients, strict=True)), rates)
        for plane in self.noise.values():
            normalise(plane)
