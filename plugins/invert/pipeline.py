"""The inversion of photos by any method: initial latents, optimisation in batches, and tuning.

On a GPU a batch holds as many photos as memory allows. On a CPU, where batches gain speed for the smallest images only,
a batch is one photo: sums over a batch of another size are computed in another order, and a hundred steps turn a change
of the last digit into a change of a grey level. So the result of a photo on a CPU is equal to the bit, whatever the
other photos are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

import i2i
from i2i.toolkit.memory import is_out_of_memory

from .initialisation import InitialLatent, find_initial_latents, render_initial
from .judgement import MEASURE, judge
from .methods import Method
from .optimisation import LatentInversion
from .reconstruction import OnStep, Reconstruction, ReconstructionLoss, StepCounter, render_images
from .restarts import CheckedTrajectory, optimise_with_restarts
from .tuning import tune

T = TypeVar("T")
MEMORY_FRACTION = 0.85
"""Fraction of a GPU's free memory that batches may use; the rest is for the workspaces of libraries."""


def reconstruct(
    scene: i2i.Scene,
    images: Tensor,
    settings: Method,
    on_step: OnStep | None = None,
    *,
    batch: int | None = None,
    frames: int = 0,
    pivots: Sequence[Reconstruction] | None = None,
) -> list[Reconstruction]:
    """Find the latent of each image; the result of one does not depend on the others.

    When ``scene.cancelled`` turns true, the best latents so far are returned.

    Args:
        images: ``(N, 3, R, R)`` in [-1, 1], R the generator's resolution.
        settings: The method, from ``options.resolve_method`` or ``methods.METHODS``.
        on_step: Called after each step; None for ``scene.progress``.
        batch: Photos in a batch; None for what suits the device.
        frames: Steps between the frames that are kept; 0 keeps none.
        pivots: For a method that tunes: the latents around which it tunes, where they are known already.

    Raises:
        I2IError: an extractor that the method needs cannot be opened or does not fit, or the generator cannot be tuned.
        UsageError: the images have another resolution, or the space z needs a class.
    """
    _check_resolution(scene, images)
    tuning_steps = settings.tuning.steps if settings.tuning else 0
    if pivots is not None:
        counter = StepCounter(on_step or scene.progress, len(images) * tuning_steps)
        reconstructions = list(pivots)
    else:
        initial = find_initial_latents(scene, replace(settings, tuning=None), images)
        total = sum(latent.method.steps + tuning_steps for latent in initial)
        counter = StepCounter(on_step or scene.progress, total)
        reconstructions = _optimise(scene, images, initial, counter, batch, frames)
    if settings.tuning:
        for number, pivot in enumerate(reconstructions):
            reconstructions[number] = tune(scene, settings, pivot, images[number : number + 1], counter, frames)
            counter.done += tuning_steps
    return reconstructions


def _optimise(
    scene: i2i.Scene,
    images: Tensor,
    initial: Sequence[InitialLatent],
    counter: StepCounter,
    batch: int | None,
    frames: int,
) -> list[Reconstruction]:
    """Optimise the latents, where the mean begins badly also from uniform random numbers."""

    def run(
        numbers: Sequence[int], latents: Sequence[InitialLatent], limits: Sequence[float | None]
    ) -> list[Reconstruction]:
        return _optimise_batches(scene, images[list(numbers)], latents, limits, counter, batch, frames)

    return _keep_better(scene, optimise_with_restarts(scene, initial, counter, run), initial, images)


def _optimise_batches(
    scene: i2i.Scene,
    images: Tensor,
    initial: Sequence[InitialLatent],
    limits: Sequence[float | None],
    counter: StepCounter,
    batch: int | None,
    frames: int,
) -> list[Reconstruction]:
    """Optimise the latents in batches of photos with the same method.

    Args:
        limits: For each photo, see ``LatentInversion``.
    """
    reconstructions: dict[int, Reconstruction] = {}
    for method in dict.fromkeys(latent.method for latent in initial):
        numbers = [number for number, latent in enumerate(initial) if latent.method == method]

        def run(part: range, method: Method = method, numbers: list[int] = numbers) -> list[Reconstruction]:
            chosen = [numbers[position] for position in part]
            latents = torch.cat([initial[number].w for number in chosen])
            bounds = [limits[number] for number in chosen]
            optimised = LatentInversion(scene, method, images[chosen], latents, frames, bounds, chosen).run(
                counter.report
            )
            counter.done += len(chosen) * method.steps
            return [
                _reconstruction(scene, *best, initial[number]) for best, number in zip(optimised, chosen, strict=True)
            ]

        def attempt(count: int, method: Method = method, first: int = numbers[0]) -> object:
            targets = images[first : first + 1].repeat(count, 1, 1, 1)
            latents = initial[first].w.repeat(count, 1, 1)
            return LatentInversion(scene, replace(method, steps=1), targets, latents).run()

        size = batch or batch_size_for(scene.device, len(numbers), attempt)
        reconstructions |= dict(zip(numbers, run_batches(len(numbers), size, run), strict=True))
    return [reconstructions[number] for number in range(len(images))]


