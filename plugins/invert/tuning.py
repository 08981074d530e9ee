"""Pivotal tuning (Roich et al. 2021): the generator's weights are tuned to one photo around its latent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

import i2i
from i2i.toolkit.latents.files import as_stored

from .methods import TARGET_LPIPS, Method, Tuning
from .reconstruction import PSNR, Reconstruction, ReconstructionLoss, StepCounter, render_images, sum_terms
from .spaces import one_hot_classes, seeded_random

NEIGHBOUR_DISTANCE = 0.7
"""Distance from the pivot of the latents whose images the locality regulariser preserves, in ``w_std`` over all layers:
the 30 of the paper for the generator of faces at 1024 px."""
TRUNCATION = 0.5
"""Truncation psi of the samples in whose direction those latents lie."""


def tune(
    scene: i2i.Scene,
    method: Method,
    pivot: Reconstruction,
    target: Tensor,
    counter: StepCounter,
    frame_interval: int = 0,
) -> Reconstruction:
    """Tune the generator to a photo, and return the pivot with the weight changes as they are stored in a file.

    Args:
        pivot: The latent around which the generator is tuned.
        target: The photo, ``(1, 3, R, R)`` in [-1, 1].
        counter: Reports each step.
        frame_interval: Steps between the frames that are kept; 0 keeps none.

    Raises:
        I2IError: the generator cannot be tuned.
    """
    assert method.tuning is not None
    started = time.perf_counter()
    tuner = GeneratorTuner(scene, method, method.tuning, pivot.latent, target)
    frames = list(pivot.frames)
    for step in range(method.tuning.steps + 1):
        last = step == method.tuning.steps or scene.cancelled
        with torch.set_grad_enabled(not last):
            image = tuner.render()
        if frame_interval and step and step % frame_interval == 0:
            frames.append(image.detach().clamp(-1, 1).cpu())
        if last or tuner.converged:
            break
        tuner.step()
        counter.report(step + 1, tuner.losses[-1])
    latent = tuner.latent()
    with torch.no_grad():
        tuned = tuner.generator.tuned(latent.changes)
        image = render_images(tuned, latent.w, latent.noise).clamp(-1, 1)
    return replace(
        pivot,
        latent=latent,
        image=image,
        steps=pivot.steps + len(tuner.losses) - 1,
        seconds=pivot.seconds + time.perf_counter() - started,
        tuning_losses=tuner.losses,
        tuning_metrics=tuner.metrics,
        loss=tuner.losses[-1],
        frames=tuple(frames),
    )


class GeneratorTuner:
    """A copy of the generator whose weights are optimised to reconstruct one photo."""

    def __init__(self, scene: i2i.Scene, method: Method, tuning: Tuning, latent: i2i.Latent, target: Tensor) -> None:
        self.generator = cast(i2i.StyleGenerator, scene.generator)  # required by the inverter
        self.method, self.tuning, self.pivot = method, tuning, latent
        self.copy = self.generator.tuned()
        self.weights: dict[str, Tensor] = self.copy.weights()
        for weight in self.weights.values():
            weight.requires_grad_(True)
        self.adam = torch.optim.Adam(list(self.weights.values()), lr=tuning.learning_rate)
        self.loss = ReconstructionLoss(scene, method.tuning_loss(), target, tuning.full_size)
        self.random = seeded_random(method.seed)
        self.losses: list[float] = []
        self.metrics: dict[str, list[float]] = {}
        self.target_lpips: float | None = None
        self.lpips = float("inf")
        self._current = target.new_zeros(())

    @property
    def converged(self) -> bool:
        """True once the image has reached the target LPIPS."""
        return self.target_lpips is not None and self.lpips <= self.target_lpips

    def render(self) -> Tensor:
        """Render the current image ``(1, 3, R, R)`` and compute its loss."""
        image = render_images(self.copy, self.pivot.w, self.pivot.noise)
        terms = self.loss.weighted_terms(image)
        self._current = sum_terms(terms).sum()
        self.losses.append(self._current.item())
        self._record({**terms, PSNR: self.loss.psnr(image)})
        if self.loss.perceptual is not None:
            self.lpips = terms["lpips"].item() / self.loss.method.lpips_weight
            if self.target_lpips is None:
                quarter = min(max(self.lpips / 4, TARGET_LPIPS[0]), TARGET_LPIPS[1])
                self.target_lpips = quarter if self.tuning.target_lpips is None else self.tuning.target_lpips
        return image

    def _record(self, metrics: Mapping[str, Tensor]) -> None:
        for name, value in metrics.items():
            self.metrics.setdefault(name, []).append(value.item())

    def step(self) -> None:
        """Take one step of Adam."""
        loss = self._current
        if self.tuning.locality_weight:
            locality = self.tuning.locality_weight * self._locality_loss()
            self._record({"locality": locality})
            loss = loss + locality
        self.adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.adam.step()

    def _locality_loss(self) -> Tensor:
        """Compute how much the image of a latent near the pivot has changed: mean squared error and LPIPS."""
        z = torch.randn(1, self.generator.z_dim, generator=self.random).to(self.pivot.w)
        with torch.no_grad():
            label = one_hot_classes(self.generator, self.method.label, 1)
            displacement = self.generator.map(z, label, truncation=TRUNCATION) - self.pivot.w
            length = NEIGHBOUR_DISTANCE * self.generator.w_std * self.generator.num_ws**0.5
            w = self.pivot.w + displacement * (length / displacement.norm().clamp_min(1e-12))
            original = render_images(self.generator, w, "none")
        changed = render_images(self.copy, w, "none")
        loss = (changed - original).square().mean()
        if self.loss.perceptual is not None:
            loss = loss + self.loss.perceptual.distance(changed, original).sum()
        return loss

    def latent(self) -> i2i.Latent:
        """Return the pivot with the changes of all weights that changed."""
        original = self.generator.weights()
        changes = {name: weight.detach() - original[name] for name, weight in self.weights.items()}
        changes = {name: change for name, change in changes.items() if change.any()}
        return replace(self.pivot, changes=as_stored(changes))
