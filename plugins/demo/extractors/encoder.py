"""The extractor ``demo-encoder``: synthetic faces -> latent codes of the generator ``demo-faces``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i
from i2i import model_path
from i2i.toolkit.images.network_inputs import prepare_images
from i2i.toolkit.weights.state_dicts import read_state_dict

from ..model_records import record
from ..networks.encoder import EncoderNetwork
from ..networks.layers import SIZE


class DemoEncoder(i2i.Extractor):
    """Encodes aligned synthetic faces as latent codes of the generator ``demo-faces``."""

    name = "demo-encoder"
    summary = "Latents of synthetic faces for the generator demo-faces."
    role: ClassVar[Literal["encoder"]] = "encoder"
    domain = "synthetic faces"

    num_ws: int
    """Layers of a latent code."""
    w_dim: int
    """Dimension of each layer."""
    size: tuple[int, int]
    """Height and width of the training images, pixels."""

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the built-in weights, or others of the same network at ``path``.

        Raises:
            i2i.I2IError: the file is missing, cannot be read, or holds another network.
        """
        path = model_path(record(self.name)) if path is None else path
        state = read_state_dict(path)
        try:
            network = EncoderNetwork.from_tensors(state)
        except i2i.I2IError as error:
            raise i2i.I2IError(f"{path}: {error}") from None
        self.num_ws, self.w_dim, self.size = network.num_ws, len(network.w_mean), (SIZE, SIZE)
        self._network = network.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, images: Tensor) -> Tensor:
        """Encode aligned images as latent codes ``(N, num_ws, w_dim)``; differentiable, in float32 even under autocast.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1]; resized to ``size`` with antialiasing.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        with torch.autocast(images.device.type, enabled=False):
            latents: Tensor = self._network(prepare_images(images, SIZE, self.name))
        return latents
