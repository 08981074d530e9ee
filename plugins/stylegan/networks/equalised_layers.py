"""The equalised layers that all StyleGAN networks share (Karras et al. 2018, section 4.1).

Weights are stored with unit variance and scaled at run time, so that all have the same effective learning rate.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .resampling import blur, downsample2, filter2d

SLOPE = 0.2
"""Slope of the leaky ReLU below zero."""
GAIN = math.sqrt(2)
"""Factor after every leaky ReLU, which preserves the variance."""

Activation = Literal["linear", "lrelu"]


def normalise(x: Tensor) -> Tensor:
    """Scale each sample of ``(N, C)`` to a mean square of 1 (PixelNorm)."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def activate(x: Tensor, gain: float = 1.0, clamp: float | None = None) -> Tensor:
    """Apply the leaky ReLU times ``GAIN * gain``, limited to ``+-clamp * gain``; ``gain`` must be positive."""
    y = F.leaky_relu(x * (GAIN * gain), SLOPE)
    return y if clamp is None else y.clamp(-clamp * gain, clamp * gain)


class EqualisedLinear(nn.Module):
    """A linear layer ``(N, in_features)`` -> ``(N, out_features)``; always computed in float32.

    Args:
        lr_multiplier: Learning rate of weights and bias, relative to other layers.
        bias_init: Initial value of the bias.
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


class EqualisedConv(nn.Module):
    """A ``k x k`` convolution with bias and activation; ``down`` filters and downsamples by 2.

    Args:
        bias: False for the skip connection of a residual block.
        clamp: Limit of the activations; None for none.
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
        """Compute ``(N, O, H, W)``, or ``(N, O, H/2, W/2)`` with ``down``, times ``gain``, from ``(N, I, H, W)``."""
        kernel = self.weight.shape[-1]
        if self.down and kernel == 1:  # filtering first leaves a quarter of the work
            y = F.conv2d(downsample2(x, self.resample_filter), self.weight * self.gain)
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
