"""Images in other light, softer and noisier, as photos differ from samples of a generator.

Everything is sampled from the generator of random numbers that is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PhotometricStrengths:
    """Limits of the augmentations, which are sampled uniformly up to the limit."""

    blur: float = 1.2
    """Standard deviation of a Gaussian, pixels; half of the images stay as they are."""
    noise: float = 0.06
    """Standard deviation on the scale [-1, 1]."""
    contrast: float = 0.2
    """A share, more or less."""
    brightness: float = 0.15
    """Added or taken away, on the scale [-1, 1]."""
    tint: float = 0.08
    """A share of each colour, more or less."""


def sample_symmetric(count: int, limit: float, random: torch.Generator) -> Tensor:
    """Sample numbers ``(count,)`` uniformly from -limit to limit."""
    return (torch.rand(count, generator=random) * 2 - 1) * limit


def blur(images: Tensor, sigmas: Tensor) -> Tensor:
    """Blur images ``(N, 3, H, W)``, each by a Gaussian of its own ``sigmas (N,)`` in pixels; 0 leaves it alone."""
    height, width = images.shape[2:]
    return _gaussians(sigmas, height) @ images @ _gaussians(sigmas, width).mT


def _gaussians(sigmas: Tensor, size: int) -> Tensor:
    """Blurs along one side as matrices ``(N, 1, size, size)``; rows have the sum 1, so borders keep their light."""
    across = torch.arange(size, device=sigmas.device, dtype=sigmas.dtype)
    distances = (across[:, None] - across).square()
    weights = (-distances / (2 * sigmas.view(-1, 1, 1).clamp(min=0.05).square())).exp()
    return (weights / weights.sum(dim=2, keepdim=True))[:, None]


def change_light(images: Tensor, strengths: PhotometricStrengths, random: torch.Generator) -> Tensor:
    """Change the light of images ``(N, 3, H, W)`` in [-1, 1], blur them and add noise; they stay in [-1, 1]."""
    count, place = len(images), images.device
    sigmas = torch.rand(count, generator=random) * strengths.blur * (torch.rand(count, generator=random) < 0.5)
    tints = 1 + sample_symmetric(count * 3, strengths.tint, random).view(count, 3, 1, 1)
    contrast, brightness, noise = (
        numbers.view(count, 1, 1, 1).to(place)
        for numbers in (
            1 + sample_symmetric(count, strengths.contrast, random),
            sample_symmetric(count, strengths.brightness, random),
            torch.rand(count, generator=random) * strengths.noise,
        )
    )
    grain = torch.randn(images.shape, generator=random).to(place)
    x = (blur(images, sigmas.to(place)) + 1) * tints.to(place) - 1  # a tint scales light, and black stays black
    return (x * contrast + brightness + grain * noise).clamp(-1, 1)
