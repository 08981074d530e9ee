"""Who is who: the identity that a network sees in a picture, and the tone of the skin that is seen there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

import i2i

from .region import face_region

if TYPE_CHECKING:
    from torch import Tensor

EDGE = 0.1
"""Over how much the skin that is looked at fades beyond the landmarks, in eye distances: hair is no skin."""


class People(NamedTuple):
    """N people, as their pictures show them."""

    vectors: Tensor
    """Their identities, unit vectors ``(N, F)``."""
    tones: Tensor
    """Mean colours of their faces, ``(N, 3)`` in [-1, 1]."""

    def chosen(self, numbers: Sequence[int]) -> People:
        """Some of them, in the order of ``numbers``."""
        return People(self.vectors[list(numbers)], self.tones[list(numbers)])


def people_in(scene: i2i.Scene, pictures: Tensor) -> People:
    """Whom the pictures ``(N, 3, R, R)`` in [-1, 1] show, without gradients."""
    identity: Any = scene.extractors["identity"]
    with torch.no_grad():
        points = scene.extractors["landmarks"](pictures)
        return People(identity(identity.align(pictures, points)), tone(pictures, skin(points, pictures.shape[3])))


def skin(landmarks: Tensor, side: int, feather: float = EDGE) -> Tensor:
    """Where a face is skin for the most part, brows to chin, ``(N, 1, side, side)``; as ``face_region``."""
    return face_region(landmarks, side, 0.0, feather, forehead=0.0)


def tone(pictures: Tensor, region: Tensor) -> Tensor:
    """The mean colour ``(N, 3)`` of pictures ``(N, 3, R, R)`` where ``region`` ``(N, 1, R, R)`` is 1."""
    total: Tensor = (pictures * region).sum(dim=(2, 3))
    return total / region.sum(dim=(2, 3)).clamp_min(1e-6)
