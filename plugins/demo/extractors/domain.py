"""The extractor ``demo-domain``: whether images are synthetic faces, which ``demo-faces`` can render."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i
from i2i.toolkit.images.network_inputs import prepare_images

from ..model_records import DOMAIN
from ..networks.layers import SIZE
from .encoder import DemoEncoder

THRESHOLD = 5.0
"""Signal-to-noise ratio, dB, at which an image counts as a synthetic face. Rendered faces at 64 to 256 px have a median
of 11 and one in a hundred less than 5, samples of ``demo-faces`` at psi 1 have 8 and more; of real photographs, faces
aligned as in FFHQ and blurred ones among them, none has more than 4.9."""


class DemoDomain(i2i.Extractor):
    """Compares images with what ``demo-encoder`` and ``demo-faces`` make of them, in relation to their contrast."""

    name = "demo-domain"
    summary = "Whether images are synthetic faces."
    role: ClassVar[Literal["domain"]] = "domain"
    domain = DOMAIN

    def __init__(self, device: i2i.Device) -> None:
        """Load the built-in encoder and generator."""
        self._encoder = DemoEncoder(device)
        self._generator = i2i.generator("demo-faces", str(device))

    def __call__(self, images: Tensor) -> Tensor:
        """Return by image how sure it is, ``(N,)`` in [0, 1]: 0.5 at ``THRESHOLD``, and steep.

        Args:
            images: ``(N, 3, S, S)`` RGB in [-1, 1]; resized to 64 x 64 with antialiasing.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        with torch.autocast(images.device.type, enabled=False):
            small = prepare_images(images, SIZE, self.name)
            error = (small - self._generator.render(self._encoder(small)).clamp(-1, 1)).square().mean(dim=(1, 2, 3))
            contrast = (small - small.mean(dim=(2, 3), keepdim=True)).square().mean(dim=(1, 2, 3))
        ratio = 10 * (contrast.clamp_min(1e-8) / error.clamp_min(1e-8)).log10()
        return (ratio - THRESHOLD).sigmoid()
