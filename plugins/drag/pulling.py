"""What pulls besides features: the places of landmarks, read off the pictures, and the person that is to stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from i2i.toolkit.faces.landmarks import eye_distance

from .handles import Handles
from .rows import Rows

if TYPE_CHECKING:
    from torch import Tensor

GUIDE_WEIGHT, STAY_WEIGHT = 1.0, 75.0
"""Of landmarks that go, and of those that stay. A tenth of the way missed counts as much as all that stay being off by
about a hundredth of the eye distance."""
BLOCKS = 8
"""Along either axis."""
SMALL = 0.02
"""Drifts of colour that count less, on the scale [-1, 1]: two or three grey values."""


@dataclass(frozen=True)
class LandmarkLoss(Rows):
    """How far landmarks are from where they are to go, and from where they are to stay."""

    goals: Tensor
    """``(N, 68, 2)`` pixels."""
    weights: Tensor
    """``(N, 68)``, of the squared distance to each; 0 for landmarks that may be anywhere."""

    @classmethod
    def of(cls, points: Tensor, handles: Handles, stay: Tensor) -> LandmarkLoss:
        """Of one picture: ``points (68, 2)`` at the start; ``stay (S,)``, indices of those that stay."""
        tied = handles.landmarks >= 0
        indices, goals, weights = handles.landmarks[tied], points.clone(), torch.zeros_like(points[:, 0])
        goals[indices] = handles.targets[tied]
        weights[indices] = GUIDE_WEIGHT / handles.ways[tied].square().sum().clamp_min(1e-6)
        weights[stay] = STAY_WEIGHT / (eye_distance(points).square() * max(1, len(stay)))
        return cls(goals[None], weights[None])

    def __call__(self, points: Tensor) -> Tensor:
        """Of ``points (N, 68, 2)`` now, ``(N,)``: 1 at the start."""
        return ((points - self.goals).square().sum(dim=-1) * self.weights).sum(dim=1)


@dataclass(frozen=True)
class PersonLoss(Rows):
    """How far faces have become another person's: 1 less the cosine of identities."""

    identity: Any
    """An extractor of that role."""
    weight: float
    before: Tensor
    """Whom the pictures showed, ``(N, F)``."""

    @classmethod
    def of(cls, identity: Any, weight: float, pictures: Tensor, points: Tensor) -> PersonLoss:
        """Of ``pictures (N, 3, R, R)`` with the faces ``points (N, 68, 2)``."""
        with torch.no_grad():
            return cls(identity, weight, identity(identity.align(pictures, points)))

    def __call__(self, pictures: Tensor, points: Tensor) -> Tensor:
        """Of pictures ``(N, 3, R, R)`` with the faces ``(N, 68, 2)``: ``(N,)``."""
        vectors: Tensor = self.identity(self.identity.align(pictures, points))
        return self.weight * (1 - (vectors * self.before).sum(dim=1))


@dataclass(frozen=True)
class ColourLoss(Rows):
    """How far colours have drifted, seen from afar: the mean difference of means over blocks of the picture.

    A landmark network sees lips in a skin that turned red, and finds such skin sooner than a smile. A face may move
    within a block, and its mouth open, at little cost.
    """

    weight: float
    before: Tensor
    """Means of the pictures' blocks, ``(N, 3, BLOCKS, BLOCKS)``."""

    @classmethod
    def of(cls, weight: float, pictures: Tensor) -> ColourLoss:
        """Of ``pictures (N, 3, R, R)``."""
        return cls(weight, F.adaptive_avg_pool2d(pictures, BLOCKS))

    def __call__(self, pictures: Tensor) -> Tensor:
        """Of pictures ``(N, 3, R, R)``: ``(N,)``."""
        now = F.adaptive_avg_pool2d(pictures, BLOCKS)
        # Square near 0: the sign of what is but rounding would be a step of Adam.
        return self.weight * F.smooth_l1_loss(now, self.before, beta=SMALL, reduction="none").mean(dim=(1, 2, 3))


@dataclass(frozen=True)
class Pull(Rows):
    """What pulls handles of landmarks besides features."""

    read: Callable[[Tensor], Tensor]
    """Pictures ``(N, 3, R, R)`` -> landmarks ``(N, 68, 2)``, passing gradients."""
    loss: LandmarkLoss
    person: PersonLoss | None
    """What keeps each face the same person's,"""
    colour: ColourLoss
    """and its colours."""
    starts: Tensor
    """The pictures ``(N, 3, R, R)`` that are edited,"""
    over: Tensor | None
    """and the masks ``(N, 1, R, R)`` outside which they are given back: what is looked at is what the user will get."""

    def __call__(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Of what the generator draws: the landmarks ``(N, 68, 2)``, and the losses ``(N,)``."""
        given = blended(pictures, self.starts, self.over)
        landmarks = self.read(given)
        # Of the whole drawn picture, so that what is given back around the mask fits to it.
        losses = self.loss(landmarks) + self.colour(pictures)
        if self.person is not None:
            losses = losses + self.person(given, landmarks.detach())
        return landmarks, losses


def blended(pictures: Tensor, starts: Tensor, mask: Tensor | None) -> Tensor:
    """``pictures`` where the mask is 1, ``starts`` where it is 0; all ``(N, ., R, R)``."""
    return pictures if mask is None else starts + mask * (pictures - starts)
