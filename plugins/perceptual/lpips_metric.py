"""The metrics ``lpips`` and ``lpips-vgg``."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i
from i2i.toolkit.metrics import MeanOverImages

from .lpips_extractor import Lpips, LpipsVgg


class LpipsMetric(MeanOverImages):
    """Mean LPIPS distance over images, independent of the batches."""

    name = "lpips"
    summary = "Perceptual distance (LPIPS 0.1, AlexNet), mean over images."
    default_for: ClassVar[tuple[str, ...]] = ("evaluate",)
    better: ClassVar[Literal["lower", "higher"]] = "lower"
    network: ClassVar[type[Lpips]] = Lpips

    def __init__(self, device: i2i.Device) -> None:
        super().__init__(device)
        self._lpips = self.network(device)

    @torch.no_grad()
    def score(self, output: Tensor, target: Tensor) -> Tensor:
        return self._lpips.distance(output, target)


class LpipsVggMetric(LpipsMetric):
    """Mean LPIPS distance on VGG16, whose weights must be downloaded."""

    name = "lpips-vgg"
    summary = "Perceptual distance (LPIPS 0.1, VGG16), mean over images."
    network = LpipsVgg
    default_for = ()
