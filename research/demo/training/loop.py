"""The training loop of the small demo networks."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from .settings import TrainingSettings

WARM = 0.05
"""Share of the steps in which the rate rises; after that it falls along a cosine to nothing."""
DECAY = 0.998
"""Of the average of weights over steps; at the beginning it is lower, so that the first weights are soon forgotten."""
SECONDS = 5.0
"""Between two lines of progress."""


def batches(images: int, settings: TrainingSettings) -> Iterator[Tensor]:
    """Numbers ``(batch,)`` of the images that each step sees: shuffled passes over all of them, one after another."""
    random = torch.Generator().manual_seed(settings.seed)
    order = torch.empty(0, dtype=torch.long)
    for _ in range(settings.steps):
        while len(order) < settings.batch:
            order = torch.cat([order, torch.randperm(images, generator=random)])
        yield order[: settings.batch]
        order = order[settings.batch :]


def rate_at(step: int, settings: TrainingSettings) -> float:
    """The learning rate of a step, counted from 0: a straight rise, then half a cosine (Loshchilov and Hutter 2017)."""
    warm = max(1, round(settings.steps * WARM))
    if step < warm:
        return settings.rate * (step + 1) / warm
    return settings.rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, settings.steps - warm)))


def fit(
    network: nn.Module,
    images: int,
    losses: Callable[[Tensor, int, torch.Generator], dict[str, Tensor]],
    settings: TrainingSettings,
    say: Callable[[str], None],
) -> nn.Module:
    """Train a network by AdamW (Loshchilov and Hutter 2019) and return the average of its weights over the steps.

    The same settings on the same machine and number of threads give the same weights.

    Args:
        network: In training; its parameters are those that learn.
        images: Number of training images.
        losses: From the numbers ``(batch,)`` of a step's images, the step, counted from 0, and the step's own random
            numbers to the losses; their sum is lowered.
        say: Receives the losses and the speed every few seconds.

    Returns:
        A copy in evaluation mode, with averaged weights.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=1e-3)
    average = copy.deepcopy(network).eval().requires_grad_(False)
    network.train()
    reported, seen = time.monotonic(), 0
    for step, numbers in enumerate(batches(images, settings)):
        random = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        optimizer.param_groups[0]["lr"] = rate_at(step, settings)
        parts = losses(numbers, step, random)
        optimizer.zero_grad()
        sum(parts.values(), torch.zeros(())).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        _follow(average, network, min(DECAY, (1 + step) / (10 + step)))
        seen += len(numbers)
        passed = time.monotonic() - reported
        if passed > SECONDS or step + 1 == settings.steps:
            values = ", ".join(f"{name} {value.item():.3f}" for name, value in parts.items())
            say(f"step {step + 1} of {settings.steps}: {values}; {seen / passed:.0f} images/s")
            reported, seen = time.monotonic(), 0
    return average


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move averaged weights and running statistics towards the present ones; counters are taken over."""
    for averaged, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if averaged.is_floating_point():
            averaged.lerp_(new, 1 - decay)
        else:
            averaged.copy_(new)
