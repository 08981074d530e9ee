"""The equalised layers that all StyleGAN networks share (Karras et al. 2018, section 4.1).

Weights are kept at unit variance and scaled when they are used, so that all of them learn at the same speed.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blurring import blur, down2, filter2d

SLOPE = 0.2
"""Of the leaky ReLU below zero."""
GAIN = math.sqrt(2)
"""Follows every leaky ReLU, so that variance is kept."""

Activation = Literal["linear", "lrelu"]


def normalise(x: Tensor) -> Tensor:
    """Scale the rows of ``(N, C)`` to a mean square of one (PixelNorm)."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def activate(x: Tensor, gain: float = 1.0, clamp: float | None = None) -> Tensor:
    """Leaky ReLU times ``GAIN * gain``, limited to ``+-clamp * gain``. A positive gain may go in first."""
    y = F.leaky_relu(x * (GAIN * gain), SLOPE)
    return y if clamp is None else y.clamp(-clamp * gain, clamp * gain)


class Linear(nn.Module):
    """``(N, in_features)`` -> ``(N, out_features)``; always computed in float32.

    Args:
        lr_multiplier: The weights' and the bias's rate of learning, relative to other layers'.
        bias_init: What the bias starts from.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: Activation = "linear",
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.activation, self.lr_multiplier = activation, lr_multiplier
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((out_features,), float(bias_init)))
        self.gain = lr_multiplier / math.sqrt(in_features)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            y = F.linear(x.float() * self.gain, self.weight, self.bias * self.lr_multiplier)
            return activate(y) if self.activation == "lrelu" else y


class Conv(nn.Module):
    """``k x k`` convolution, equalised, with bias and activation; ``down`` halves the picture, filtered.

    Args:
        bias: Without one for the skips of a residual block.
    """

    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        activation: Activation = "lrelu",
        bias: bool = True,
        down: bool = False,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.activation, self.down, self.clamp = activation, down, clamp
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.gain = 1 / math.sqrt(in_channels * kernel**2)
        if down:
            self.register_buffer("resample_filter", filter2d())

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        """``(N, I, H, W)`` -> ``(N, O, H, W)`` or, downwards, ``(N, O, H/2, W/2)``, times ``gain``."""
        kernel = self.weight.shape[-1]
        if self.down and kernel == 1:  # filtering first leaves a quarter of the work
            y = F.conv2d(down2(x, self.resample_filter), self.weight * self.gain)
        elif self.down:
            y = F.conv2d(blur(x, self.resample_filter, kernel // 2 + 1), self.weight * self.gain, stride=2)
        else:
            y = F.conv2d(x, self.weight * self.gain, padding=kernel // 2)
        if self.bias is not None:
            y = y + self.bias.to(y.dtype).view(1, -1, 1, 1)
        if self.activation == "lrelu":
            return activate(y, gain, self.clamp)
        y = y * gain if gain != 1 else y
        return y if self.clamp is None else y.clamp(-self.clamp * gain, self.clamp * gain)
