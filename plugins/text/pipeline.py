"""Optimise the latents of an edit batch by batch, and render latents."""

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
    """An image, and the words that it is edited by."""

    photo: i2i.Photo
    goal: Goal


@dataclass(frozen=True)
class EditedLatent:
    """The result of one job."""

    latent: i2i.Latent
    losses: Sequence[float] = ()
    """Loss at the initial latent and after each step; empty without optimisation."""
    scalars: Mapping[str, float] = field(default_factory=dict)


def optimise_jobs(scene: i2i.Scene, options: Options, jobs: Sequence[Job]) -> list[EditedLatent]:
    """Optimise the latent of every job; return the results in their order.

    Raises:
        UsageError: there are no such layers.
        I2IError: an extractor cannot be opened.
    """
    count = scene.generator.num_ws
    layers = list(range(count)) if options.rows is None else choose(options.rows, count, options.rows_of == "own")
    strength = 1.0 if options.strength is None else options.strength
    results: dict[int, EditedLatent] = {}
    for numbers, generator in batches(scene, [job.photo for job in jobs], options.batch):
        batch = [jobs[number] for number in numbers]
        initial = torch.cat([latent_of(job.photo).w for job in batch]).to(scene.generator.w_mean.device)
        before = len(results) * options.steps

        def on_step(done: int, loss: float, before: int = before) -> None:
            scene.progress(before + done, len(jobs) * options.steps, loss=loss)

        goals = [job.goal for job in batch]
        best, losses = optimise_latents(scene, generator, options, initial, goals, layers, on_step)
        edited = initial + strength * (best - initial)
        for row, (number, job) in enumerate(zip(numbers, batch, strict=True)):
            own = latent_of(job.photo)
            latent = i2i.Latent(edited[row : row + 1], own.noise, own.changes)
            results[number] = EditedLatent(latent, losses[row], {"steps": float(len(losses[row]) - 1)})
    return [results[number] for number in range(len(jobs))]


def latent_of(photo: i2i.Photo) -> i2i.Latent:
    """Return the latent of an image; editors that want latents always get one."""
    assert photo.latent is not None
    return photo.latent


def interpolate_latents(start: i2i.Latent, end: i2i.Latent, fraction: float) -> i2i.Latent:
    """Interpolate w and the changes of weights linearly: ``start`` at fraction 0, ``end`` at 1."""
    changes = dict(start.changes)
    for name, change in end.changes.items():
        before = start.changes.get(name, torch.zeros_like(change)).to(change)
        changes[name] = before + fraction * (change - before)
    w = start.w.to(end.w)
    return i2i.Latent(w + fraction * (end.w - w), end.noise, changes)


def render_latents(scene: i2i.Scene, latents: Sequence[i2i.Latent]) -> list[Tensor]:
    """Render each latent: images ``(1, 3, R, R)`` in [-1, 1]."""
    photos = [i2i.Photo(latent.w, latent=latent) for latent in latents]
    images: dict[int, Tensor] = {}
    with torch.no_grad():
        for numbers, generator in batches(scene, photos, gradients=False):
            w = torch.cat([latents[number].w for number in numbers])
            rendered = generator.render(w).float().clamp(-1, 1).expand(-1, 3, -1, -1)
            images |= dict(zip(numbers, rendered.split(1), strict=True))
    return [images[number] for number in range(len(latents))]
