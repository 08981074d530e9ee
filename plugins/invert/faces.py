"""The difference of faces in images from those in photos: landmarks, identity, and where in the photo they count."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

import i2i
from i2i.toolkit.faces.landmarks import eye_distance
from i2i.toolkit.latents.features import passes_gradients

from .methods import Method

HEAD_WIDTH, HEAD_HEIGHT = 1.45, 1.75
"""Axes of an ellipse around the head with its hair, relative to the box of its landmarks."""
HEAD_SHIFT = 0.125
"""Height of its centre above that of the box, as a fraction of the height of the box."""
EDGE = 12.0
"""Steepness of the edge of the ellipse, which is soft over a quarter of its axes."""


def head_weights(points: Tensor, side: int, background: float) -> Tensor:
    """Return weights ``(N, 1, side, side)``: 1 within the head, ``background`` far from it, and between at its edge.

    Args:
        points: Landmarks ``(N, 68, 2)``, pixels.
    """
    low, high = points.amin(dim=1), points.amax(dim=1)
    centres, axes = (low + high) / 2, (high - low) / 2 * points.new_tensor([HEAD_WIDTH, HEAD_HEIGHT])
    centres = centres - (high - low) * points.new_tensor([0, HEAD_SHIFT])
    pixels = torch.arange(side, device=points.device, dtype=points.dtype)
    x, y = ((pixels - centres[:, i, None]) / axes[:, i, None].clamp_min(1) for i in (0, 1))
    radii = (x[:, None, :].square() + y[:, :, None].square()).sqrt()[:, None]
    return torch.lerp(torch.full_like(radii, background), torch.ones_like(radii), torch.sigmoid(EDGE * (1 - radii)))


def knows_faces(scene: i2i.Scene, images: Tensor) -> bool:
    """Return whether networks of landmarks and identity for images ``(N, 3, R, R)`` like these are downloaded."""
    return "identity" in scene.compare(images[:1], images[:1])[0]


@dataclass
class FaceLoss:
    """The difference of the faces in images from those in N photos."""

    method: Method
    landmarks: i2i.LandmarkExtractor
    identity: i2i.IdentityExtractor
    points: Tensor
    """Landmarks of the photos, ``(N, 68, 2)`` pixels."""
    vectors: Tensor
    """Identities of the photos, ``(N, F)``."""
    targets: Tensor
    """The photos, ``(N, 3, R, R)``."""
    weights: Tensor
    """How much the parts of the photos count, ``(N, 1, R, R)``."""

    @classmethod
    def find(cls, scene: i2i.Scene, method: Method, targets: Tensor) -> FaceLoss | None:
        """Read the faces in ``targets (N, 3, R, R)``; None where the method does not, or no network can.

        The networks must know what the photos show, have their weights here, and pass gradients.
        """
        if not (method.compares_faces and knows_faces(scene, targets)):
            return None
        landmarks, identity = scene.extractors["landmarks"], scene.extractors["identity"]
        with torch.no_grad():
            # One photo at a time: what is read of it must be equal to the bit, whatever the other photos are.
            points = torch.cat([landmarks(photo) for photo in targets.split(1)])
            faces = zip(targets.split(1), points.split(1), strict=True)
            vectors = torch.cat([identity(identity.align(photo, found)) for photo, found in faces])
        weights = head_weights(points, targets.shape[-1], method.background_weight)
        loss = cls(method, landmarks, identity, points, vectors, targets, weights)
        return loss if passes_gradients(lambda images: torch.cat(loss.terms(images)), targets) else None

    def fade_background(self, images: Tensor) -> Tensor:
        """Blend images ``(N, 3, R, R)`` with the photos around the heads, where differences then count less."""
        return torch.lerp(self.targets, images, self.weights)

    def weighted_terms(self, images: Tensor) -> dict[str, Tensor]:
        """Compute the weighted terms of the loss by name, ``(N,)`` each, without those of weight 0."""
        distances, dissimilarities = self.terms(images)
        weighted = {
            "landmarks": (self.method.landmark_weight, distances),
            "identity": (self.method.identity_weight, dissimilarities),
        }
        return {name: weight * term for name, (weight, term) in weighted.items() if weight}

    def terms(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute, for images ``(N, 3, R, R)``, two terms ``(N,)``.

        Returns:
            The mean squared distance of the landmarks in distances of the eyes, and 1 - the cosine similarity of the
            identities.
        """
        found = self.landmarks(images)
        squared = (found - self.points).square().sum(dim=2).mean(dim=1)
        # Aligned by the landmarks of the photo, as those of early images may lie anywhere.
        vectors = self.identity(self.identity.align(images, self.points))
        return squared / eye_distance(self.points).square(), 1 - (vectors * self.vectors).sum(dim=1)

    def select(self, samples: Tensor) -> None:
        """Keep the photos of some samples only."""
        self.points, self.vectors = self.points[samples], self.vectors[samples]
        self.targets, self.weights = self.targets[samples], self.weights[samples]
