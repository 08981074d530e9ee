"""The networks of a StyleGAN: z -> w and w -> images, in the form that ``StyleNetworkGenerator`` works with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ...api.errors import UsageError

Noise = Literal["const", "random", "none"] | Mapping[str, Tensor]
"""A kind for all layers, or noise maps ``(N or 1, 1, r, r)`` by layer; other layers: as stored."""
SAMPLES, SEED, BATCH = 10_000, 123, 500
"""Samples from which StyleGAN2's projector estimates the statistics of w (Karras et al. 2020, appendix D)."""


class NoiseLayer(Protocol):
    """A layer that adds noise."""

    noise_const: Tensor
    """The stored noise map, ``(r, r)``."""


class StyleMapping(nn.Module, ABC):
    """The mapping network: z -> w."""

    z_dim: int
    """Dimensions of z."""
    c_dim: int = 0
    """Number of classes; 0 for a network without classes."""
    w_dim: int
    """Dimensions of w in each layer."""

    @abstractmethod
    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Map ``z (N, z_dim)`` and one-hot classes ``c (N, c_dim)`` to w ``(N, num_ws, w_dim)``."""


class StyleSynthesis(nn.Module, ABC):
    """The synthesis network: w -> images. Those without noise maps ignore ``noise``."""

    w_dim: int
    """Dimensions of w in each layer."""
    num_ws: int
    """Number of layers of w."""
    resolution: int
    """Height and width R of the images, pixels."""
    channels: int
    """Channels C of the images."""
    resolutions: tuple[int, ...]
    """Resolutions of the feature maps, ascending, pixels."""

    @abstractmethod
    def forward(self, ws: Sequence[Tensor], noise: Noise = "const") -> Tensor:
        """Render images ``(N, C, R, R)`` float32 from ``num_ws`` layers of w, ``(N, w_dim)`` each."""

    @abstractmethod
    def features(self, ws: Sequence[Tensor], resolution: int, noise: Noise = "const") -> Tensor:
        """Compute the feature maps of one resolution, and no later layers.

        Raises:
            UsageError: there are no feature maps of this resolution.
        """

    def features_and_images(self, ws: Sequence[Tensor], resolution: int) -> tuple[Tensor, Tensor]:
        """Compute ``features(ws, resolution)`` and the images; subclasses may do so in one pass.

        Raises:
            UsageError: there are no feature maps of this resolution.
        """
        return self.features(ws, resolution), self(ws)

    @abstractmethod
    def styles(self) -> list[Tensor]:
        """Return by layer of w the affine weights ``(C, w_dim)`` that read it."""

    @abstractmethod
    def styled(self) -> Sequence[tuple[str, int, nn.Module]]:
        """Return the convolutions in order: name, index of the layer of w, and module with the affine layer ``affine``.

        Layers that make colours only (toRGB) are left out.
        """

    def noise_layers(self) -> Mapping[str, NoiseLayer]:
        """Return the layers that add noise, by name; by default there are none."""
        return {}

    def check_resolution(self, resolution: int) -> None:
        """Raise UsageError where there are no feature maps of this resolution."""
        if resolution not in self.resolutions:
            known = ", ".join(map(str, self.resolutions))
            raise UsageError(f"This generator has no features at {resolution} px; choose one of {known}.")


class StyleNetwork(nn.Module):
    """A whole generator: the networks ``mapping`` and ``synthesis``."""

    mapping: StyleMapping
    synthesis: StyleSynthesis

    def __init__(self, mapping: StyleMapping, synthesis: StyleSynthesis) -> None:
        super().__init__()
        self.mapping, self.synthesis = mapping, synthesis


def truncate(w: Tensor, mean: Tensor, truncation: float, cutoff: int | None = None) -> Tensor:
    """Move the first layers of ``w (N, num_ws, w_dim)`` towards ``mean (w_dim,)``; return new latent codes.

    Args:
        truncation: psi: 1 leaves w as it is, 0 gives the mean.
        cutoff: Number of layers that are moved; None for all.
    """
    moved = mean.lerp(w[:, :cutoff], truncation)
    return torch.cat([moved, w[:, moved.shape[1] :]], dim=1)


def sample_w(mapping: StyleMapping, like: Tensor) -> Tensor:
    """Map 10,000 random z, with random classes where there are any: w ``(10000, w_dim)``, the same at each call.

    Args:
        like: A tensor with the type and on the device of z.
    """
    rng = np.random.RandomState(SEED)
    samples = []
    for _ in range(SAMPLES // BATCH):
        z = torch.from_numpy(rng.randn(BATCH, mapping.z_dim)).to(like)
        c = None
        if mapping.c_dim:
            classes = torch.from_numpy(rng.randint(mapping.c_dim, size=BATCH)).to(like.device)
            c = torch.nn.functional.one_hot(classes, mapping.c_dim).to(like)
        with torch.no_grad():
            samples.append(mapping(z, c)[:, 0])
    return torch.cat(samples)


def deviation_from(w: Tensor, mean: Tensor) -> Tensor:
    """Return the root of the mean squared distance of ``w (N, w_dim)`` from ``mean (w_dim,)``, a scalar."""
    return (w - mean).square().sum(dim=1).mean().sqrt()
