"""The encoder of encoder4editing (Tov et al. 2021) as an extractor."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i
from i2i import model_path
from i2i.toolkit.images.network_inputs import check_rgb, resize_images

from .checkpoint import open_checkpoint, read_e4e
from .model_records import FFHQ

SIZE = (256, 256)
SIZE_OF_CARS = (192, 256)
"""Height and width, pixels. Square images of cars have black bars, an eighth of the height each, that are cut off."""


class E4E(i2i.Extractor):
    """Aligned images -> latents from which the generator that the encoder was trained for makes them again."""

    name = "e4e"
    summary = "Latents of aligned photos, by the encoder of encoder4editing."
    role: ClassVar[Literal["encoder"]] = "encoder"
    domain = "faces"
    default = True
    generator_layers = 18
    kinds = {"e4e": read_e4e}

    num_ws: int
    """Rows of a code, as many as the generator takes."""
    size: tuple[int, int]
    """Height and width of the images it was trained on."""

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights of the model ``e4e-ffhq``, or of another checkpoint at ``path``.

        Raises:
            i2i.I2IError: the file is missing, cannot be read, or holds another network.
        """
        network, options = open_checkpoint(model_path(FFHQ) if path is None else path)
        self.num_ws = len(network.styles)
        self.size = SIZE_OF_CARS if str(options.get("dataset_type", "")).startswith("cars") else SIZE
        self._network = network.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, images: Tensor) -> Tensor:
        """Aligned images -> codes ``(N, num_ws, 512)``; differentiable, in float32 even under autocast.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1]; what is not of ``size`` is resized, with antialiasing. Of square
                images the encoder of cars takes the middle three quarters of the height: StyleGAN2 cars renders
                512 x 384 pixels between black bars, and the encoder was trained without them.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        check_rgb(images, self.name)
        with torch.autocast(images.device.type, enabled=False):
            x = images
            if self.size == SIZE_OF_CARS and x.shape[2] == x.shape[3]:
                bar = x.shape[2] // 8
                x = x[:, :, bar : x.shape[2] - bar]
            x = resize_images(x, *self.size)
            codes: Tensor = self._network(x.contiguous(memory_format=torch.channels_last))
            mean = self._network.latent_avg
            return codes if mean is None else codes + mean
