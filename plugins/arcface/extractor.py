"""ArcFace (Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", 2019) as an extractor."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import i2i
from i2i import model_path
from i2i.toolkit.faces.five_points import ALIGNED_SIZE, align_faces
from i2i.toolkit.images.network_inputs import prepare_images
from i2i.toolkit.weights.state_dicts import read_state_dict

from .model_records import MODEL
from .network import IResNet


def read_arcface(state: dict[str, Tensor]) -> nn.Module:
    """Build iresnet18, 34, 50, 100 or 200 from a state dict with the keys of arcface_torch's ``backbone.pth``."""
    return IResNet.from_state(state)


class ArcFace(i2i.Extractor):
    """Identity embeddings of aligned faces; the product of two is their identity similarity (cosine)."""

    name = "arcface"
    summary = "Identity embeddings of aligned faces, ArcFace on iresnet50."
    role: ClassVar[Literal["identity"]] = "identity"
    domain = "faces"
    default = True
    models = ("arcface-r50",)
    kinds = {"arcface": read_arcface}

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights of the model ``arcface-r50``, or of another ``backbone.pth`` at ``path``.

        Raises:
            i2i.I2IError: the file is missing, cannot be read, or holds another network.
        """
        path = model_path(MODEL) if path is None else path
        state = read_state_dict(path)
        try:
            network = IResNet.from_state(state).fold()
        except i2i.I2IError as error:
            raise i2i.I2IError(f"{path}: {error}") from None
        # On a CPU, channels last saves a tenth of the time, and folding the normalisations 5 to 8 % of the rest.
        self._network = network.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, images: Tensor) -> Tensor:
        """Embed aligned faces as unit vectors ``(N, 512)``; differentiable, in float32 even under autocast.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1]; resized to 112 x 112 with antialiasing.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        with torch.autocast(images.device.type, enabled=False):
            return F.normalize(self._network(prepare_images(images, ALIGNED_SIZE, self.name)))

    def align(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Align images ``(N, 3, H, W)`` by landmarks ``(N, 5 or 68, 2)``, pixels: ``(N, 3, 112, 112)``."""
        return align_faces(images, landmarks)
