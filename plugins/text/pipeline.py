"""Optimise the latents of an edit batch by batch, and render latents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import torch

import i2i
from i2i.toolkit.latents.batches import batches
from i2i.toolkit.latents.layers import choose_layers

from .goals import TextGoal
from .optimisation import optimise_latents
from .options import TextOptions

if TYPE_CHECKING:
    from torch import Tensor


class TextEdit(NamedTuple):
    """An image with the text by which it is edited."""

    photo: i2i.Photo
    goal: TextGoal


@dataclass(frozen=True)
class EditedLatent:
    """The result of one edit."""

    latent: i2i.Latent
    losses: Sequence[float] = ()
    """Loss at the initial latent and after each step; empty without optimisation."""
    scalars: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the result."""


def optimise_edits(scene: i2i.Scene, options: TextOptions, edits: Sequence[TextEdit]) -> list[EditedLatent]:
    """Optimise the latent of every edit; return the results in order.

    Raises:
        UsageError: there are no such layers.
        I2IError: an extractor cannot be opened.
    """
    count = scene.generator.num_ws
    layers = (
        list(range(count)) if options.rows is None else choose_layers(options.rows, count, options.rows_of == "own")
    )
    strength = 1.0 if options.strength is None else options.strength
    results: dict[int, EditedLatent] = {}
    for numbers, generator in batches(scene, [edit.photo for edit in edits], options.batch):
        batch = [edits[number] for number in numbers]
        initial = torch.cat([latent_of(edit.photo).w for edit in batch]).to(scene.generator.w_mean.device)
        before = len(results) * options.steps

        def on_step(done: int, loss: float, before: int = before) -> None:
            scene.progress(before + done, len(edits) * options.steps, loss=loss)

        goals = [edit.goal for edit in batch]
        best, losses = optimise_latents(scene, generator, options, initial, goals, layers, on_step, numbers)
        edited = initial + strength * (best - initial)
        for row, (number, edit) in enumerate(zip(numbers, batch, strict=True)):
            own = latent_of(edit.photo)
            latent = i2i.Latent(edited[row : row + 1], own.noise, own.changes)
            results[number] = EditedLatent(latent, losses[row], {"steps": float(len(losses[row]) - 1)})
    return [results[number] for number in range(len(edits))]


def latent_of(photo: i2i.Photo) -> i2i.Latent:
    """Return the latent of an image; editors that want latents always get one."""
    assert photo.latent is not None
    return photo.latent


def interpolate_latents(first: i2i.Latent, last: i2i.Latent, fraction: float) -> i2i.Latent:
    """Interpolate w and the changes of weights linearly: ``first`` at fraction 0, ``last`` at 1."""
    changes = dict(first.changes)
    for name, change in last.changes.items():
        initial = first.changes.get(name, torch.zeros_like(change)).to(change)
        changes[name] = initial + fraction * (change - initial)
    w = first.w.to(last.w)
    return i2i.Latent(w + fraction * (last.w - w), last.noise, changes)


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
