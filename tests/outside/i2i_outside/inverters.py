"""The inverter ``nearest-seed``: for any generator, without an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

import i2i
from i2i.toolkit.latents.optimizer import Evaluation, LatentOptimizer, Objective, Patience, Trajectory


class NearestSeedOptions(i2i.Options):
    """Options of ``nearest-seed``."""

    candidates: int = Field(64, ge=1, le=100_000, description="Random images that are compared with the photo")
    steps: int = Field(50, ge=0, le=10_000, description="Optimisation steps from the nearest of them")
    rate: float = Field(0.1, gt=0, description="Learning rate, as a fraction of the spread of latents")


class Reconstruction(Objective):
    """The mean squared distance of rendered images from the photos, at no more than 64 px."""

    def __init__(self, generator: i2i.Generator, photos: Tensor) -> None:
        self.generator, self.photos = generator, shrink(photos)

    def evaluate(self, variables: Mapping[str, Tensor], step: int) -> Evaluation:
        """Render ``w (N, num_ws, w_dim)`` and compare."""
        images = shrink(self.generator.render(variables["w"]).expand(-1, 3, -1, -1))
        return Evaluation((images - self.photos).square().mean(dim=(1, 2, 3)))

    def select(self, samples: Tensor) -> None:
        """Keep only the photos that are still optimised."""
        self.photos = self.photos[samples]


class NearestSeed(i2i.Inverter):
    """Compares a photo with random images, and optimises the latent of the nearest."""

    name = "nearest-seed"
    summary = "The nearest of many random images, refined by optimisation."
    Options = NearestSeedOptions

    def invert(self, scene: i2i.Scene, images: Tensor, options: Any) -> Sequence[i2i.Inversion]:
        """Return the latent of each image, with its final loss and the number of steps."""
        generator = scene.generator
        start = nearest(generator, images, options.candidates)
        optimizer = LatentOptimizer(
            Reconstruction(generator, images),
            {"w": start},
            [Trajectory(Patience(20)) for _ in images],
            steps=options.steps,
            learning_rate=options.rate * generator.w_std / generator.w_dim**0.5,
            cancelled=lambda: scene.cancelled,
        )
        total = max(1, options.steps * len(images))
        found = optimizer.run(lambda done, loss: scene.progress(done, total, loss=loss))
        return [
            i2i.Inversion(
                i2i.Latent(each.best["w"]),
                {"loss": each.best_loss, "nearest": each.losses[0], "steps": float(each.steps)},
                {
                    "loss": i2i.Plot(
                        "step", "mean squared error", {"loss": list(enumerate(each.losses))}, logarithmic=True
                    )
                },
            )
            for each in found
        ]


def nearest(generator: i2i.Generator, photos: Tensor, candidates: int) -> Tensor:
    """Return the latents ``(N, num_ws, w_dim)`` of the nearest random images; the same candidates for every photo."""
    source = torch.Generator().manual_seed(0)
    best = photos.new_full((len(photos),), torch.inf)
    latents = photos.new_zeros(len(photos), generator.num_ws, generator.w_dim)
    with torch.no_grad():
        for first in range(0, candidates, 16):
            z = torch.randn(min(16, candidates - first), generator.z_dim, generator=source)
            w = generator.map(z.to(photos.device))
            images = shrink(generator.render(w).expand(-1, 3, -1, -1))
            errors = (shrink(photos)[:, None] - images[None]).square().mean(dim=(2, 3, 4))  # (N, candidates)
            lowest, index = errors.min(dim=1)
            latents = torch.where((lowest < best)[:, None, None], w[index], latents)
            best = torch.minimum(lowest, best)
    return latents


def shrink(images: Tensor) -> Tensor:
    """Return images at 64 px, or as they are where they are smaller."""
    return images if images.shape[-1] <= 64 else F.interpolate(images, size=64, mode="area")
