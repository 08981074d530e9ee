"""Pictures and goals into latents: found by optimisation, or moved along directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import torch

import i2i
from i2i.toolkit.latents.batches import batches
from i2i.toolkit.latents.layers import choose

from .goals import Goal
from .optimisation import optimise_latents
from .options import Options

if TYPE_CHECKING:
    from torch import Tensor


class Job(NamedTuple):
    """A picture, and what is wanted of it."""

    photo: i2i.Photo
    goal: Goal


@dataclass(frozen=True)
class Edited:
    """One job, done."""

    latent: i2i.Latent
    losses: Sequence[float] = ()
    """Step by step, where there were steps."""
    told: Mapping[str, float] = field(default_factory=dict)


def optimise(scene: i2i.Scene, options: Options, jobs: Sequence[Job]) -> list[Edited]:
    """Every job by itself, in their order.

    Raises:
        UsageError: there are no such rows.
        I2IError: an extractor cannot be opened.
    """
    count = scene.generator.num_ws
    rows = list(range(count)) if options.rows is None else choose(options.rows, count, options.rows_of == "own")
    strength = 1.0 if options.strength is None else options.strength
    found: dict[int, Edited] = {}
    for numbers, generator in batches(scene, [job.photo for job in jobs], options.batch):
        some = [jobs[number] for number in numbers]
        starts = torch.cat([latent_of(job.photo).w for job in some]).to(scene.generator.w_mean.device)
        before = len(found) * options.steps

        def on_step(done: int, loss: float, before: int = before) -> None:
            scene.progress(before + done, len(jobs) * options.steps, loss=loss)

        goals = [job.goal for job in some]
        best, losses = optimise_latents(scene, generator, options, starts, goals, rows, on_step)
        ends = starts + strength * (best - starts)
        for row, (number, job) in enumerate(zip(numbers, some, strict=True)):
            own = latent_of(job.photo)
            latent = i2i.Latent(ends[row : row + 1], own.noise, own.changes)
            found[number] = Edited(latent, losses[row], {"steps": float(len(losses[row]) - 1)})
    return [found[number] for number in range(len(jobs))]


def latent_of(photo: i2i.Photo) -> i2i.Latent:
    """The picture's latent, which editors that want latents always get."""
    assert photo.latent is not None
    return photo.latent


def between(start: i2i.Latent, end: i2i.Latent, share: float) -> i2i.Latent:
    """The latent at a share of the way: its w, and what was added to the weights."""
    changes = dict(start.changes)
    for name, change in end.changes.items():
        before = start.changes.get(name, torch.zeros_like(change)).to(change)
        changes[name] = before + share * (change - before)
    w = start.w.to(end.w)
    return i2i.Latent(w + share * (end.w - w), end.noise, changes)


def draw(scene: i2i.Scene, latents: Sequence[i2i.Latent]) -> list[Tensor]:
    """The picture of each, ``(1, 3, R, R)`` in [-1, 1]."""
    photos = [i2i.Photo(latent.w, latent=latent) for latent in latents]
    found: dict[int, Tensor] = {}
    with torch.no_grad():
        for numbers, generator in batches(scene, photos, gradients=False):
            w = torch.cat([latents[number].w for number in numbers])
            drawn = generator.render(w).float().clamp(-1, 1).expand(-1, 3, -1, -1)
            found |= dict(zip(numbers, drawn.split(1), strict=True))
    return [found[number] for number in range(len(latents))]
