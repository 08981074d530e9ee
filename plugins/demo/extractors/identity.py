"""The extractor ``demo-identity``: identity embeddings of synthetic faces."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i.toolkit.images.network_inputs import prepare_images

from ..networks.identity import IdentityNetwork
from ..networks.layers import SIZE
from ..networks.loader import load
from .alignment import align


class DemoIdentity(i2i.Extractor):
    """Embeddings of synthetic faces: the product of two is their identity similarity (cosine)."""

    name = "demo-identity"
    summary = "Identity embeddings of synthetic faces."
    role: ClassVar[Literal["identity"]] = "identity"
    domain = "synthetic faces"

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the built-in weights, or others of the same network at ``path``.

        Raises:
            i2i.I2IError: the file is missing, cannot be read, or holds another network.
        """
        self._network = load(IdentityNetwork, self.name, device, path)

    def __call__(self, images: Tensor) -> Tensor:
        """Embed aligned faces as unit vectors ``(N, 128)``; differentiable, in float32 even under autocast.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1]; resized to 64 x 64 with antialiasing.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        with torch.autocast(images.device.type, enabled=False):
            return F.normalize(self._network(prepare_images(images, SIZE, self.name)))

    def align(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Align eyes and mouth to the layout of the network; differentiable in the images.

        Args:
            images: ``(N, 3, H, W)`` in [-1, 1].
            landmarks: ``(N, 68, 2)``, pixels of the images.

        Returns:
            ``(N, 3, 64, 64)`` float32.

        Raises:
            ValueError: images or landmarks have another shape.
        """
        return align(images, landmarks, self._network.layout)
