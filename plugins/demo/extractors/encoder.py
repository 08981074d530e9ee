"""The encoder of the embedded world: drawn faces -> latents of the generator ``demo-faces``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i
from i2i import model_path
from i2i.toolkit.weights.state_dicts import read_state_dict

from ..networks.encoder import Encoder
from ..networks.layers import SIZE, prepare
from ..records import record


class DemoEncoder(i2i.Extractor):
    """Aligned drawn faces -> latents from which the generator ``demo-faces`` makes them again."""

    name = "demo-encoder"
    summary = "Latents of drawn faces for the generator demo-faces."
    role: ClassVar[Literal["encoder"]] = "encoder"
    domain = "drawn faces"

    num_ws: int
    """Rows of a latent, as many as the generator takes."""
    w_dim: int
    """Numbers of a row."""
    size: tuple[int, int]
    """Height and width of the pictures it was trained on."""

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights that come with i2i, or others of the same network at ``path``.

        Raises:
            i2i.I2IError: the file is not there, cannot be read, or holds something else.
        """
        path = model_path(record(self.name)) if path is None else path
        state = read_state_dict(path)
        try:
            network = Encoder.from_tensors(state)
        except i2i.I2IError as error:
            raise i2i.I2IError(f"{path}: {error}") from None
        self.num_ws, self.w_dim, self.size = network.num_ws, len(network.w_mean), (SIZE, SIZE)
        self._network = network.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, pictures: Tensor) -> Tensor:
        """Aligned pictures -> latents ``(N, num_ws, w_dim)``; differentiable, in float32 also under autocast.

        Args:
            pictures: ``(N, 3, H, W)`` RGB in [-1, 1]; what is not of ``size`` is resized, with antialiasing.

        Raises:
            ValueError: these are no RGB pictures.
        """
        with torch.autocast(pictures.device.type, enabled=False):
            latents: Tensor = self._network(prepare(pictures, self.name))
        return latents
