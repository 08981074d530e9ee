"""The layers of StyleGAN3: Fourier features, filtered layers and toRGB (Karras et al. 2021, sections 3.2 and F.3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .equalised_layers import EqualisedLinear
from .filtered_relu import ResamplingMatrices, filtered_relu
from .modulated_convolution import ModulatedLayer
from .stylegan3_design import LayerDesign, lowpass


class FourierInput(nn.Module):
    """The input layer: sine waves, rotated and translated by w, then mixed by a learned matrix.

    Args:
        channels: Number of waves and of output channels.
        size: Height and width of the output, samples.
        rate: Sampling rate, samples across the image.
        bandwidth: Highest frequency, cycles across the image.
    """

    weight: nn.Parameter
    freqs: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, w_dim: int, channels: int, size: int, rate: int, bandwidth: float) -> None:
        super().__init__()
        self.size, self.rate, self.bandwidth = size, rate, bandwidth
        self.weight = nn.Parameter(torch.randn(channels, channels))
        self.affine = EqualisedLinear(w_dim, 4)
        with torch.no_grad():  # initially w has no effect: cosine 1, sine 0, translation 0
            self.affine.weight.zero_()
            self.affine.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
        radius, angle = torch.rand(channels).sqrt() * bandwidth, torch.rand(channels) * 2 * math.pi
        self.register_buffer("freqs", torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1))
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))

    def move(self, rotation: float = 0.0, translate: tuple[float, float] = (0.0, 0.0)) -> None:
        """Rotate and translate all further images; without arguments, reset.

        Args:
            rotation: Degrees, counter-clockwise, about the centre.
            translate: Right and down, fractions of the image's side; applied after the rotation.
        """
        cosine, sine = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
        x, y = translate
        matrix = torch.tensor([[cosine, sine, x], [-sine, cosine, y], [0.0, 0.0, 1.0]], dtype=torch.float64)
        self.transform.copy_(matrix.inverse())  # maps points of the new image to the old one

    def forward(self, w: Tensor) -> Tensor:
        """Compute ``(N, channels, size, size)`` from ``w (N, w_dim)``."""
        affine = self.affine(w)
        cosine, sine, x, y = (affine / affine[:, :2].norm(dim=1, keepdim=True)).unbind(dim=1)
        zero, one = torch.zeros_like(x), torch.ones_like(x)
        rotation = torch.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], dim=1).view(-1, 3, 3)
        translation = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], dim=1).view(-1, 3, 3)
        matrix = rotation @ translation @ self.transform
        phases = self.phases + (self.freqs @ matrix[:, :2, 2:]).squeeze(2)
        freqs = self.freqs @ matrix[:, :2, :2]
        # A transform that shrinks the image may raise frequencies above the limit of the sampling rate: fade them out.
        excess = (freqs.norm(dim=2) - self.bandwidth) / (self.rate / 2 - self.bandwidth)
        position = (torch.arange(self.size, device=w.device, dtype=w.dtype) + (0.5 - self.size / 2)) / self.rate
        grid = torch.stack(torch.meshgrid(position, position, indexing="xy")).view(2, -1)
        waves = torch.sin((freqs @ grid + phases.unsqueeze(2)) * (2 * math.pi))
        waves = waves * (1 - excess).clamp(0, 1).unsqueeze(2)
        mixed: Tensor = (self.weight / math.sqrt(self.weight.shape[1])) @ waves
        return mixed.view(len(w), -1, self.size, self.size)


class FilteredLayer(ModulatedLayer):
    """A modulated convolution and the filtered nonlinearity, from one sampling rate to the next.

    Args:
        before: Design of the previous layer.
        after: Design of this layer.
        kernel: Height and width of the convolution.
        arguments: A value for each of ``stylegan3_design.DEFAULTS``.
        radial: Design a radial downsampling filter.
        filters: Upsampling and downsampling filter to use instead of designed ones.
    """

    magnitude_ema: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(
        self,
        w_dim: int,
        before: LayerDesign,
        after: LayerDesign,
        kernel: int,
        arguments: Mapping[str, Any],
        radial: bool = False,
        filters: tuple[Tensor | None, Tensor | None] = (None, None),
    ) -> None:
        super().__init__(before.channels, after.channels, kernel, w_dim)
        self.before, self.after, self.clamp = before, after, arguments["conv_clamp"]
        self.register_buffer("magnitude_ema", torch.ones(()))
        wide = max(before.rate, after.rate) * arguments["lrelu_upsampling"]
        self.up, self.down = wide // before.rate, wide // after.rate
        ups, downs = (arguments["filter_size"] * step if step > 1 else 1 for step in (self.up, self.down))
        up, down = (None if taps is None else taps.clone() for taps in filters)
        if up is None:
            up = lowpass(ups, before.cutoff, before.half_width, wide)
        if down is None:
            down = lowpass(downs, after.cutoff, after.half_width, wide, radial)
        self.register_buffer("up_filter", up)
        self.register_buffer("down_filter", down)
        self._matrices: tuple[Any, ResamplingMatrices] | None = None

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Compute ``(N, channels, size, size)`` from ``x (N, C, before, before)`` and ``w (N, w_dim)``."""
        style = self.affine(w)
        style = style * style.square().mean(dim=1, keepdim=True).rsqrt()  # demodulation undoes it
        squares = self.cached("squares", lambda: self.weight.float().square().sum(dim=(2, 3)))
        scale = (style.square() @ squares.T + 1e-8).rsqrt() * self.magnitude_ema.rsqrt()
        padding = self.weight.shape[-1] - 1
        tracked = torch.is_grad_enabled() and (x.requires_grad or style.requires_grad or self.weight.requires_grad)
        if len(x) == 1 and not tracked:  # scaling the weights is then cheaper than scaling the feature maps
            weight = self.weight * (scale.T * style)[:, :, None, None]
            y = F.conv2d(x, weight.to(x.dtype), self.bias.to(x.dtype), padding=padding)
        else:
            y = F.conv2d(x * style.to(x.dtype)[:, :, None, None], self.weight.to(x.dtype), padding=padding)
            y = torch.addcmul(self.bias.to(y.dtype)[:, None, None], y, scale.to(y.dtype)[:, :, None, None])
        z: Tensor = self._filter(y)
        return z

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # compiling its many operations would take minutes
    def _filter(self, y: Tensor) -> Tensor:
        return filtered_relu(y, self.matrices(y), clamp=self.clamp)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_matrices": None}

    def matrices(self, like: Tensor) -> ResamplingMatrices:
        """Return the resampling matrices for the type and device of ``like``; cached."""
        filters = [taps for taps in (self.up_filter, self.down_filter) if taps is not None]
        key = like.device, like.dtype, *((taps._version, taps.data_ptr()) for taps in filters)
        if self._matrices is None or self._matrices[0] != key:
            size = self.before.size + self.weight.shape[-1] - 1
            none = torch.ones(1)
            up, down = (none if taps is None else taps for taps in (self.up_filter, self.down_filter))
            with torch.inference_mode(False), torch.no_grad():
                self._matrices = key, ResamplingMatrices(up, down, self.up, self.down, size, self.after.size, like)
        return self._matrices[1]


class AliasFreeToRGB(ModulatedLayer):
    """The last layer, toRGB: a modulated 1x1 convolution without demodulation or nonlinearity."""

    magnitude_ema: Tensor

    def __init__(self, w_dim: int, before: LayerDesign, after: LayerDesign, clamp: float | None) -> None:
        super().__init__(before.channels, after.channels, 1, w_dim)
        self.clamp = math.inf if clamp is None else clamp
        self.register_buffer("magnitude_ema", torch.ones(()))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Compute ``(N, channels, R, R)`` from ``x (N, C, R, R)`` and ``w (N, w_dim)``."""
        style = self.affine(w) * (self.magnitude_ema.rsqrt() / math.sqrt(x.shape[1]))
        # With few output channels, scaling the weights costs little.
        weight = self.weight.flatten(1) * style.unsqueeze(1)
        y = (weight.to(x.dtype) @ x.flatten(2)).float() + self.bias.unsqueeze(1)
        images: Tensor = y.view(len(x), -1, *x.shape[2:]).clamp(-self.clamp, self.clamp)
        return images
