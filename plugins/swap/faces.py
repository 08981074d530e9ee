"""Faces in images: the region of the face, the tone of its skin, and its identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import torch

import i2i
from i2i.toolkit.faces.landmarks import eye_distance

if TYPE_CHECKING:
    from torch import Tensor

FOREHEAD = 0.5
"""Height of the forehead as a fraction of the distance from mouth to eyes: landmarks end at the brows."""


def face_region(landmarks: Tensor, side: int, grow: float, feather: float, forehead: float = FOREHEAD) -> Tensor:
    """Return the mask of the face, ``(N, 1, side, side)``: 1 inside, 0 outside, with a soft edge.

    Args:
        landmarks: ``(N, 68, 2)`` x, y pixels, (0, 0) is the centre of the upper left one.
        side: Resolution of the images, pixels.
        grow: Margin of the face around the hull of its landmarks, eye distances.
        feather: Width of the soft edge around it, eye distances.
        forehead: Height of the forehead; see ``FOREHEAD``.
    """
    eyes = eye_distance(landmarks).view(-1, 1, 1)
    hulls = with_forehead(landmarks, forehead).detach().cpu()
    beyond = torch.stack([_hull_distance(hull, side) for hull in hulls]).to(landmarks)
    edge = ((grow + feather - beyond / eyes) / feather).clamp(0, 1)
    region: Tensor = (edge * edge * (3 - 2 * edge))[:, None]
    return region


def with_forehead(landmarks: Tensor, height: float = FOREHEAD) -> Tensor:
    """Add the brows once more, moved up: ``(N, 68, 2)`` -> ``(N, 78, 2)``."""
    eyes, mouth = landmarks[:, 36:48].mean(dim=1), landmarks[:, 48:60].mean(dim=1)
    return torch.cat([landmarks, landmarks[:, 17:27] + height * (eyes - mouth)[:, None]], dim=1)


def _hull_distance(points: Tensor, side: int) -> Tensor:
    """Return signed distances ``(side, side)`` of pixels to the hull of ``(K, 2)`` points; negative inside.

    It is the largest distance to the lines along the sides of the hull, a little too small at its corners.
    """
    hull = torch.from_numpy(cv2.convexHull(np.ascontiguousarray(points.numpy(), np.float32))[:, 0])
    edges = hull.roll(-1, 0) - hull
    outward = torch.stack([edges[:, 1], -edges[:, 0]], dim=1) / edges.norm(dim=1, keepdim=True).clamp_min(1e-6)
    if ((hull - hull.mean(dim=0)) * outward).sum() < 0:  # the hull is listed in the other direction
        outward = -outward
    line = torch.arange(side, dtype=torch.float32)
    pixels = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1)  # (side, side, 2): x, y
    beyond: Tensor = (pixels @ outward.T - (hull * outward).sum(dim=1)).amax(dim=-1)
    return beyond


EDGE = 0.1
"""Width of the soft edge of the skin around the landmarks, eye distances: small, because hair is not skin."""


class People(NamedTuple):
    """Identities and skin tones of N people in images."""

    vectors: Tensor
    """Identities, unit vectors ``(N, F)``."""
    tones: Tensor
    """Mean colours of their faces, ``(N, 3)`` in [-1, 1]."""

    def select(self, numbers: Sequence[int]) -> People:
        """Return some of them, in the order of ``numbers``."""
        return People(self.vectors[list(numbers)], self.tones[list(numbers)])


def read_people(scene: i2i.Scene, images: Tensor) -> People:
    """Read the people in ``images (N, 3, R, R)`` in [-1, 1], without gradients."""
    identity: i2i.IdentityExtractor = scene.extractors["identity"]
    with torch.no_grad():
        points = scene.extractors["landmarks"](images)
        return People(
            identity(identity.align(images, points)), mean_colour(images, skin_region(points, images.shape[3]))
        )


def skin_region(landmarks: Tensor, side: int, feather: float = EDGE) -> Tensor:
    """Return the region of mostly skin, brows to chin, ``(N, 1, side, side)``; see ``face_region``."""
    return face_region(landmarks, side, 0.0, feather, forehead=0.0)


def mean_colour(images: Tensor, region: Tensor) -> Tensor:
    """Return the mean colours ``(N, 3)`` of images ``(N, 3, R, R)`` where ``region (N, 1, R, R)`` is 1."""
    total: Tensor = (images * region).sum(dim=(2, 3))
    return total / region.sum(dim=(2, 3)).clamp_min(1e-6)
