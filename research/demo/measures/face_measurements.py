"""What the demo networks see in images of synthetic faces: by it an edit is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import i2i
from i2i.toolkit.faces.landmarks import eye_distance

if TYPE_CHECKING:
    from torch import Tensor

MOUTH = ((61, 67), (62, 66), (63, 65))
EYELIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
"""Pairs of landmarks, counted from 0, that part as mouth and eyes open."""


@dataclass(frozen=True)
class Look:
    """N images of faces, and what is seen in them."""

    images: Tensor
    """``(N, 3, H, W)`` in [-1, 1]."""
    points: Tensor
    """Landmarks ``(N, 68, 2)``, pixels."""
    vectors: Tensor
    """Identity embeddings ``(N, F)`` of unit length."""

    @property
    def eyes(self) -> Tensor:
        """The distance between the centres of the eyes, pixels: ``(N,)``."""
        return eye_distance(self.points)

    @property
    def colour(self) -> Tensor:
        """Mean colour, ``(N, 3)`` in [-1, 1]."""
        return self.images.mean(dim=(2, 3))

    def opening(self, pairs: Sequence[tuple[int, int]]) -> Tensor:
        """The mean distance of pairs of points, in eye distances: a matter of the expression, hardly of the pose."""
        one, other = (self.points[:, list(side)] for side in zip(*pairs, strict=True))
        apart: Tensor = (one - other).norm(dim=2).mean(dim=1)
        return apart / self.eyes

    @property
    def mouth(self) -> Tensor:
        """How far the mouth is open, in eye distances: ``(N,)``."""
        return self.opening(MOUTH)

    @property
    def eyelids(self) -> Tensor:
        """How far the eyes are open, in eye distances: ``(N,)``."""
        return self.opening(EYELIDS)

    @property
    def nose(self) -> Tensor:
        """Where its tip lies from the left cheek of the image, 0, to the right one, 1: ``(N,)``."""
        left, right = (self.opening([(30, cheek)]) for cheek in (2, 14))
        return left / (left + right)

    def moved(self, before: Look) -> Tensor:
        """How far landmarks lie from where they were, mean over points, in eye distances of before: ``(N,)``."""
        away: Tensor = (self.points - before.points).norm(dim=2).mean(dim=1)
        return away / before.eyes

    def alike(self, other: Look) -> Tensor:
        """The cosine of identities, ``(N,)``."""
        return (self.vectors * other.vectors).sum(dim=1)


class Watcher:
    """Looks at images with ``demo-landmarks`` and ``demo-identity``."""

    def __init__(self) -> None:
        self.landmarks: Any = i2i.extractor("demo-landmarks", device="cpu")
        self.identity: Any = i2i.extractor("demo-identity", device="cpu")

    def look(self, images: Tensor) -> Look:
        """Images ``(N, 3, H, W)`` in [-1, 1] of one face each."""
        import torch

        with torch.no_grad():
            points = self.landmarks(images)
            return Look(images, points, self.identity(self.identity.align(images, points)))


def followed(before: Tensor, after: Tensor, goal: Tensor) -> float:
    """Which share of the way to the goal was gone, by least squares over images: 0 for none, 1 for all of it."""
    return float(((after - before) * (goal - before)).sum() / (goal - before).square().sum())
