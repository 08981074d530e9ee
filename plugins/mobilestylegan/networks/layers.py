"""The layers of the synthesis network: styles scale the feature maps, convolutions are depthwise and pointwise."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i.toolkit.latents.frozen_layers import CachedLayer

from .frozen import FrozenSeparableConv, FrozenToImage
from .wavelet import HAAR, FrozenUpsampling, band_order, merge_bands

SLOPE = 0.2
"""Slope of the leaky ReLU below zero."""


class StyledLayer(CachedLayer):
    """Base of all layers: the affine layer from w to styles, and a cache of what follows from frozen weights."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.affine = nn.Linear(w_dim, channels)

    def is_frozen(self, x: Tensor) -> bool:
        """Return whether the functions for frozen weights on a CPU can be used."""
        return x.device.type == "cpu" and not self.trains and not torch.compiler.is_compiling()


class NoisyLayer(StyledLayer):
    """A layer with noise, bias and activation.

    Attributes:
        noise_const: The stored noise map ``(R, R)`` with a root mean square of 1.
        noise_strength: Its factor, a scalar.
    """

    noise_const: Tensor

    def __init__(self, channels: int, out_channels: int, w_dim: int, resolution: int) -> None:
        super().__init__(channels, w_dim)
        self.resolution = resolution
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def noise_map(self, x: Tensor, noise: str | Tensor) -> Tensor | None:
        """Return the noise to add, ``(N or 1, 1, R, R)``; None for none.

        Args:
            noise: ``"const"``, ``"random"`` (new for each sample), ``"none"``, or maps in place of the stored one.
        """
        if isinstance(noise, Tensor):
            return noise * self.noise_strength
        if noise == "none":
            return None
        if noise == "random":
            shape = (len(x), 1, self.resolution, self.resolution)
            return torch.randn(shape, device=x.device) * self.noise_strength
        return self.cached("noise", lambda: self.noise_const[None, None] * self.noise_strength)


class FirstConv(NoisyLayer):
    """The layer of 4 px: ``leaky_relu(conv3x3(const * styles) + noise + bias)``."""

    def __init__(self, channels: int, out_channels: int, w_dim: int) -> None:
        super().__init__(channels, out_channels, w_dim, 4)
        self.const = nn.Parameter(torch.randn(channels, 4, 4))
        self.weight = nn.Parameter(torch.randn(out_channels, channels, 3, 3))
        self.gain = 1 / math.sqrt(channels * 9)

    def forward(self, w: Tensor, noise: str | Tensor, bands: bool) -> Tensor:
        """Compute ``(N, O, 4, 4)`` from ``w (N, w_dim)``; with ``bands``, its channels are in band order."""
        styles = self.affine(w)

        def make() -> tuple[Tensor, Tensor]:
            order = _order(bands, self.bias)
            return _last(self.weight[order] * self.gain), self.bias[order]

        weight, bias = self.cached(f"weight {bands}", make)
        x = _last(self.const * styles[:, :, None, None])
        y = F.conv2d(x, weight, bias, padding=1)
        added = self.noise_map(y, noise)
        return F.leaky_relu(y if added is None else y + added, SLOPE)


class SeparableConv(NoisyLayer):
    """``leaky_relu(pointwise(depthwise(x * styles)) + noise + bias)``."""

    def __init__(self, channels: int, out_channels: int, w_dim: int, resolution: int) -> None:
        super().__init__(channels, out_channels, w_dim, resolution)
        self.depthwise = nn.Parameter(torch.randn(channels, 1, 3, 3))
        self.pointwise = nn.Parameter(torch.randn(out_channels, channels, 1, 1))
        self.gain = 1 / math.sqrt(channels * 9)

    def forward(self, x: Tensor, w: Tensor, noise: str | Tensor, bands: bool = False) -> Tensor:
        """Compute ``(N, O, R, R)`` from ``x (N, I, R, R)``; with ``bands``, its channels are in band order."""
        styles = self.affine(w)
        depthwise = self.cached("depthwise", lambda: self.depthwise * self.gain)
        pointwise, bias = self.cached(f"pointwise {bands}", lambda: self._pointwise(bands))
        added = self.noise_map(x, noise)
        if self.is_frozen(x):
            y: Tensor = FrozenSeparableConv.apply(x, styles, depthwise, pointwise, bias, added, SLOPE)
            return y
        x = F.conv2d(x * styles[:, :, None, None], depthwise, padding=1, groups=len(depthwise))
        x = F.conv2d(x, pointwise, bias)
        return F.leaky_relu(x if added is None else x + added, SLOPE)

    def _pointwise(self, bands: bool) -> tuple[Tensor, Tensor]:
        order = _order(bands, self.bias)
        return _last(self.pointwise[order]), self.bias[order]


class Upsampling(StyledLayer):
    """``merge_bands(x * styles)``: ``(N, 4C, R/2, R/2)`` in band order -> ``(N, C, R, R)``."""

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        order = self.cached("order", lambda: band_order(x.shape[1]).to(x.device))
        weight, bias = self.cached("affine", lambda: (self.affine.weight[order], self.affine.bias[order]))
        styles = F.linear(w, weight, bias)
        if self.is_frozen(x):
            y: Tensor = FrozenUpsampling.apply(x, styles)
            return y
        return merge_bands(x * styles[:, :, None, None])


class ToImage(StyledLayer):
    """A pointwise convolution to four bands of the image, and the inverse Haar transform, which is folded into it."""

    def __init__(self, channels: int, colours: int, w_dim: int) -> None:
        super().__init__(channels, w_dim)
        self.colours = colours
        self.pointwise = nn.Parameter(torch.randn(4 * colours, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(4 * colours))
        self.gain = 1 / math.sqrt(channels)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Render ``(N, colours, 2R, 2R)`` from ``x (N, C, R, R)``."""
        weight, bias = self.cached("weight", self._folded)
        n, channels, height, width = x.shape
        modulated = weight * self.affine(w)[:, None]  # (N, 4 * colours, C)
        if self.is_frozen(x):
            phases = FrozenToImage.apply(x, modulated) + bias[:, None, None]
        else:
            phases = (modulated @ x.reshape(n, channels, -1)).view(n, -1, height, width) + bias[:, None, None]
        return F.pixel_shuffle(phases, 2)

    def _folded(self) -> tuple[Tensor, Tensor]:
        """Return weight and bias of the four pixels of each square, colour by colour."""
        order = band_order(4 * self.colours).to(self.bias.device)
        merge = HAAR.to(self.bias.device)

        def fold(values: Tensor) -> Tensor:
            bands = values[order].view(4, self.colours, -1)
            return torch.einsum("pb,bci->cpi", merge, bands).reshape(4 * self.colours, -1)

        return fold(self.pointwise.flatten(1)) * self.gain, fold(self.bias).flatten()


def _order(bands: bool, channels: Tensor) -> Tensor | slice:
    """Return an index that brings output channels into band order, or leaves them."""
    return band_order(len(channels)).to(channels.device) if bands else slice(None)


def _last(x: Tensor) -> Tensor:
    """Return ``(A, B, H, W)`` channels last, which is the faster format on a CPU."""
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x.contiguous()
