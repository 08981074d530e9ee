"""The extractor ``demo-landmarks``: 68 landmarks of synthetic faces."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i
from i2i.toolkit.images.network_inputs import prepare_images

from ..networks.landmarks import LandmarkNetwork, expected_positions
from ..networks.layers import SIZE
from ..networks.loader import load

MIN_SCORE = 0.5
"""Smallest score at which an image counts as one of a face, 0 to 1."""


class DemoLandmarks(i2i.Extractor):
    """Detects the 68 landmarks of a synthetic face, and whether there is a face."""

    name = "demo-landmarks"
    summary = "68 landmarks of synthetic faces."
    role: ClassVar[Literal["landmarks"]] = "landmarks"
    domain = "synthetic faces"

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the built-in weights, or others of the same network at ``path``.

        Raises:
            i2i.I2IError: the file is missing, cannot be read, or holds another network.
        """
        self._network = load(LandmarkNetwork, self.name, device, path)

    def __call__(self, images: Tensor) -> Tensor:
        """Compute landmarks ``(N, 68, 2)``, x and y in pixels, in iBUG order, of images of one face each.

        Differentiable, in float32 even under autocast. Points are always within the image.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1]; resized to 64 x 64 with antialiasing.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        return self._predict(images)[0]

    def find(self, image: Tensor) -> list[i2i.Face]:
        """Find the face that fills an image; the list is empty where there is no whole, upright face.

        Args:
            image: ``(1, 3, H, W)`` RGB in [-1, 1].

        Returns:
            At most one face; its box bounds its points, and its score is the probability of a face.

        Raises:
            ValueError: the shape is not that of one RGB image.
        """
        if len(image) != 1:
            raise ValueError(f"{self.name} finds the face of one image (1, 3, H, W), got {tuple(image.shape)}")
        with torch.no_grad():
            points, scores = self._predict(image)
        landmarks, score = points[0].cpu(), float(scores[0])
        if score < MIN_SCORE:
            return []
        x0, y0, x1, y1 = (*landmarks.amin(dim=0).tolist(), *landmarks.amax(dim=0).tolist())
        return [i2i.Face((x0, y0, x1, y1), landmarks, score)]

    def _predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute points ``(N, 68, 2)``, pixels of the images, and scores ``(N,)`` in [0, 1]."""
        with torch.autocast(images.device.type, enabled=False):
            heat, face = self._network(prepare_images(images, SIZE, self.name))
            points = expected_positions(heat)
            ratio = points.new_tensor([images.shape[3], images.shape[2]]) / SIZE
            return (points + 0.5) * ratio - 0.5, face.sigmoid()
