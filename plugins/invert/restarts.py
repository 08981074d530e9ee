"""The second initial latent: where the optimisation from the mean begins badly, uniform random numbers are tried.

The mean of all w is far from what a generator was not trained for, such as the photo of a shoe for a generator of
faces, and an optimisation in small steps does not leave its surroundings. The measure is the PSNR of the image after a
quarter of the steps: below ``BAD_PSNR`` the run from the mean ends there, and one from uniform random numbers begins.
If its PSNR after as many steps is not higher, it ends as well, and the run from the mean is repeated in full. So a
photo takes at most one and a half times the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

import i2i
from i2i.toolkit.latents.optimizer import Trajectory

from .initialisation import InitialLatent, initial_latent_without_encoder
from .methods import Method
from .reconstruction import PSNR, Reconstruction, StepCounter

BAD_PSNR = 12.0
"""PSNR, dB, after a quarter of the steps below which the mean counts as a bad initial latent. Measured with ``lpips``
at 64 px: 8 to 11 dB for photos of shoes, 15 to 20 dB for faces."""
LEAST_STEPS = 10
"""Fewest steps after which it is measured: runs of fewer than four times as many are too short to tell."""

Run = Callable[[Sequence[int], Sequence[InitialLatent], Sequence[float | None]], list[Reconstruction]]
"""``run(numbers, initial, limits)``: optimise the photos of these numbers from initial latents, each until its PSNR at
the check is below its limit (None for no check)."""


def check_step(method: Method) -> int:
    """Return the step after which the PSNR is compared with the limit; 0 for never."""
    step = method.steps // 4
    return step if step >= LEAST_STEPS else 0


@dataclass
class CheckedTrajectory(Trajectory):
    """A trajectory that is abandoned at a step, or stalls before it, with a PSNR below a limit."""

    step: int = 0
    """The step of the check; 0 for none."""
    limit: float | None = None
    """The PSNR, dB; None for no check."""
    abandoned: bool = False
    """Whether it has ended for this reason."""

    def has_stalled(self) -> bool:
        """Tell whether it stalls or is abandoned."""
        stalled = super().has_stalled()
        if self.limit is not None and self.step and (self.steps == self.step or (stalled and self.steps < self.step)):
            self.abandoned = self.metrics[PSNR][-1][0] < self.limit
        return stalled or self.abandoned


def optimise_with_restarts(
    scene: i2i.Scene, initial: Sequence[InitialLatent], counter: StepCounter, run: Run
) -> list[Reconstruction]:
    """Optimise each photo from its initial latent, or from uniform random numbers where the mean begins badly.

    Args:
        initial: The initial latent of each photo.
        counter: Its total grows by the steps of further runs.
        run: Optimises photos.
    """
    limits = [BAD_PSNR if _may_restart(scene.generator, latent) else None for latent in initial]
    found = run(range(len(initial)), initial, limits)
    failed = [number for number, each in enumerate(found) if each.abandoned]
    if not failed:
        return found
    uniform = [_uniform(scene.generator, initial[number]) for number in failed]
    counter.total += sum(latent.method.steps for latent in uniform)
    tried = dict(zip(failed, run(failed, uniform, [_psnr(found[number]) for number in failed]), strict=True))
    better = {number for number in failed if _is_better(tried[number], found[number])}
    for number in failed:
        _note(scene, found[number], tried[number], number in better)
    kept = [] if scene.cancelled else [number for number in failed if number not in better]
    counter.total += sum(initial[number].method.steps for number in kept)
    again = [replace(initial[number], seconds=0.0) for number in kept]
    repeated = dict(zip(kept, run(kept, again, [None] * len(kept)), strict=True)) if kept else {}
    for number in failed:
        runs = [found[number], tried[number], *([repeated[number]] if number in repeated else [])]
        result = tried[number] if number in better else runs[-1] if number in repeated else found[number]
        found[number] = replace(result, seconds=sum(each.seconds for each in runs), abandoned=False)
    return found


def _may_restart(generator: i2i.Generator, latent: InitialLatent) -> bool:
    """Whether a photo starts from the mean without the user having chosen so."""
    return latent.method.try_uniform and bool(torch.equal(latent.w, generator.w_mean.expand_as(latent.w)))


def _uniform(generator: i2i.Generator, latent: InitialLatent) -> InitialLatent:
    w: Tensor = initial_latent_without_encoder(generator, replace(latent.method, initial="uniform"))
    return replace(latent, w=w, seconds=0.0)


def _psnr(reconstruction: Reconstruction) -> float:
    return reconstruction.metrics[PSNR][-1]


def _is_better(uniform: Reconstruction, mean: Reconstruction) -> bool:
    """Whether the run from uniform numbers is kept: it passed the check, or was cancelled with a higher PSNR."""
    return not uniform.abandoned and _psnr(uniform) > _psnr(mean)


def _note(scene: i2i.Scene, mean: Reconstruction, uniform: Reconstruction, better: bool) -> None:
    tried = uniform.metrics[PSNR][min(mean.steps, uniform.steps)]
    scene.note(
        f"After {mean.steps} steps the PSNR of the photo is {_psnr(mean):.1f} dB from the mean latent and "
        f"{tried:.1f} dB from uniform random numbers, so the optimisation starts from the "
        f"{'latter' if better else 'mean'}; --start chooses."
    )
