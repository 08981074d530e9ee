"""Training and evaluation of ``demo-landmarks``.

It learns from synthetic faces first, then from these and, for the most part, samples of ``demo-faces``: the generator
is a little softer than what it was taught, and every sample's landmarks are those of the face rendered for its latent.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i_plugins.demo.networks.landmarks import LandmarkNetwork, cells, expected_positions
from i2i_plugins.encoder.augmentation import change_light

from .. import pools
from .augmentation import Strengths, moved, moved_points, movements
from .generator import DEFAULTS as GENERATOR
from .identities import people
from .loop import fit
from .negatives import faceless
from .settings import Trained, TrainingSettings

if TYPE_CHECKING:
    from ..pools import Pool

DEFAULTS = TrainingSettings(steps=3500, batch=32, rate=2e-3, images=16_000)
SECOND, SLOWER, SYNTHETIC, SAMPLES = 0.4, 0.4, 5000, 12_000
"""Share of the steps that also see samples, their rate as a share of the first's; how many synthetic faces and
samples."""
CHANGES = Strengths()
FACELESS = 8
"""One image without a face comes to so many with one."""
SPREAD = 1.0
"""Standard deviation of the target Gaussians of heat maps, cells."""
OUTER_CORNERS = (36, 45)
"""Of the eyes; the distance between them is the unit of errors, as in the 300-W challenge (Sagonas et al. 2013)."""
FAILED = 0.08
"""The error from which a face counts as missed, as is usual for 300-W."""


def train(settings: TrainingSettings, say: Callable[[str], None]) -> Trained:
    """Train the network on synthetic faces, and on samples of the generator ``demo-faces``.

    Args:
        say: Receives progress messages of one line.

    Returns:
        Its tensors, in float32, and the facts of the training.
    """
    pool = people(settings, say)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        network = LandmarkNetwork()
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    second = round(settings.steps * SECOND)
    first = learn(network, pool, replace(settings, steps=settings.steps - second), say)
    mixed = with_samples(pool, say)
    network = copy.deepcopy(first).requires_grad_(True)
    average = learn(network, mixed, replace(settings, steps=second, rate=settings.rate * SLOWER), say)
    tensors = {key: value for key, value in average.state_dict().items() if not key.endswith("num_batches_tracked")}
    return Trained(tensors, {"pictures": len(pool.images), "samples of demo-faces": min(SAMPLES, GENERATOR.images)})


def learn(
    network: LandmarkNetwork, pool: Pool, settings: TrainingSettings, say: Callable[[str], None]
) -> LandmarkNetwork:
    """Train on one pool; returns a frozen copy with averaged weights."""

    def losses(numbers: Tensor, step: int, random: torch.Generator) -> dict[str, Tensor]:
        x = pools.images_of(pool, numbers)
        return losses_of(network, x, pool.landmarks[numbers].float(), random)

    average = fit(network, len(pool), losses, settings, say)
    assert isinstance(average, LandmarkNetwork)
    return average


@torch.no_grad()
def with_samples(pool: Pool, say: Callable[[str], None]) -> Pool:
    """Join ``SYNTHETIC`` faces of a pool and ``SAMPLES`` of ``demo-faces``, or all where there are fewer."""
    taught = pools.pool("faces", GENERATOR.images, of_latents=True, say=say)
    synthetic, count = min(SYNTHETIC, len(pool)), min(SAMPLES, len(taught))
    say(f"{count} samples of the generator are made")
    generator = i2i.generator("demo-faces")
    made = []
    for z in taught.latents[:count].split(64):
        images = generator.render(generator.map(z)).clamp(-1, 1).cpu()
        made.append(((images + 1) * 127.5).round().to(torch.uint8))
    return pools.Pool(
        torch.cat([pool.images[:synthetic], *made]),
        torch.cat([pool.values[:synthetic], taught.values[:count]]),
        torch.cat([pool.landmarks[:synthetic], taught.landmarks[:count]]),
        torch.cat([pool.identities[:synthetic], taught.identities[:count]]),
        taught.latents[:0],
    )


def losses_of(network: LandmarkNetwork, images: Tensor, points: Tensor, random: torch.Generator) -> dict[str, Tensor]:
    """The losses of a batch, augmented: ``points``, mean distance in pixels; ``shape``, heat maps; ``face``, score.

    The first two are the loss of Nibali et al. (2018, section 3.3), with the divergence of Kullback and Leibler for
    that of Jensen and Shannon. Points that were moved out of the image are left out.

    Args:
        images: ``(N, 3, 64, 64)`` in [-1, 1].
        points: ``(N, 68, 2)`` pixels.
    """
    some = slice(max(1, len(images) // FACELESS))
    none = faceless(images[some], points[some], random)
    movement = movements(len(images), CHANGES, random)
    size = images.shape[-1]
    points = moved_points(points, movement, size)
    images = torch.cat([moved(images, movement), none])
    heat, face = network(change_light(images, CHANGES, random).contiguous(memory_format=torch.channels_last))
    heat, there, not_there = heat[: len(points)], face[: len(points)], face[len(points) :]
    inside = ((points > -0.5) & (points < size - 0.5)).all(dim=2).float()
    share = inside / inside.sum().clamp(min=1)
    return {
        "points": ((expected_positions(heat) - points).square().sum(dim=2) + 1e-6).sqrt().mul(share).sum(),
        "shape": divergence(heat, points).mul(share).sum(),
        "face": F.softplus(-there).mean() + F.softplus(not_there).mean(),
    }


def divergence(heat: Tensor, points: Tensor) -> Tensor:
    """How far heat maps ``(N, 68, 32, 32)`` are from Gaussians about points ``(N, 68, 2)`` in pixels: ``(N, 68)``."""
    places = cells(heat)
    width = SPREAD * (places[1] - places[0])
    offsets = (places - points[..., None]) / width  # (N, 68, 2, 32)
    wanted = (-offsets.square() / 2).softmax(dim=3)
    certainty = (wanted * wanted.clamp(min=1e-30).log()).sum(dim=(2, 3))  # both sides of a product add up
    chances = heat.flatten(2).log_softmax(dim=2).view_as(heat)
    across = (chances @ wanted[:, :, 0, :, None])[..., 0]  # (N, 68, 32): over x, for every row
    return certainty - (across * wanted[:, :, 1]).sum(dim=2)


@torch.no_grad()
def evaluate(extractor: i2i.Extractor, pool: Pool) -> dict[str, float]:
    """Measure an extractor of landmarks on synthetic faces that it never saw.

    Returns:
        ``nme``, ``nme_median`` and ``nme_p95``: the distance to the true points, mean over a face, in shares of the
        distance between the outer corners of the eyes; ``failures``: the share of faces with ``nme`` over 0.08;
        ``found``: the share of faces that ``find`` finds; ``false_alarms``: the share of images without a face in
        which it finds one.
    """
    errors, found, alarms = [], [], []
    random = torch.Generator().manual_seed(0)
    for numbers in torch.arange(len(pool.images)).split(64):
        images, points = pools.images_of(pool, numbers), pool.landmarks[numbers].float()
        distances = (extractor(images).cpu() - points).norm(dim=2).mean(dim=1)  # type: ignore[operator]
        errors.append(distances / eye_distance(points))
        none = faceless(images, points, random)
        found += [len(extractor.find(image[None])) for image in images]  # type: ignore[attr-defined]
        alarms += [len(extractor.find(image[None])) for image in none]  # type: ignore[attr-defined]
    error = torch.cat(errors)
    return {
        "nme": float(error.mean()),
        "nme_median": float(error.median()),
        "nme_p95": float(error.quantile(0.95)),
        "failures": float((error > FAILED).float().mean()),
        "found": sum(found) / len(found),
        "false_alarms": sum(alarms) / len(alarms),
    }


def eye_distance(landmarks: Tensor) -> Tensor:
    """Pixels between the outer corners of the eyes: ``(N, 68, 2)`` -> ``(N,)``."""
    left, right = OUTER_CORNERS
    distance: Tensor = (landmarks[:, left] - landmarks[:, right]).norm(dim=1)
    return distance
