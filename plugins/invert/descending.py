"""The loop that every method runs through: photos go downhill side by side, each as if it were alone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

import i2i
from i2i.toolkit.latents.adam import Adam
from i2i.toolkit.latents.noise import maps_for, normalise, regularisation

from .aiming import Aim, draw
from .methods import Method
from .spaces import Space, seeded

if TYPE_CHECKING:
    from torch import Tensor

GAIN, LEAST = 0.01, 5e-5
"""A photo gains as long as its loss falls by this share of itself, and by so much, within ``patience`` steps."""
CLEAN_FROM = 0.75
"""Share of the steps after which nothing is added to w any more."""


@dataclass
class Trace:
    """The way of one photo."""

    w: Tensor
    """``(1, num_ws, w_dim)``: the best so far, with"""
    noise: dict[str, Tensor] = field(default_factory=dict)
    """its noise maps, each ``(1, 1, r, r)``."""
    losses: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    """After each step the lowest loss so far; infinite while something is added to w."""
    seconds: float = 0.0
    frames: list[Tensor] = field(default_factory=list)
    """Pictures ``(1, 3, R, R)`` on the CPU."""

    @property
    def loss(self) -> float:
        """Of the best."""
        return self.losses[-1] if math.isinf(self.best[-1]) else self.best[-1]

    def gains(self, patience: int) -> bool:
        """Whether the last ``patience`` steps were worth their while."""
        if not patience or len(self.best) <= patience or math.isinf(self.best[-1 - patience]):
            return True
        return self.best[-1 - patience] - self.best[-1] > max(GAIN * self.best[-1], LEAST)


class Descent:
    """Photos ``(N, 3, R, R)`` on their way from latents ``(N, num_ws, w_dim)`` to better ones.

    The loss is a sum over photos and Adam knows each number by itself, so no photo feels its neighbours. One that
    gains nothing any more leaves, and the others go on in a smaller batch.
    """

    def __init__(self, scene: i2i.Scene, method: Method, targets: Tensor, starts: Tensor, every: int = 0) -> None:
        """``every``: steps between the frames that are kept; 0 keeps none."""
        self.scene, self.method, self.every = scene, method, every
        self.space, self.aim = Space(scene.generator, method), Aim(scene, method, targets)
        with torch.no_grad():
            maps = maps_for(scene.generator, len(targets)) if method.noise else {}
            self.variables = {"": self.space.enter(starts.detach()), **maps}
        self.adam = Adam(self.variables)
        self.best = {name: each.clone() for name, each in self.variables.items()}
        self.lowest = targets.new_full((len(targets),), torch.inf)
        self.random = seeded(method.seed)
        self.traces = [Trace(start[None]) for start in starts]
        self.left = list(self.traces)

    def run(self, on_step: Callable[[int, float], None] = lambda step, loss: None) -> list[Trace]:
        """Go down, at most ``method.steps`` steps; ``on_step`` gets the step and the mean loss."""
        for step in range(self.method.steps + 1):
            begun = time.perf_counter()
            last = step == self.method.steps or self.scene.cancelled
            with torch.set_grad_enabled(not last):
                slope = self._look(step)
            if not last:
                self._move(slope, step)
            for trace in self.left:
                trace.seconds += (time.perf_counter() - begun) / len(self.left)
            on_step(step, sum(trace.losses[-1] for trace in self.left) / len(self.left))
            if last:
                break
            self._part(torch.tensor([trace.gains(self.method.patience) for trace in self.left]))
            if not self.left:
                break
        self._part(torch.zeros(len(self.left), dtype=torch.bool))
        return self.traces

    def _look(self, step: int) -> Tensor:
        """Look at where the photos are and keep what is best; gives what is to sink, with a way back for gradients."""
        for each in self.variables.values():
            each.requires_grad_(torch.is_grad_enabled())
        numbers, noise = self.variables[""], {name: each for name, each in self.variables.items() if name}
        w, spread = self.space.w(numbers), self._jitter(step)
        pictures = draw(self.scene.generator, w + self._drawn(w) * spread if spread else w, noise)
        losses = self.aim.losses(pictures)
        if self.method.prior_weight:
            losses = losses + self.method.prior_weight * self.space.away(w)
        self._remember(losses.detach(), bool(spread))
        if self.every and step % self.every == 0:
            for trace, picture in zip(self.left, pictures.detach().clamp(-1, 1).cpu().split(1), strict=True):
                trace.frames.append(picture.clone())
        if noise and self.method.regularize_noise_weight:
            losses = losses + self.method.regularize_noise_weight * regularisation(noise)
        return losses.sum()

    def _jitter(self, step: int) -> float:
        """Standard deviation of what is added to the numbers of w."""
        rest = max(0.0, 1 - step / max(1, self.method.steps) / CLEAN_FROM)
        return float(self.method.jitter * self.scene.generator.w_std * rest**2)

    def _drawn(self, w: Tensor) -> Tensor:
        """Normal numbers, the same for every photo; for every row as well where rows are one."""
        shape = w.shape[1:] if self.space.kind == "w+" else w.shape[2:]
        return torch.randn(shape, generator=self.random).to(w)

    def _remember(self, losses: Tensor, jittered: bool) -> None:
        """Keep what is better than before; a loss of a w that something was added to tells nothing, so the latest."""
        better = torch.ones_like(losses, dtype=torch.bool) if jittered else losses < self.lowest
        self.lowest = torch.where(better, torch.inf if jittered else losses, self.lowest)
        for name, each in self.variables.items():
            self.best[name][better] = each.detach()[better]
        for trace, loss, lowest in zip(self.left, losses.tolist(), self.lowest.tolist(), strict=True):
            trace.losses.append(loss)
            trace.best.append(lowest)

    def _move(self, slope: Tensor, step: int) -> None:
        """One step of Adam."""
        gradients = torch.autograd.grad(slope, list(self.variables.values()))
        rate = self.method.rate * self._ramp(step / self.method.steps)
        rates = [rate * self.space.unit if self.method.relative and not name else rate for name in self.variables]
        self.variables = {name: each.detach() for name, each in self.variables.items()}
        self.adam.step(self.variables, dict(zip(self.variables, gradients, strict=True)), rates)
        for name, plane in self.variables.items():
            if name:
                normalise(plane)

    def _ramp(self, time: float) -> float:
        """Share of the rate at a share of the steps: up in a line, down along a cosine (Karras et al. 2020)."""
        up = min(1.0, time / self.method.rise) if self.method.rise else 1.0
        down = min(1.0, (1 - time) / self.method.fall) if self.method.fall else 1.0
        return up * (0.5 - 0.5 * math.cos(math.pi * down))

    def _part(self, stay: Tensor) -> None:
        """Let the photos go that do not stay, with the best that was found."""
        if bool(stay.all()):
            return
        with torch.no_grad():
            for row in torch.nonzero(~stay)[:, 0].tolist():
                self.left[row].w = self.space.w(self.best[""][row : row + 1]).contiguous()
                self.left[row].noise = {name: each[row : row + 1].clone() for name, each in self.best.items() if name}
        rows = torch.nonzero(stay)[:, 0].to(self.lowest.device)
        self.left = [self.left[row] for row in rows.tolist()]
        self.variables = {name: each.detach()[rows] for name, each in self.variables.items()}
        self.best = {name: each[rows] for name, each in self.best.items()}
        self.lowest = self.lowest[rows]
        self.aim.keep(rows)
        self.adam.keep(rows)
