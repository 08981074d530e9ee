"""Samples of a generator: latents whose layers may differ, their images, and a pool of them that is renewed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i.toolkit.images.network_inputs import resize_images

LARGEST = 256
"""Height and width at which images are compared, at most, pixels."""


@torch.no_grad()
def sample_latents(
    generator: i2i.Generator,
    count: int,
    random: torch.Generator,
    mixed: float = 0.0,
    truncation: tuple[float, float] = (1.0, 1.0),
) -> Tensor:
    """Sample latents ``(count, num_ws, w_dim)`` on the generator's device.

    Args:
        random: A generator of random numbers on the CPU, so that every device samples the same.
        mixed: The share of them whose last layers come from another latent, from a random layer on.
        truncation: The range of truncation psi, which is uniform.
    """
    labels = None
    if generator.c_dim:
        classes = torch.randint(generator.c_dim, (count,), generator=random)
        labels = F.one_hot(classes, generator.c_dim).float().to(generator.device)
    w, other = (generator.map(torch.randn(count, generator.z_dim, generator=random), labels) for _ in range(2))
    if generator.num_ws > 1:
        layers = torch.arange(generator.num_ws)
        starts = torch.randint(1, generator.num_ws, (count, 1), generator=random)
        crossed = (layers >= starts) & (torch.rand(count, 1, generator=random) < mixed)
        w = torch.where(crossed[..., None].to(w.device), other, w)
    low, high = truncation
    if (low, high) == (1.0, 1.0):
        return w
    psi = low + (high - low) * torch.rand(count, 1, 1, generator=random)
    return torch.lerp(generator.w_mean.expand_as(w), w, psi.to(w.device))


@torch.no_grad()
def sample_images(
    generator: i2i.Generator, count: int, random: torch.Generator, mixed: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Sample images ``(count, 3, R, R)`` in [-1, 1] and their latents; see ``sample_latents``."""
    w = sample_latents(generator, count, random, mixed)
    return generator.render(w).clamp(-1, 1), w


def render_small(generator: i2i.Generator, w: Tensor) -> Tensor:
    """Render ``w`` to ``(N, 3, S, S)``, not clamped; S is the resolution, or ``LARGEST`` where that is less."""
    side = min(generator.resolution, LARGEST)
    return resize_images(generator.render(w).expand(-1, 3, -1, -1), side, side)


class SamplePool:
    """Samples of a generator, of which the oldest are replaced at each step.

    Samples are made in groups, one at each step, and each group depends on its number alone. So the pool at any step
    is the same after a training was resumed. It begins with one batch and grows until it is full.
    """

    def __init__(
        self,
        generator: i2i.Generator,
        *,
        size: int,
        batch: int,
        reuse: int,
        mixed: float,
        truncation: tuple[float, float],
        seed: int,
    ) -> None:
        """Prepare an empty pool.

        Args:
            size: Samples in a full pool.
            batch: Samples that a step takes.
            reuse: Steps in which a batch of new samples is made: how often each is taken on average.
            mixed, truncation: See ``sample_latents``.
            seed: Seed of all samples.
        """
        self.generator, self.mixed, self.truncation, self.seed = generator, mixed, truncation, seed
        self.group = max(1, round(batch / reuse))
        """Samples in a group."""
        self.first = -(-batch // self.group)
        """Groups before the first step."""
        self.groups = max(self.first, size // self.group)
        """Groups in a full pool."""
        self._made = 0
        """Groups that were made or, before a training was resumed, left out."""
        side, capacity = min(generator.resolution, LARGEST), self.groups * self.group
        self._images = torch.zeros(capacity, 3, side, side, dtype=torch.uint8, device=generator.device)
        self._latents = torch.zeros(capacity, generator.num_ws, generator.w_dim, device=generator.device)

    def advance(self, step: int) -> None:
        """Make the groups that are new at a step, counted from 1, in place of the oldest."""
        wanted = self.first + step
        for number in range(max(self._made, wanted - self.groups), wanted):
            start = number % self.groups * self.group
            self._fill(slice(start, start + self.group), number)
        self._made = max(self._made, wanted)

    @torch.no_grad()
    def _fill(self, places: slice, number: int) -> None:
        """Make a group; images are kept as uint8 to save memory."""
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        w = sample_latents(self.generator, self.group, random, self.mixed, self.truncation)
        images = render_small(self.generator, w).clamp(-1, 1)
        self._images[places], self._latents[places] = images.add(1).mul(127.5).round().to(torch.uint8), w

    def take(self, seeds: Tensor) -> tuple[Tensor, Tensor]:
        """Return a sample for each seed ``(N,)``: images ``(N, 3, S, S)`` in [-1, 1] and latents."""
        chosen = seeds % (min(self._made, self.groups) * self.group)
        return self._images[chosen].float().div(127.5).sub(1), self._latents[chosen]
