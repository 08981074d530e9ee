"""Small pictures of an image from its feature maps, so that networks guide a drag at a low cost.

An image of 1024 px and its gradient take several times as long as the feature maps that a drag needs anyway. At the
resolution of these maps a linear function of their channels shows the same picture: it is fitted to the image by least
squares, at the start and again every few steps, as it holds near the image to which it was fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from .batched import Batched

if TYPE_CHECKING:
    from torch import Tensor

RIDGE = 1e-4
"""Weight of the squared coefficients, relative to the mean square of the channels."""


@dataclass(frozen=True)
class Preview(Batched):
    """A linear function of feature maps for each image."""

    coefficients: Tensor
    """``(N, C + 1, 3)``; the last row is the constant."""

    @classmethod
    def fit(cls, maps: Tensor, images: Tensor) -> Preview:
        """Fit ``images (N, 3, R, R)``, averaged to the resolution of ``maps (N, C, r, r)``."""
        targets = downsample(images, maps.shape[-1]).flatten(2).mT
        inputs = F.pad(maps.detach().float().flatten(2).mT, (0, 1), value=1.0)
        # Small, and singular in float32 where channels are alike; some devices lack float64.
        products, sides = (
            (inputs.mT @ other).cpu().double() / inputs.shape[1] for other in (inputs, targets.to(inputs))
        )
        scale = products.diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None]
        ridge = RIDGE * scale * torch.eye(products.shape[1], dtype=products.dtype)
        return cls(torch.linalg.solve(products + ridge, sides).to(inputs))

    def __call__(self, maps: Tensor) -> Tensor:
        """Return the pictures ``(N, 3, r, r)`` of ``maps (N, C, r, r)``, with gradients."""
        pictures = torch.einsum("nchw,nck->nkhw", maps.float(), self.coefficients[:, :-1])
        return pictures + self.coefficients[:, -1, :, None, None]


def downsample(images: Tensor, size: int) -> Tensor:
    """Average ``images (N, C, R, R)`` to ``(N, C, size, size)``."""
    return F.interpolate(images.float(), (size, size), mode="area")
