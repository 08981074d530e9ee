"""How an encoder knows the generator that it was trained for: by the mean of w, and the image of that.

The checksum of a file would not do: the same generator may lie in files of several formats.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

import i2i
from i2i.toolkit.images.network_inputs import resize_images
from i2i.toolkit.latents.statistics import component_std

from .network import THUMBNAIL, TrainedNetwork

LARGEST_DIFFERENCE = 0.02
"""Of the mean images, on the scale [-1, 1], and of the means of w in units of its standard deviation: devices and
precisions differ by less, other generators by more."""


@dataclass(frozen=True)
class Fingerprint:
    """What tells generators apart, on the CPU."""

    num_ws: int
    w_mean: Tensor
    """``(w_dim,)``."""
    w_scale: float
    """Standard deviation of one element of w."""
    mean_image: Tensor
    """The image of ``w_mean``, ``(3, 16, 16)``."""

    @classmethod
    @torch.no_grad()
    def of(cls, generator: i2i.Generator) -> Fingerprint:
        """Compute it by rendering one image."""
        mean = generator.w_mean.float()
        image = generator.render(mean.expand(1, generator.num_ws, -1)).float().clamp(-1, 1).expand(-1, 3, -1, -1)
        scale = component_std(generator)
        return cls(generator.num_ws, mean.cpu(), scale, resize_images(image, THUMBNAIL, THUMBNAIL)[0].cpu())

    @classmethod
    def stored(cls, network: TrainedNetwork) -> Fingerprint:
        """Return that of the generator which an encoder was trained for."""
        return cls(network.num_ws, network.w_mean.cpu(), float(network.w_scale), network.mean_image.cpu())

    def fits(self, other: Fingerprint) -> bool:
        """Return whether both are of the same generator."""
        if self.num_ws != other.num_ws or self.w_mean.shape != other.w_mean.shape:
            return False
        means = float((self.w_mean - other.w_mean).abs().max()) / max(self.w_scale, 1e-12)
        images = float((self.mean_image - other.mean_image).abs().max())
        return max(means, images) <= LARGEST_DIFFERENCE
