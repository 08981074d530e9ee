"""The metrics ``lpips`` and ``lpips-vgg``."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i

from .lpips_extractor import Lpips, LpipsVgg


class LpipsMetric(i2i.Metric):
    """Mean LPIPS distance over images, independent of the batches."""

    name = "lpips"
    summary = "Perceptual distance (LPIPS 0.1, AlexNet), mean over images."
    default_for: ClassVar[tuple[str, ...]] = ("evaluate",)
    better: ClassVar[Literal["lower", "higher"]] = "lower"
    network: ClassVar[type[Lpips]] = Lpips

    def __init__(self, device: i2i.Device) -> None:
        self._lpips = self.network(device)
        self._distances: list[Tensor] = []

    def update(self, output: Tensor, target: Tensor) -> None:
        """Compare a batch: both ``(N, 3, H, W)`` float32 in [-1, 1], large enough for the network."""
        with torch.no_grad():
            self._distances.append(self._lpips.distance(output, target))

    @property
    def per_picture(self) -> list[float]:
        """One distance for each image, in the order of the batches."""
        return [value for batch in self._distances for value in batch.tolist()]

    def compute(self) -> float:
        """Compute the mean over images, summed in float64.

        Raises:
            i2i.I2IError: no image was compared.
        """
        distances = self.per_picture
        if not distances:
            raise i2i.I2IError(f"The metric {self.name} has seen no images; choose a split that holds some.")
        return sum(distances) / len(distances)


class LpipsVggMetric(LpipsMetric):
    """Mean LPIPS distance on VGG16, whose weights must be downloaded."""

    name = "lpips-vgg"
    summary = "Perceptual distance (LPIPS 0.1, VGG16), mean over images."
    network = LpipsVgg
    default_for = ()
