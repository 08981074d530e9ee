"""Modulated convolution (Karras et al. 2020, section 2.2): styles scale the activations, not the weights.

The published form scales a copy of the weights for each sample and convolves in groups. Scaling the maps that go in,
and the maps that come out by the demodulation coefficients, is the same function. It convolves the whole batch with
one set of weights, and while the weights are frozen, a gradient to the styles needs none of theirs: the backward pass
loses a convolution a layer. The sums of squares of the weights, all that demodulation needs of them, are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import winograd
from .blurring import filter2d
from .convolving import Convolution, Direct, Filtered, fold_filter, folded, same, spread
from .frozen import Frozen
from .layers import GAIN, SLOPE, Linear

FOLD_BELOW = 64
"""Channels up to which the filter after an upward convolution is folded into its weights: four times the arithmetic,
but no pass of the filter over the large maps, which is what takes the time there."""


Made = TypeVar("Made")


class Modulated(nn.Module):
    """What convolutions and toRGB share: weights, bias, the affine map from w to styles, and what is kept of them."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, w_dim: int) -> None:
        super().__init__()
        self.affine = Linear(w_dim, in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self._kept: dict[str, tuple[Any, Any]] = {}

    def keep(self, name: str, make: Callable[[], Made], *marks: Any) -> Made:
        """``make()``, computed once for as long as the weights are frozen and stay as they are."""
        weight = self.weight
        if weight.requires_grad:
            self._kept.clear()  # a fused optimiser changes weights without a mark
            return make()
        if torch.compiler.is_compiling():  # what a first pass that was not compiled has kept
            found = self._kept.get(name)
            return make() if found is None else cast("Made", found[1])
        key = (weight._version, weight.data_ptr(), weight.dtype, *marks)
        found = self._kept.get(name)
        if found is None or found[0] != key:
            with torch.inference_mode(False), torch.no_grad():  # a gradient may want it later
                found = (key, make())
            self._kept[name] = found
        return cast("Made", found[1])

    def __getstate__(self) -> dict[str, Any]:
        """A copy, in memory or in a file, makes for itself what is kept: that is larger than the weights."""
        return {**super().__getstate__(), "_kept": {}}


class StyledConv(Modulated):
    """3x3 convolution steered by w, with noise, bias and activation; ``up`` doubles the picture.

    Noise is added before bias and activation. ``noise`` of ``forward`` is ``"const"`` (the stored map), ``"random"``
    (fresh for each sample), ``"none"``, or a tensor ``(N or 1, 1, R, R)`` in place of the stored map.
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
        """``x (N, I, H, W)`` and ``w (N, w_dim)`` -> ``(N, O, R, R)``."""
        styles = self.affine(w)
        squares = self.keep("squares", lambda: self.weight.float().square().sum(dim=(2, 3)))
        scale = (styles.square() @ squares.t() + 1e-8).rsqrt() * (GAIN * gain)
        if x.dtype == torch.float16:  # it ends at 65504, which the sum over all taps may pass before it is scaled
            share = scale.detach().amin(dim=1, keepdim=True)
            styles, scale = styles * share, scale / share
        bias, added = self.bias * (GAIN * gain), self._noise(x, noise, gain)
        if torch.compiler.is_compiling() or self.weight.requires_grad or self.bias.requires_grad:
            maps = self._direct(x)(x * spread(styles, x)) * spread(scale, x)
            maps = maps if added is None else maps + added.to(maps.dtype)
            y = F.leaky_relu(maps + bias.to(maps.dtype)[:, None, None], SLOPE)
        else:
            y = Frozen.apply(x, self._quickest(x), styles, scale, bias, added)
        return y if self.clamp is None else y.clamp(-self.clamp * gain, self.clamp * gain)

    def _quickest(self, x: Tensor) -> Convolution:
        """The convolution that takes the least time for such maps, its weights frozen."""
        if self.up or not winograd.suits(x, self.weight):
            return self._direct(x)
        return self.keep("winograd", lambda: winograd.Winograd(winograd.transformed(self.weight)))

    def lay_out(self, layout: torch.memory_format) -> None:
        """Let the weight lie in memory as it is convolved with maps of that layout, so that it is not kept twice."""
        with torch.no_grad():
            weight = self.weight.transpose(0, 1) if self.up else self.weight
            weight = weight.contiguous(memory_format=layout)
            self.weight.data = weight.transpose(0, 1) if self.up else weight

    def _direct(self, x: Tensor) -> Direct | Filtered:
        layout = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
        folds = self.up and self.weight.shape[1] <= FOLD_BELOW and x.device.type == "cpu"

        def make() -> Tensor:
            weight = fold_filter(self.weight) if folds else self.weight
            weight = weight.transpose(0, 1) if self.up and not folds else weight
            return weight.to(x.dtype).contiguous(memory_format=layout)

        weight = self.keep("weight", make, x.dtype, layout, folds)
        if not self.up:
            return same(weight)
        return folded(weight) if folds else Filtered(weight, self.resample_filter)

    def _noise(self, x: Tensor, noise: str | Tensor, gain: float) -> Tensor | None:
        """The map to add, ``(N or 1, 1, R, R)``, already scaled; None for none."""
        if not self.use_noise or (isinstance(noise, str) and noise == "none"):
            return None
        if isinstance(noise, Tensor):
            drawn = noise
        elif noise == "random":
            drawn = torch.randn(len(x), 1, self.resolution, self.resolution, device=x.device)
        else:
            drawn = self.noise_const[None, None]
        return drawn * (self.noise_strength * (GAIN * gain))


class ToRGB(Modulated):
    """1x1 convolution steered by w, without demodulation: ``(N, I, R, R)`` -> ``(N, O, R, R)`` float32."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, clamp: float | None = None) -> None:
        super().__init__(in_channels, out_channels, 1, w_dim)
        self.clamp = clamp
        self.gain = in_channels**-0.5

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """A matrix product over pixels: three channels come out, so scaling the weights is the cheaper side."""
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
