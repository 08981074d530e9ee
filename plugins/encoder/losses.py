"""Losses of encoders: distances of latents, of reconstructions as images, and of identities."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i


def latent_distance(found: Tensor, true: Tensor, scale: Tensor) -> Tensor:
    """Return the mean squared difference of latents in units of the spread of w: 1 for the mean in place of a sample.

    Args:
        found, true: ``(N, num_ws, w_dim)``.
        scale: Standard deviation of one element of w, a scalar.
    """
    return F.mse_loss(found, true) / scale.square()


def image_distances(reconstructions: Tensor, images: Tensor, lpips: Any) -> dict[str, Tensor]:
    """Return ``pixels``, the mean squared difference of images in [-1, 1], and ``lpips``, the mean perceptual distance.

    Args:
        reconstructions, images: ``(N, 3, S, S)``.
        lpips: An ``i2i.PerceptualExtractor``.
    """
    return {
        "pixels": F.mse_loss(reconstructions, images),
        "lpips": lpips.distance(reconstructions, images).mean(),
    }


class IdentityDistance:
    """One minus the identity similarity of reconstructions and images, by networks for the domain of a generator."""

    def __init__(self, identity: Any, landmarks: Any) -> None:
        self.identity, self.landmarks = identity, landmarks
        self.name: str = identity.name

    @classmethod
    def open(cls, domain: str | None, device: i2i.Device) -> IdentityDistance | None:
        """Open the networks for a domain; None where there are none, or they are not downloaded."""
        registry = i2i.load_registry()
        if domain is None or not all(registry.where("extractor", role=role, domain=domain) for role in _ROLES):
            return None
        try:
            identity, landmarks = (i2i.extractor(role, device, domain) for role in _ROLES)
        except i2i.I2IError:
            return None
        return cls(identity, landmarks) if identity.differentiable else None

    def __call__(self, reconstructions: Tensor, images: Tensor) -> Tensor:
        """Return the mean distance, a scalar; faces of both are aligned by the landmarks of ``images``.

        Args:
            reconstructions, images: ``(N, 3, S, S)`` in [-1, 1].
        """
        with torch.no_grad():
            points = self.landmarks(images)
            wanted = self.identity(self.identity.align(images, points))
        found = self.identity(self.identity.align(reconstructions, points))
        return 1 - (found * wanted).sum(dim=1).mean()


_ROLES = ("identity", "landmarks")
