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
from i2i_plugins.encoder.augmentation import PhotometricStrengths, sample_symmetric


@dataclass(frozen=True)
class Strengths(PhotometricStrengths):
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


def movements(count: int, strengths: Strengths, random: torch.Generator) -> Tensor:
    """Random affine maps ``(count, 2, 3)``: ``new = matrix @ (x, y, 1)``, in pixels from an image's centre."""
    angle = sample_symmetric(count, math.radians(strengths.turn), random)
    scale = 1 + sample_symmetric(count, strengths.scale, random)
    wide, high = (scale * (1 + sample_symmetric(count, strengths.stretch, random)) for _ in "xy")
    side = torch.where(torch.rand(count, generator=random) < strengths.mirror, -1.0, 1.0)
    cosine, sine = angle.cos(), angle.sin()
    rows = [torch.stack([side * wide * cosine, -high * sine], 1), torch.stack([side * wide * sine, high * cosine], 1)]
    shift = torch.stack([sample_symmetric(count, strengths.shift, random) for _ in "xy"], dim=1)
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
