"""Base class of perceptual distances: distances between the features of two images in a frozen network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i
from i2i.toolkit.images.network_inputs import check_rgb

from .trunks import FeatureNetwork

SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
"""The networks' input is ``(images - SHIFT) / SCALE`` by channel, for images in [-1, 1]: ImageNet's means (0.485,
0.456, 0.406) and deviations (0.229, 0.224, 0.225) of images in [0, 1]. LPIPS 0.1 has the same numbers."""
Features = Mapping[str, "Tensor"]
"""Feature maps ``(N, C, h, w)`` by layer."""


class FeatureDistance(i2i.Extractor):
    """A distance between images in the features of a network; differentiable, in float32 even under autocast.

    To compare one target with many images, compute its features once: ``target_features = p.features(target)``, then
    ``p.compare(p.features(images), target_features)``.
    """

    role: ClassVar[Literal["perceptual"]] = "perceptual"
    measure = "lpips"
    advice: ClassVar[str] = "give larger images"
    """What to do where images are too small, for the message."""

    def _set_network(self, trunk: FeatureNetwork, device: i2i.Device) -> None:
        """Move the network to the device."""
        place = torch.device(device)
        # On a CPU a pass forward takes a fifth less time channels last, and one forward and backward 6 % more.
        self._trunk = trunk.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._shift = torch.tensor(SHIFT, device=place).view(1, 3, 1, 1)
        self._scale = torch.tensor(SCALE, device=place).view(1, 3, 1, 1)

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Images ``(N, 3, H, W)`` in [-1, 1] -> the feature maps that ``compare`` takes."""
        raise TypeError(f"{type(self).__name__} must define features(self, images)")

    def compare(self, features: Features, others: Features) -> Tensor:
        """Compute distances ``(N,)`` from the features of N images and those of N others or of one."""
        raise TypeError(f"{type(self).__name__} must define compare(self, features, others)")

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Compute distances ``(N,)`` between images ``(N, 3, H, W)`` in [-1, 1].

        Raises:
            ValueError: the shapes differ or are not those of RGB images.
            i2i.I2IError: the images are too small for the network.
        """
        if x.shape != y.shape:
            raise ValueError(f"{self.name} compares (N, 3, H, W) with the same, got {tuple(x.shape)}, {tuple(y.shape)}")
        return self.compare(self.features(x), self.features(y))

    def _maps(self, images: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Compute feature maps of images in [-1, 1]; the caller switches autocast off."""
        check_rgb(images, self.name)
        height, width = images.shape[2:]
        min_side = self._trunk.min_side(layers)
        if min(height, width) < min_side:
            raise i2i.I2IError(
                f"{self.name} needs images of at least {min_side} x {min_side} pixels, but these are "
                f"{width} x {height}; {self.advice}."
            )
        maps: dict[str, Tensor] = self._trunk((images.float() - self._shift) / self._scale, layers)
        return maps
