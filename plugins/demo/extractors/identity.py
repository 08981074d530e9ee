"""The identity network of the embedded world as an extractor."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i

from ..networks.identity import Identity
from ..networks.layers import prepare
from ..networks.loading import load
from .alignment import align


class DemoIdentity(i2i.Extractor):
    """Embeddings of drawn faces: those of one person point the same way. The product of two is their likeness."""

    name = "demo-identity"
    summary = "Identity embeddings of drawn faces."
    role: ClassVar[Literal["identity"]] = "identity"
    domain = "drawn faces"

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights that come with i2i, or others of the same network at ``path``.

        Raises:
            i2i.I2IError: the file is not there, cannot be read, or holds something else.
        """
        self._network = load(Identity, self.name, device, path)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Aligned faces -> unit vectors ``(N, 128)``; differentiable, computed in float32 also under autocast.

        Args:
            pictures: ``(N, 3, H, W)`` RGB in [-1, 1]; other sizes than 64 x 64 are resized, with antialiasing.

        Raises:
            ValueError: these are no RGB pictures.
        """
        with torch.autocast(pictures.device.type, enabled=False):
            return F.normalize(self._network(prepare(pictures, self.name)))

    def align(self, pictures: Tensor, landmarks: Tensor) -> Tensor:
        """Bring eyes and mouth to where the network expects them; differentiable in the pictures.

        Args:
            pictures: ``(N, 3, H, W)`` in [-1, 1].
            landmarks: ``(N, 68, 2)``, pixels of the pictures.

        Returns:
            ``(N, 3, 64, 64)`` float32.

        Raises:
            ValueError: the shapes are others.
        """
        return align(pictures, landmarks, self._network.layout)
