"""VGG16 (Simonyan and Zisserman, "Very Deep Convolutional Networks", 2014) as a feature extractor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

import i2i
from i2i import did_you_mean

from .feature_distance import FeatureDistance, Features
from .trunks import open_vgg16

IMAGE2STYLEGAN = ("conv1_1", "conv1_2", "conv3_2", "conv4_2")
"""The layers of the perceptual loss of Abdal et al., "Image2StyleGAN", 2019, before their ReLUs."""


class Vgg16(FeatureDistance):
    """Feature maps of VGG16, and the perceptual loss of Image2StyleGAN.

    Abdal et al. compute that loss on images of 256 x 256 pixels; resize larger ones first.
    """

    name = "vgg16"
    summary = "Feature maps of VGG16, and the perceptual loss of Image2StyleGAN."

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights of the model ``vgg16``, or of another file with torchvision's names at ``path``.

        Raises:
            i2i.I2IError: the file is missing, cannot be read, or holds another network.
        """
        self._set_network(open_vgg16(path), device)

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of all layers, in the order of the network: conv1_1, relu1_1, ..., pool1, ..., relu5_3, pool5."""
        names: tuple[str, ...] = self._trunk.names
        return names

    def features(self, images: Tensor, layers: Sequence[str] = IMAGE2STYLEGAN) -> dict[str, Tensor]:
        """Images ``(N, 3, H, W)`` in [-1, 1] -> feature maps ``(N, C, h, w)`` by layer, up to the deepest.

        Raises:
            ValueError: the shape is not that of RGB images.
            i2i.UsageError: there is no such layer; the message names similar ones.
            i2i.I2IError: the images are too small for the deepest layer.
        """
        for layer in layers:
            if layer not in self.layers:
                raise i2i.UsageError(f"VGG16 has no layer {layer!r}.{did_you_mean(layer, self.layers)}")
        with torch.autocast(images.device.type, enabled=False):
            return self._maps(images, layers)

    def compare(self, features: Features, others: Features) -> Tensor:
        """Compute the mean squared difference of feature maps, summed over the layers: ``(N,)``."""
        with torch.autocast(self._shift.device.type, enabled=False):
            terms = [(each - others[layer]).square().mean(dim=(1, 2, 3)) for layer, each in features.items()]
            return torch.stack(terms).sum(dim=0)
