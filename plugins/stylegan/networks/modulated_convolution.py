"""Modulated convolution (Karras et al. 2020, section 2.2): styles scale the activations, not the weights.

The published form scales a copy of the weights for each sample and computes a grouped convolution. Here the input is
scaled by the styles and the output by the demodulation coefficients, which is the same function. One set of weights
serves the whole batch, and with frozen weights the gradient to the styles needs no gradient to the weights, which saves
one convolution a layer in the backward pass. Demodulation needs only the sums of squares of the weights; they are
cached.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i.toolkit.latents.frozen_layers import CachedLayer

from . import winograd
from .convolutions import (
    Convolution,
    DirectConvolution,
    FilteredConvolution,
    fold_filter,
    folded_upsampling,
    per_channel,
    same_size,
)
from .equalised_layers import GAIN, SLOPE, EqualisedLinear
from .frozen_convolution import FrozenStyledConv
from .resampling import filter2d

FOLD_BELOW = 64
"""Largest number of channels at which the filter after an upsampling convolution is folded into its weights: that takes
four times the arithmetic, but saves a pass over large feature maps, which dominates there."""


class ModulatedLayer(CachedLayer):
    """Base of convolutions and toRGB: weights, bias, the affine layer from w to styles, and a cache."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, w_dim: int) -> None:
        super().__init__()
        self.affine = EqualisedLinear(w_dim, in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def cached_weights(self) -> tuple[nn.Parameter, ...]:
        return (self.weight,)


class StyledConv(ModulatedLayer):
    """A 3x3 convolution modulated by w, with noise, bias and activation; ``up`` upsamples by 2.

    Noise is added before bias and activation. ``noise`` of ``forward`` is ``"const"`` (the stored map), ``"random"``
    (new for each sample), ``"none"``, or a tensor ``(N or 1, 1, R, R)`` in place of the stored map.
    """

    noise_const: Tensor
    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_dim: int,
        resolution: int,
        up: bool = False,
        use_noise: bool = True,
        clamp: float | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, 3, w_dim)
        self.resolution, self.up, self.use_noise, self.clamp = resolution, up, use_noise, clamp
        if up:
            self.register_buffer("resample_filter", filter2d())
        if use_noise:
            self.register_buffer("noise_const", torch.randn(resolution, resolution))
            self.noise_strength = nn.Parameter(torch.zeros([]))

    def forward(self, x: Tensor, w: Tensor, noise: str | Tensor = "const", gain: float = 1.0) -> Tensor:
        """Compute ``(N, O, R, R)``, times ``gain``, from ``x (N, I, H, W)`` and ``w (N, w_dim)``."""
        styles = self.affine(w)
        squares = self.cached("squares", lambda: self.weight.float().square().sum(dim=(2, 3)))
        scale = (styles.square() @ squares.t() + 1e-8).rsqrt() * (GAIN * gain)
        if x.dtype == torch.float16:
            # The largest float16 is 65504, which sums over all taps may exceed before they are scaled.
            factor = scale.detach().amin(dim=1, keepdim=True)
            styles, scale = styles * factor, scale / factor
        bias, scaled_noise = self.bias * (GAIN * gain), self._scaled_noise(x, noise, gain)
        if torch.compiler.is_compiling() or self.weight.requires_grad or self.bias.requires_grad:
            maps = self._direct(x)(x * per_channel(styles, x)) * per_channel(scale, x)
            maps = maps if scaled_noise is None else maps + scaled_noise.to(maps.dtype)
            y = F.leaky_relu(maps + bias.to(maps.dtype)[:, None, None], SLOPE)
        else:
            y = FrozenStyledConv.apply(x, self._fastest(x), styles, scale, bias, scaled_noise)
        return y if self.clamp is None else y.clamp(-self.clamp * gain, self.clamp * gain)

    def _fastest(self, x: Tensor) -> Convolution:
        """Return the convolution that is fastest for feature maps like ``x``, with frozen weights."""
        if self.up or not winograd.suits(x, self.weight):
            return self._direct(x)
        return self.cached("winograd", lambda: winograd.WinogradConvolution(winograd.transformed(self.weight)))

    def set_memory_format(self, layout: torch.memory_format) -> None:
        """Store the weight in the format in which it is used, so that the cache shares its memory."""
        with torch.no_grad():
            weight = self.weight.transpose(0, 1) if self.up else self.weight
            weight = weight.contiguous(memory_format=layout)
            self.weight.data = weight.transpose(0, 1) if self.up else weight

    def _direct(self, x: Tensor) -> DirectConvolution | FilteredConvolution:
        layout = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
        folds = self.up and self.weight.shape[1] <= FOLD_BELOW and x.device.type == "cpu"

        def make() -> Tensor:
            weight = fold_filter(self.weight) if folds else self.weight
            weight = weight.transpose(0, 1) if self.up and not folds else weight
            return weight.to(x.dtype).contiguous(memory_format=layout)

        weight = self.cached("weight", make, x.dtype, layout, folds)
        if not self.up:
            return same_size(weight)
        return folded_upsampling(weight) if folds else FilteredConvolution(weight, self.resample_filter)

    def _scaled_noise(self, x: Tensor, noise: str | Tensor, gain: float) -> Tensor | None:
        """Return the scaled noise to add, ``(N or 1, 1, R, R)``; None for none."""
        if not self.use_noise or (isinstance(noise, str) and noise == "none"):
            return None
        if isinstance(noise, Tensor):
            noise_map = noise
        elif noise == "random":
            noise_map = torch.randn(len(x), 1, self.resolution, self.resolution, device=x.device)
        else:
            noise_map = self.noise_const[None, None]
        return noise_map * (self.noise_strength * (GAIN * gain))


class ToRGB(ModulatedLayer):
    """A 1x1 convolution modulated by w, without demodulation: ``(N, I, R, R)`` -> ``(N, O, R, R)`` float32."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, clamp: float | None = None) -> None:
        super().__init__(in_channels, out_channels, 1, w_dim)
        self.clamp = clamp
        self.gain = in_channels**-0.5

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Compute a matrix product over pixels; with three output channels it is cheaper to scale the weights."""
        styles = self.affine(w) * self.gain
        weight = self.weight.flatten(1)[None] * styles[:, None, :]  # (N, O, I)
        n, channels, height, width = x.shape
        if x.is_contiguous(memory_format=torch.channels_last):
            rows = x.permute(0, 2, 3, 1).reshape(n, height * width, channels)
            y = (rows @ weight.to(x.dtype).transpose(1, 2)).transpose(1, 2)
        else:
            y = weight.to(x.dtype) @ x.reshape(n, channels, height * width)
        rgb: Tensor = y.float().reshape(n, -1, height, width) + self.bias[:, None, None]
        return rgb if self.clamp is None else rgb.clamp(-self.clamp, self.clamp)
