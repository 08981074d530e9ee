"""The extractor ``faceplugin-identity``: identity embeddings by ``fr_feature``, a small network trained as ArcFace."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i import model_path
from i2i.toolkit.faces.five_points import ALIGNED_SIZE, align_faces
from i2i.toolkit.images.network_inputs import prepare_images

from .model_records import IDENTITY_MODEL
from .network import load_onnx_network


class FaceIdentity(i2i.Extractor):
    """Identity embeddings of aligned faces; the product of two is their identity similarity (cosine)."""

    name = "faceplugin-identity"
    summary = "Identity embeddings of aligned faces, by a network of 4.9 MB of Faceplugin."
    role: ClassVar[Literal["identity"]] = "identity"
    domain = "faces"
    models = ("faceplugin-identity",)

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights of the model ``faceplugin-identity``, or another ``fr_feature.onnx`` at ``path``.

        Raises:
            i2i.I2IError: the file is missing, damaged, or holds another network.
        """
        path = model_path(IDENTITY_MODEL) if path is None else path
        network = load_onnx_network(path, (1, 3, ALIGNED_SIZE, ALIGNED_SIZE), 1)
        self._network = network.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, images: Tensor) -> Tensor:
        """Embed aligned faces as unit vectors ``(N, 512)``; differentiable, in float32 even under autocast.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1]; resized to 112 x 112 with antialiasing.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        with torch.autocast(images.device.type, enabled=False):
            x = prepare_images(images, ALIGNED_SIZE, self.name)
            (embeddings,) = self._network(((x + 1) * 127.5 - 127) / 128)
            return F.normalize(embeddings)

    def align(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Align images ``(N, 3, H, W)`` by landmarks ``(N, 5 or 68, 2)``, pixels: ``(N, 3, 112, 112)``."""
        return align_faces(images, landmarks)
