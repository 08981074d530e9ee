"""A small face network for identity: residual groups at half the resolution of the previous one, then one linear layer.

Deng et al. ("ArcFace: Additive Angular Margin Loss for Deep Face Recognition", 2019, section 3.1) apply the
linear layer to the whole last feature map and normalise its result, as here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .layers import SIZE, ConvNorm, ResNetDBlock

WIDTHS = (32, 48, 96, 128)
"""Channels at 32, 16, 8 and 4 pixels."""
FEATURES = 128
"""Length of an embedding."""


class IdentityNetwork(nn.Module):
    """Aligned faces -> embeddings: ``(N, 3, 64, 64)`` RGB in [-1, 1] -> ``(N, 128)``, not of unit length."""

    layout: Tensor
    """Aligned positions of left eye, right eye and mouth, ``(3, 2)`` pixels of the 64 x 64 image."""

    def __init__(self) -> None:
        super().__init__()
        first, *others = WIDTHS
        self.stem = ConvNorm(3, first, 2)
        groups = [(ResNetDBlock(a, b, 2), ResNetDBlock(b, b)) for a, b in zip(WIDTHS, others, strict=False)]
        self.groups = nn.Sequential(*[block for group in groups for block in group])
        self.head = nn.Linear(WIDTHS[-1] * (SIZE >> len(WIDTHS)) ** 2, FEATURES, bias=False)
        self.norm = nn.BatchNorm1d(FEATURES)
        self.register_buffer("layout", torch.zeros(3, 2))

    def forward(self, images: Tensor) -> Tensor:
        embeddings: Tensor = self.norm(self.head(self.groups(self.stem(images)).flatten(1)))
        return embeddings
