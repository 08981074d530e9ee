"""The layers of StyleGAN3: modulated convolution, then the filtered nonlinearity (Karras et al. 2021, section 3.2)."""

from __future__ import annotations

import math
from collections import abc
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .alias_free import Stage, lowpass
from .filtered_relu import Plan, filtered_relu
from .modulation import Modulated


class FilteredLayer(Modulated):
    """A modulated convolution and the filtered nonlinearity, from one sampling rate to the next.

    Args:
        before: The layer that gives its input.
        after: This one.
        kernel: Height and width of the convolution.
        arguments: Values for ``alias_free.DEFAULTS``, all of them.
        radial: Design a radial filter for the way down.
        filters: The filters of the way up and down, to be used instead of designed ones.
    """

    magnitude_ema: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(
        self,
        w_dim: int,
        before: Stage,
        after: Stage,
        kernel: int,
        arguments: abc.Mapping[str, Any],
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
        self._plan: tuple[Any, Plan] | None = None

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """``x (N, C, before, before)``, ``w (N, w_dim)`` -> ``(N, channels, size, size)``."""
        style = self.affine(w)
        style = style * style.square().mean(dim=1, keepdim=True).rsqrt()  # demodulation undoes it
        squares = self.keep("squares", lambda: self.weight.float().square().sum(dim=(2, 3)))
        scale = (style.square() @ squares.T + 1e-8).rsqrt() * self.magnitude_ema.rsqrt()
        padding = self.weight.shape[-1] - 1
        tracked = torch.is_grad_enabled() and (x.requires_grad or style.requires_grad or self.weight.requires_grad)
        if len(x) == 1 and not tracked:  # the weights are then the smaller thing to scale
            weight = self.weight * (scale.T * style)[:, :, None, None]
            y = F.conv2d(x, weight.to(x.dtype), self.bias.to(x.dtype), padding=padding)
        else:
            y = F.conv2d(x * style.to(x.dtype)[:, :, None, None], self.weight.to(x.dtype), padding=padding)
            y = torch.addcmul(self.bias.to(y.dtype)[:, None, None], y, scale.to(y.dtype)[:, :, None, None])
        z: Tensor = self._filter(y)
        return z

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # its many pieces would take minutes to compile
    def _filter(self, y: Tensor) -> Tensor:
        return filtered_relu(y, self.plan(y), clamp=self.clamp)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_plan": None}

    def plan(self, like: Tensor) -> Plan:
        """The nonlinearity for maps of a tensor's type and device, made when first asked for."""
        filters = [taps for taps in (self.up_filter, self.down_filter) if taps is not None]
        key = like.device, like.dtype, *((taps._version, taps.data_ptr()) for taps in filters)
        if self._plan is None or self._plan[0] != key:
            size = self.before.size + self.weight.shape[-1] - 1
            none = torch.ones(1)
            up, down = (none if taps is None else taps for taps in (self.up_filter, self.down_filter))
            with torch.inference_mode(False), torch.no_grad():
                self._plan = key, Plan(up, down, self.up, self.down, size, self.after.size, like)
        return self._plan[1]


class AliasFreeToRGB(Modulated):
    """The last layer, to the picture's colours: a modulated 1x1 convolution without demodulation or nonlinearity."""

    magnitude_ema: Tensor

    def __init__(self, w_dim: int, before: Stage, after: Stage, clamp: float | None) -> None:
        super().__init__(before.channels, after.channels, 1, w_dim)
        self.clamp = math.inf if clamp is None else clamp
        self.register_buffer("magnitude_ema", torch.ones(()))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """``x (N, C, R, R)``, ``w (N, w_dim)`` -> ``(N, channels, R, R)``."""
        style = self.affine(w) * (self.magnitude_ema.rsqrt() / math.sqrt(x.shape[1]))
        weight = self.weight.flatten(1) * style.unsqueeze(1)  # so few rows that scaling them is next to nothing
        y = (weight.to(x.dtype) @ x.flatten(2)).float() + self.bias.unsqueeze(1)
        pictures: Tensor = y.view(len(x), -1, *x.shape[2:]).clamp(-self.clamp, self.clamp)
        return pictures
