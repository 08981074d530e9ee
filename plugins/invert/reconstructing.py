"""Pictures into latents, by any method: what the editor, its grid and its study have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

import i2i
from i2i.toolkit.latents.optimizer import Trajectory

from .aiming import draw
from .batching import in_parts, size_for
from .inversion import Counter, OnStep, Reconstruction
from .methods import Method
from .optimisation import LatentInversion
from .starting import Begin, begin
from .tuning import tune

if TYPE_CHECKING:
    from torch import Tensor


def reconstruct(
    scene: i2i.Scene,
    pictures: Tensor,
    settings: Method,
    on_step: OnStep | None = None,
    *,
    batch: int | None = None,
    frames: int = 0,
    pivots: Sequence[Reconstruction] | None = None,
) -> list[Reconstruction]:
    """Find the latent of each picture; the answer to one does not depend on the others.

    When ``scene.cancelled`` turns true, what is best so far is given.

    Args:
        pictures: ``(N, 3, R, R)`` in [-1, 1], R the generator's resolution.
        settings: The method, of ``options.settle`` or ``methods.METHODS``.
        on_step: Called after each step; None for ``scene.progress``.
        batch: Photos at a time; None for what suits the device.
        frames: Steps between the frames that are kept; 0 keeps none.
        pivots: For a method that tunes: what it starts from, where that is known already.

    Raises:
        I2IError: an extractor that the method needs cannot be opened or does not fit, or the generator cannot be tuned.
        UsageError: the pictures have another size, or the space z needs a class.
    """
    _check(scene, pictures)
    tuning = settings.tuning.steps if settings.tuning else 0
    if pivots is not None:
        counter = Counter(on_step or scene.progress, len(pictures) * tuning)
        found = list(pivots)
    else:
        begun = begin(scene, replace(settings, tuning=None), pictures)
        counter = Counter(on_step or scene.progress, sum(each.method.steps + tuning for each in begun))
        found = _descend(scene, pictures, begun, counter, batch, frames)
    if settings.tuning:
        for number, pivot in enumerate(found):
            found[number] = tune(scene, settings, pivot, pictures[number : number + 1], counter, frames)
            counter.done += tuning
    return found


def _descend(
    scene: i2i.Scene,
    pictures: Tensor,
    begun: Sequence[Begin],
    counter: Counter,
    batch: int | None,
    frames: int,
) -> list[Reconstruction]:
    """Photos of one method side by side, part by part."""
    found: dict[int, Reconstruction] = {}
    for method in dict.fromkeys(each.method for each in begun):
        numbers = [number for number, each in enumerate(begun) if each.method == method]

        def work(part: range, method: Method = method, numbers: list[int] = numbers) -> list[Reconstruction]:
            chosen = [numbers[each] for each in part]
            starts = torch.cat([begun[number].w for number in chosen])
            optimisation = LatentInversion(scene, method, pictures[chosen], starts, frames)
            optimised = optimisation.run(counter.tell)
            counter.done += len(chosen) * method.steps
            return [
                _reconstruction(scene, *best, begun[number]) for best, number in zip(optimised, chosen, strict=True)
            ]

        def attempt(photos: int, method: Method = method, first: int = numbers[0]) -> object:
            targets = pictures[first : first + 1].repeat(photos, 1, 1, 1)
            return LatentInversion(scene, replace(method, steps=1), targets, begun[first].w.repeat(photos, 1, 1)).run()

        size = batch or size_for(scene.device, len(numbers), attempt)
        found |= dict(zip(numbers, in_parts(len(numbers), size, work), strict=True))
    return [found[number] for number in range(len(pictures))]


def _reconstruction(scene: i2i.Scene, latent: i2i.Latent, trajectory: Trajectory, begun: Begin) -> Reconstruction:
    """Render the latent alone, as it is rendered when its file is opened."""
    with torch.no_grad():
        picture = draw(scene.generator, latent.w, latent.noise).clamp(-1, 1)
    return Reconstruction(
        latent,
        picture,
        trajectory.losses,
        trajectory.best_loss,
        trajectory.steps,
        begun.seconds + trajectory.seconds,
        frames=tuple(trajectory.frames),
    )


def _check(scene: i2i.Scene, pictures: Tensor) -> None:
    side = scene.generator.resolution
    if pictures.ndim != 4 or tuple(pictures.shape[1:]) != (3, side, side):
        raise i2i.UsageError(
            f"Pictures have the shape {tuple(pictures.shape)}, and this generator makes (N, 3, {side}, {side}): "
            "resize them first."
        )