def _keep_better(
    scene: i2i.Scene, found: Sequence[Reconstruction], initial: Sequence[InitialLatent], images: Tensor
) -> list[Reconstruction]:
    """Return the encoder's latent in place of what was optimised from it, where its image is more similar to the photo.

    The loss falls with every optimised latent, so only a measure outside the loss can tell; see ``judgement.judge``.
    What is kept has the record of the optimisation that did not improve it.
    """
    kept, scores = list(found), []
    for number, (optimised, start) in enumerate(zip(found, initial, strict=True)):
        if not (start.encoded and start.method.keep_better and start.method.steps):
            continue
        photo = images[number : number + 1]
        w, image = render_initial(scene.generator, start.method, start.w)
        score = [float(judge(each, photo)) for each in (image, optimised.image)]
        if score[0] > score[1]:
            with torch.no_grad():
                loss = float(ReconstructionLoss(scene, start.method, photo).losses(image))
            kept[number] = replace(optimised, latent=i2i.Latent(w), image=image.clamp(-1, 1), loss=loss)
            scores.append(score)
    if scores:
        before_mean, after_mean = (sum(column) / len(scores) for column in zip(*scores, strict=True))
        scene.note(
            f"The encoder's latent of {len(scores)} of {len(found)} photos is kept: the optimised one has the lower "
            f"{MEASURE}, which is not in the loss ({after_mean:.3f}, encoder {before_mean:.3f})."
        )
    return kept


def _reconstruction(
    scene: i2i.Scene, latent: i2i.Latent, trajectory: CheckedTrajectory, initial: InitialLatent
) -> Reconstruction:
    """Render the latent alone, as it is rendered when its file is opened."""
    with torch.no_grad():
        image = render_images(scene.generator, latent.w, latent.noise).clamp(-1, 1)
    return Reconstruction(
        latent,
        image,
        trajectory.losses,
        trajectory.best_loss,
        trajectory.steps,
        initial.seconds + trajectory.seconds,
        metrics={name: [row[0] for row in rows] for name, rows in trajectory.metrics.items()},
        frames=tuple(trajectory.frames),
        abandoned=trajectory.abandoned,
    )


def _check_resolution(scene: i2i.Scene, images: Tensor) -> None:
    side = scene.generator.resolution
    if images.ndim != 4 or tuple(images.shape[1:]) != (3, side, side):
        raise i2i.UsageError(
            f"Images have the shape {tuple(images.shape)}, and this generator makes (N, 3, {side}, {side}): "
            "resize them first."
        )


def batch_size_for(device: i2i.Device, count: int, attempt: Callable[[int], object]) -> int:
    """Return the number of photos in a batch, at most ``count``.

    Args:
        attempt: Takes one step with a number of photos; called on a GPU, to measure the memory of a photo.
    """
    if device.type != "cuda":
        return 1
    if count <= 2:
        return count
    single, pair = (_peak_memory(device, attempt, photos) for photos in (1, 2))
    free, reserved = torch.cuda.mem_get_info(device)[0], torch.cuda.memory_reserved(device)
    return largest_batch(free + reserved - torch.cuda.memory_allocated(device), single, pair, count)


def _peak_memory(device: i2i.Device, attempt: Callable[[int], object], photos: int) -> int:
    """Measure the bytes that a step takes on a GPU."""
    torch.cuda.reset_peak_memory_stats(device)
    allocated = torch.cuda.memory_allocated(device)
    attempt(photos)
    return torch.cuda.max_memory_allocated(device) - allocated


def largest_batch(free: int, single: int, pair: int, count: int) -> int:
    """Return how many photos fit into ``free`` bytes, from 1 to ``count``.

    Args:
        free: Free memory, bytes.
        single: Memory of a batch of one photo, bytes.
        pair: Memory of a batch of two photos, bytes.
    """
    per_photo = max(1, pair - single)
    return max(1, min(count, int((MEMORY_FRACTION * free - single) // per_photo) + 1))


def run_batches(count: int, size: int, run: Callable[[range], list[T]]) -> list[T]:
    """Run ``run`` on the numbers below ``count``, ``size`` at a time; halve the size whenever memory is exhausted."""
    results: list[T] = []
    while len(results) < count:
        try:
            results += run(range(len(results), min(count, len(results) + size)))
        except Exception as error:
            if size == 1 or not is_out_of_memory(error):
                raise
            size = max(1, min(size, count - len(results)) // 2)
        else:
            continue
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return results
