"""Training of ``demo-encoder``: first on latents alone, which is quick, then on what the generator makes of them.

The generator was trained on images rendered for its latents. So of synthetic faces, as of samples, the latent that is
looked for is known, and the first part needs no more. The second is e4e's (Tov et al. 2021, section 4): images are
compared by pixels and by LPIPS, and the rows of a latent are pulled together, so that they stay where the generator can
be edited. Its discriminator of latents is left out: those of half of the images are held to the true ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

import i2i
from i2i.toolkit.latents.statistics import component_std
from i2i_plugins.demo import synthetic_faces
from i2i_plugins.demo.networks.encoder import EncoderNetwork
from i2i_plugins.encoder.losses import image_distances, latent_distance
from i2i_plugins.encoder.sampling import sample_images as samples

from .. import pools
from .loop import fit
from .settings import Trained, TrainingSettings

if TYPE_CHECKING:
    from i2i_plugins.demo.extractors.encoder import DemoEncoder

DEFAULTS = TrainingSettings(steps=2400, batch=16, rate=1e-3, images=6000)
"""Each step takes ``batch`` synthetic faces and as many samples of the generator; ``images`` are the synthetic
faces."""
FIRST_SEED = 5_000_000
"""Of the synthetic faces: the generator learns from those before."""
SECOND = 0.25
"""Share of the steps that render; they take half as many images."""
SLOWER = 0.3
"""The rate of the second part, as a share of the first's."""
CACHED, RENEWED = 4096, 8
"""Samples at hand in the first part, and how many of them are new in each step; the second divides the first."""
MIXED = 0.25
"""Share of the samples whose last rows come from another latent, so that rows are told apart."""
PIXELS, PERCEPTUAL, DELTA = 2.0, 0.8, 0.02
"""Weights of the losses beside that of the latents, which is 1 for a network that always gives the mean."""
BATCH = 32
"""Images that are rendered at a time during evaluation."""


def train(settings: TrainingSettings, say: Callable[[str], None]) -> Trained:
    """Train the encoder of the generator ``demo-faces``, where that computes.

    Args:
        say: Receives progress messages of one line.
    """
    generator = i2i.generator("demo-faces")
    pool = pools.pool("encoder", settings.images, settings.size, first_seed=FIRST_SEED, of_latents=True, say=say)
    network = learn(generator, perceptual(generator.device), pool, settings, say)
    tensors = {name: value.cpu() for name, value in network.state_dict().items() if "num_batches" not in name}
    return Trained(tensors, {"generator": "demo-faces", "pictures": len(pool), "steps with rendering": SECOND})


def perceptual(device: i2i.Device) -> Any:
    """Open the extractor ``lpips``."""
    return i2i.load_registry().get("extractor", "lpips")(device)


