"""Images as a network may meet them: moved a little, softer, noisier, in other light. Points move along exactly.

Images of a generator are softer than those of the renderer, so blur is the most useful of these. Everything is sampled
from the generator of random numbers that is handed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from i2i.toolkit.faces.landmarks import MIRRORED


@dataclass(frozen=True)
class Strengths:
    """Limits of the augmentations; unless stated otherwise, they are sampled uniformly up to the limit."""

    shift: float = 4.0
    """Pixels of the 64 x 64 image, to either side."""
    scale: float = 0.15
    """A share of the size, larger or smaller."""
    stretch: float = 0.05
    """The same, in x and y apart."""
    turn: float = 15.0
    """Degrees, in both directions."""
    mirror: float = 0.5
    """How often left and right are swapped."""
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


def even(count: int, reach: float, random: torch.Generator) -> Tensor:
    """Sample numbers ``(count,)`` uniformly from -reach to reach."""
    return (torch.rand(count, generator=random) * 2 - 1) * reach


def movements(count: int, strengths: Strengths, random: torch.Generator) -> Tensor:
    """Random affine maps ``(count, 2, 3)``: ``new = matrix @ (x, y, 1)``, in pixels from an image's centre."""
    angle = even(count, math.radians(strengths.turn), random)
    scale = 1 + even(count, strengths.scale, random)
    wide, high = (scale * (1 + even(count, strengths.stretch, random)) for _ in "xy")
    side = torch.where(torch.rand(count, generator=random) < strengths.mirror, -1.0, 1.0)
    cosine, sine = angle.cos(), angle.sin()
    rows = [torch.stack([side * wide * cosine, -high * sine], 1), torch.stack([side * wide * sine, high * cosine], 1)]
    shift = torch.stack([even(count, strengths.shift, random) for _ in "xy"], dim=1)
    return torch.cat([torch.stack(rows, dim=1), shift[..., None]], dim=2)


def moved(images: Tensor, movement: Tensor) -> Tensor:
    """Images ``(N, 3, S, S)`` moved by maps ``(N, 2, 3)`` about their centre, bilinear; borders go on."""
    turn, shift = movement[:, :, :2], movement[:, :, 2:]
    back = torch.linalg.inv(turn)
    half = images.shape[-1] / 2
    backwards = torch.cat([back, -(back @ shift) / half], dim=2)  # affine_grid asks where each new pixel comes from
    grid = F.affine_grid(backwards, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def moved_points(points: Tensor, movement: Tensor, size: int) -> Tensor:
    """Points ``(N, 68, 2)``, pixels of ``size`` x ``size`` images, moved by the same maps; a mirror renames them."""
    centre = (size - 1) / 2
    mirrors = torch.linalg.det(movement[:, :, :2]) < 0
    swapped = points[:, torch.tensor(MIRRORED, device=points.device)]
    points = torch.where(mirrors[:, None, None], swapped, points) - centre
    return points @ movement[:, :, :2].mT + movement[:, None, :, 2] + centre


def blurred(images: Tensor, sigmas: Tensor) -> Tensor:
    """Images ``(N, 3, H, W)``, each blurred by a Gaussian of its own ``sigmas (N,)`` pixels; 0 leaves it alone."""
    height, width = images.shape[2:]
    return _gaussians(sigmas, height) @ images @ _gaussians(sigmas, width).mT


def _gaussians(sigmas: Tensor, size: int) -> Tensor:
    """Blurs along one side as matrices ``(N, 1, size, size)``; rows have the sum 1, so borders keep their light."""
    across = torch.arange(size, device=sigmas.device, dtype=sigmas.dtype)
    distances = (across[:, None] - across).square()
    weights = (-distances / (2 * sigmas.view(-1, 1, 1).clamp(min=0.05).square())).exp()
    return (weights / weights.sum(dim=2, keepdim=True))[:, None]


def relit(images: Tensor, strengths: Strengths, random: torch.Generator) -> Tensor:
    """Images ``(N, 3, H, W)`` in [-1, 1] in other light, blurred and noisy, and still in [-1, 1]."""
    count, place = len(images), images.device
    sigmas = torch.rand(count, generator=random) * strengths.blur * (torch.rand(count, generator=random) < 0.5)
    tints = 1 + even(count * 3, strengths.tint, random).view(count, 3, 1, 1)
    contrast, brightness, noise = (
        numbers.view(count, 1, 1, 1).to(place)
        for numbers in (
            1 + even(count, strengths.contrast, random),
            even(count, strengths.brightness, random),
            torch.rand(count, generator=random) * strengths.noise,
        )
    )
    grain = torch.randn(images.shape, generator=random).to(place)
    x = (blurred(images, sigmas.to(place)) + 1) * tints.to(place) - 1  # a tint scales light, and black stays black
    return (x * contrast + brightness + grain * noise).clamp(-1, 1)
