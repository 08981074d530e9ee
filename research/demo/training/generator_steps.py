"""The training steps of ``demo-faces``: supervision from the renderer, and the adversarial finish."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import pools
from .loop import SECONDS, batches, rate_at
from .settings import TrainingSettings

EDGES, PERCEPTUAL, ADVERSARIAL = 2.0, 0.5, 0.02
"""Weights beside that of the mean difference of pixels, which is 1."""
R1, R1_EVERY = 2.0, 16
KEEP = 0.998
"""Of the averaged weights at each step."""


class GeneratorStage(NamedTuple):
    """One part of the training."""

    resolution: int
    steps: int
    batch: int = 8
    """Images a step."""
    mapping: float = 30.0
    """The mapping network's rate as a multiple of the others': its layers slow themselves down by a hundred."""
    fades: bool = False
    """Whether the rate falls asleep along a cosine; else it stays."""


@dataclass
class Lesson:
    """All that a step needs."""

    g: Any
    d: Any
    average: Any
    """Generator, discriminator, and the frozen copy of the generator that holds averaged weights."""
    pool: pools.Pool
    lpips: Any
    say: Callable[[str], None]


def _adam(lesson: Lesson, stage: GeneratorStage, settings: TrainingSettings) -> torch.optim.Adam:
    """Over the generator; the mapping network learns faster."""
    groups = [
        {"params": list(lesson.g.synthesis.parameters()), "speed": 1.0},
        {"params": list(lesson.g.mapping.parameters()), "speed": stage.mapping},
    ]
    return torch.optim.Adam(groups, settings.rate, betas=(0.9, 0.99), fused=True)


def supervise(lesson: Lesson, stage: GeneratorStage, settings: TrainingSettings) -> None:
    """Learn the images of latents, as far as one resolution."""
    resolution = stage.resolution
    optimizer, watch = (
        _adam(lesson, stage, settings),
        _ProgressReport(lesson.say, f"{resolution} px", settings.steps, settings.batch),
    )
    for step, numbers in enumerate(batches(len(lesson.pool), settings)):
        _set_rate(optimizer, rate_at(step, settings) if stage.fades else settings.rate)
        _, losses = _likeness(lesson, numbers, resolution)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()
        _follow(lesson, step)
        watch(step, losses)


def finish(lesson: Lesson, stage: GeneratorStage, settings: TrainingSettings) -> None:
    """Go on with supervision, and against the discriminator."""
    g_adam = _adam(lesson, stage, settings)
    d_adam = torch.optim.Adam(lesson.d.parameters(), settings.rate, betas=(0.0, 0.99))
    watch = _ProgressReport(lesson.say, "finish", settings.steps, settings.batch)
    for step, numbers in enumerate(batches(len(lesson.pool), settings)):
        _set_rate(g_adam, rate_at(step, settings))
        lesson.d.requires_grad_(False)
        made, losses = _likeness(lesson, numbers, settings.size)
        losses["g"] = ADVERSARIAL * F.softplus(-lesson.d(made)).mean()
        g_adam.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        g_adam.step()
        lesson.d.requires_grad_(True)
        real = pools.images_of(lesson.pool, numbers)
        losses["d"] = F.softplus(lesson.d(made.detach())).mean() + F.softplus(-lesson.d(real)).mean()
        penalty = R1 * R1_EVERY * _steepness(lesson.d, real[::2]) if step % R1_EVERY == 0 else 0.0
        d_adam.zero_grad()
        (losses["d"] + penalty).backward()
        d_adam.step()
        _follow(lesson, step + 100)
        watch(step, losses)


def _likeness(lesson: Lesson, numbers: Tensor, resolution: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Images ``(N, 3, R, R)`` for the latents of faces, and what keeps them from those faces."""
    target = pools.images_of(lesson.pool, numbers)
    if resolution < target.shape[-1]:
        target = F.avg_pool2d(target, target.shape[-1] // resolution)
    ws = lesson.g.mapping(lesson.pool.latents[numbers])
    made = lesson.g.synthesis(ws, "none", until=resolution)
    losses = {"pixels": (made - target).abs().mean(), "edges": EDGES * edges(made, target)}
    if resolution >= 32:
        losses["lpips"] = PERCEPTUAL * lesson.lpips.distance(made, target).mean()
    return made, losses


def edges(made: Tensor, target: Tensor) -> Tensor:
    """The mean difference of neighbouring pixels' differences: a soft edge counts though its colours nearly fit."""
    apart = made - target
    return (apart[:, :, 1:] - apart[:, :, :-1]).abs().mean() + (apart[..., 1:] - apart[..., :-1]).abs().mean()


def _steepness(judge: nn.Module, real: Tensor) -> Tensor:
    """R1: the mean squared length of the logits' gradient at real images (Mescheder et al. 2018), halved."""
    real = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(judge(real).sum(), real, create_graph=True)
    return 0.5 * gradient.square().sum(dim=(1, 2, 3)).mean()


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["speed"]


@torch.no_grad()
def _follow(lesson: Lesson, step: int) -> None:
    """Move the averaged weights towards the present ones."""
    keep = min(KEEP, (1 + step) / (10 + step))
    for averaged, new in zip(lesson.average.parameters(), lesson.g.parameters(), strict=True):
        averaged.lerp_(new, 1 - keep)


class _ProgressReport:
    """Reports losses and speed every few seconds."""

    def __init__(self, say: Callable[[str], None], stage: str, steps: int, batch: int) -> None:
        self.say, self.stage, self.steps, self.batch = say, stage, steps, batch
        self.reported, self.step = time.monotonic(), 0

    def __call__(self, step: int, losses: dict[str, Tensor]) -> None:
        passed = time.monotonic() - self.reported
        if passed < SECONDS and step + 1 < self.steps:
            return
        values = ", ".join(f"{name} {float(value.detach()):.4f}" for name, value in losses.items())
        speed = (step + 1 - self.step) * self.batch / passed
        self.say(f"{self.stage}: step {step + 1} of {self.steps}: {values}; {speed:.0f} images/s")
        self.reported, self.step = time.monotonic(), step + 1