def learn(
    generator: i2i.Generator, lpips: Any, pool: pools.Pool, settings: TrainingSettings, say: Callable[[str], None]
) -> nn.Module:
    """Both parts of the training.

    Args:
        lpips: With ``distance(images, others) -> (N,)``.
        pool: Synthetic faces with their latents.

    Returns:
        An ``EncoderNetwork`` in evaluation mode, frozen.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        learner = EncoderNetwork(generator.num_ws, generator.w_dim)
    learner.w_mean.copy_(generator.w_mean)
    learner.w_scale.fill_(component_std(generator))
    learner.to(generator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    rendering = round(settings.steps * SECOND)
    say(f"{CACHED} samples of the generator are made first.")
    first = replace(settings, steps=settings.steps - rendering)
    taught = fit(learner, len(pool), _ByLatents(learner, generator, pool, settings.seed), first, say)
    learner.load_state_dict(taught.state_dict())  # the second part goes on from the average of the first
    half = replace(settings, steps=rendering, batch=max(settings.batch // 2, 1), rate=settings.rate * SLOWER)
    return fit(learner, len(pool), _ByImages(learner, generator, lpips, pool), half, say)


class _ByLatents:
    """Losses of the first part: how far latents are from the true ones. The samples at hand are renewed bit by bit."""

    def __init__(self, network: EncoderNetwork, generator: i2i.Generator, pool: pools.Pool, seed: int) -> None:
        self.network, self.generator, self.pool = network, generator, pool
        random = torch.Generator().manual_seed(seed)
        parts = [samples(generator, BATCH, random, MIXED) for _ in range(CACHED // BATCH)]
        self.images, self.latents = (torch.cat(each) for each in zip(*parts, strict=True))

    def __call__(self, numbers: Tensor, step: int, random: torch.Generator) -> dict[str, Tensor]:
        start, place = step * RENEWED % CACHED, self.images.device
        new = slice(start, start + RENEWED)
        self.images[new], self.latents[new] = samples(self.generator, RENEWED, random, MIXED)
        chosen = torch.randint(CACHED, (len(numbers),), generator=random).to(place)
        synthetic = pools.images_of(self.pool, numbers).to(place)
        found = self.network(torch.cat([self.images[chosen], synthetic]))
        count = len(numbers)
        return {
            "samples": _apart(self.network, found[:count], self.latents[chosen]),
            "drawn": _apart(self.network, found[count:], self.generator.map(self.pool.latents[numbers])),
        }


class _ByImages:
    """Losses of the second part, on reconstructions: of samples with their latents, and of as many synthetic faces."""

    def __init__(self, network: EncoderNetwork, generator: i2i.Generator, lpips: Any, pool: pools.Pool) -> None:
        self.network, self.generator, self.lpips, self.pool = network, generator, lpips, pool

    def __call__(self, numbers: Tensor, step: int, random: torch.Generator) -> dict[str, Tensor]:
        count = len(numbers)
        made, latents = samples(self.generator, count, random, MIXED)
        images = torch.cat([made, pools.images_of(self.pool, numbers).to(made.device)])
        found = self.network(images)
        distances = image_distances(self.generator.render(found), images, self.lpips)
        synthetic = found[count:]  # of samples that are mixed the rows do differ
        return {
            "latents": _apart(self.network, found[:count], latents),
            "pixels": PIXELS * distances["pixels"],
            "lpips": PERCEPTUAL * distances["lpips"],
            "deltas": DELTA * _apart(self.network, synthetic, synthetic[:, :1].expand_as(synthetic)),
        }


def _apart(network: EncoderNetwork, found: Tensor, true: Tensor) -> Tensor:
    """Return ``latent_distance`` in the units of a network."""
    return latent_distance(found, true, network.w_scale)


@torch.no_grad()
def evaluate(extractor: DemoEncoder, generator: i2i.Generator, pool: pools.Pool, count: int = 256) -> dict[str, float]:
    """How well images come back from their latents, of samples that were never seen and of synthetic faces.

    Args:
        pool: Unseen synthetic faces.
        count: How many images of each kind are taken, where the pool holds as many.

    Returns:
        ``samples/...`` and ``drawn/...``: ``lpips``; ``l1``, the mean absolute difference, of a range of 1; ``psnr`` in
        decibels, the mean over images; ``deltas``, how far rows are from the first one, in units of the spread of w.
        Of samples also ``latents``, how far these are from the true ones, in the same unit.
    """
    lpips = perceptual(generator.device)
    random = torch.Generator().manual_seed(synthetic_faces.UNSEEN)
    spread = component_std(generator)
    found: dict[str, list[Tensor]] = {}
    for numbers in torch.arange(min(count, len(pool))).split(BATCH):
        made, latents = samples(generator, len(numbers), random)
        for kind, images in ("samples", made), ("drawn", pools.images_of(pool, numbers).to(made.device)):
            w = extractor(images)
            again = generator.render(w).clamp(-1, 1)
            measures = {
                "lpips": lpips.distance(again, images),
                "l1": (again - images).abs().mean(dim=(1, 2, 3)) / 2,
                "psnr": -10 * ((again - images).square().mean(dim=(1, 2, 3)) / 4).clamp(min=1e-10).log10(),
                "deltas": (w - w[:, :1]).square().mean(dim=(1, 2)).sqrt() / spread,
            }
            if kind == "samples":
                measures["latents"] = (w - latents).square().mean(dim=(1, 2)).sqrt() / spread
            for name, values in measures.items():
                found.setdefault(f"{kind}/{name}", []).append(values)
    return {name: torch.cat(values).mean().item() for name, values in sorted(found.items())}
