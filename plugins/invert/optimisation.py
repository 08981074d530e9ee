"""The latent optimisation that every method runs: the objective of a method, and the run over a batch of photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

import i2i
from i2i.toolkit.latents.noise import noise_maps, normalise_noise, regularisation
from i2i.toolkit.latents.optimizer import (
    Evaluation,
    LatentOptimizer,
    Objective,
    Patience,
    warmup_cosine,
)

from .faces import FaceLoss
from .methods import Method
from .reconstruction import PSNR, ReconstructionLoss, render_images, sum_terms
from .restarts import CheckedTrajectory, check_step
from .spaces import LatentSpace, seeded_random

JITTER_UNTIL = 0.75
"""Fraction of the steps after which w is no longer jittered."""


class InversionObjective(Objective):
    """The reconstruction loss of N photos ``(N, 3, R, R)`` by a method, for latents in the method's space."""

    def __init__(self, scene: i2i.Scene, method: Method, space: LatentSpace, targets: Tensor) -> None:
        """Compute the features of the photos."""
        self.generator, self.method, self.space = scene.generator, method, space
        self.loss = ReconstructionLoss(scene, method, targets)
        self.face_loss = FaceLoss.find(scene, method, targets)
        self.random = seeded_random(method.seed)

    def evaluate(self, variables: Mapping[str, Tensor], step: int) -> Evaluation:
        """Compute the losses ``(N,)``; see ``Objective.evaluate``. Scores exclude the noise regularisation.

        The metrics are the weighted terms of the loss by name, and the PSNR of the image.
        """
        noise = {name: plane for name, plane in variables.items() if name != "w"}
        w, jitter = self.space.to_w(variables["w"]), self._jitter(step)
        images = render_images(self.generator, w + self._normal(w) * jitter if jitter else w, noise)
        coarse = step < round(self.method.coarse * self.method.steps)
        compared = images if self.face_loss is None else self.face_loss.fade_background(images)
        terms = self.loss.weighted_terms(compared, coarse)
        if self.face_loss is not None:
            terms |= self.face_loss.weighted_terms(images)
        if self.method.prior_weight:
            terms["prior"] = self.method.prior_weight * self.space.prior_loss(w)
        if self.method.layers_weight:
            terms["layers"] = self.method.layers_weight * self.space.layers_loss(w)
        losses = sum_terms(terms)
        scores = losses.detach()
        if noise and self.method.regularize_noise_weight:
            terms["noise"] = self.method.regularize_noise_weight * regularisation(noise)
            losses = losses + terms["noise"]
        metrics = {**terms, PSNR: self.loss.psnr(images)}
        return Evaluation(losses, scores, metrics, comparable=not (jitter or coarse), images=images.detach())

    def frames(self, variables: Mapping[str, Tensor], evaluation: Evaluation) -> Tensor:
        """Return the current images, ``(N, 3, R, R)`` in [-1, 1] on the CPU."""
        return super().frames(variables, evaluation).clamp(-1, 1).cpu()

    def select(self, samples: Tensor) -> None:
        """Keep the photos of some samples only."""
        self.loss.select(samples)
        if self.face_loss is not None:
            self.face_loss.select(samples)

    def _jitter(self, step: int) -> float:
        """Return the standard deviation of what is added to the components of w; it decays to 0."""
        rest = max(0.0, 1 - step / max(1, self.method.steps) / JITTER_UNTIL)
        return float(self.method.jitter * self.generator.w_std * rest**2)

    def _normal(self, w: Tensor) -> Tensor:
        """Sample normal noise, the same for every photo, and for every layer where all layers are one vector."""
        shape = w.shape[1:] if self.space.has_layers else w.shape[2:]
        return torch.randn(shape, generator=self.random).to(w)


class LatentInversion:
    """The optimisation of photos ``(N, 3, R, R)`` from initial latents ``(N, num_ws, w_dim)``, ready to run."""

    def __init__(
        self,
        scene: i2i.Scene,
        method: Method,
        targets: Tensor,
        initial: Tensor,
        frame_interval: int = 0,
        limits: Sequence[float | None] | None = None,
        numbers: Sequence[int] | None = None,
    ) -> None:
        """Compute the features of the photos.

        Args:
            frame_interval: Steps between the frames that are kept; 0 keeps none.
            limits: PSNR, dB, by photo below which it is abandoned at the check of ``restarts``; None for no check.
            numbers: As for ``LatentOptimizer``.

        Raises:
            I2IError: an extractor of the method cannot be opened.
        """
        self.space = LatentSpace(scene.generator, method)
        objective = InversionObjective(scene, method, self.space, targets)
        with torch.no_grad():
            maps = noise_maps(scene.generator, len(targets)) if method.noise else {}
            variables = {"w": self.space.from_w(initial.detach()), **maps}
        self.optimizer = LatentOptimizer(
            objective,
            variables,
            [
                CheckedTrajectory(Patience(method.patience), step=check_step(method), limit=limit)
                for limit in limits or [None] * len(initial)
            ],
            steps=method.steps,
            learning_rate=method.learning_rate,
            scales={"w": self.space.scale} if method.relative_rate else None,
            betas=(0.9, method.second_beta),
            schedule=warmup_cosine(method.warmup, method.decay),
            constrain=normalise_noise,
            frame_interval=frame_interval,
            cancelled=lambda: scene.cancelled,
            live=scene.live,
            numbers=numbers,
        )

    def run(self, on_step: Callable[[int, float], None] | None = None) -> list[tuple[i2i.Latent, CheckedTrajectory]]:
        """Optimise, and return the best latent of each photo with its trajectory.

        Args:
            on_step: As ``LatentOptimizer.run``.
        """
        optimised = []
        for trajectory in self.optimizer.run(on_step):
            noise = {name: plane for name, plane in trajectory.best.items() if name != "w"}
            with torch.no_grad():
                w = self.space.to_w(trajectory.best["w"]).contiguous()
            optimised.append((i2i.Latent(w, noise), trajectory))
        return optimised
