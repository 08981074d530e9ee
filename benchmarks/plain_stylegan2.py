"""A baseline implementation of StyleGAN2 on our weights: modulated weights for each sample, grouped convolutions.

This is the form of the paper (Karras et al. 2020, figure 2c) and what most code does: modulate and demodulate the
weights, ``groups=N``; zeros between the pixels and a depthwise filter to double an image; every map up to the last.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_plugins.stylegan.networks.modulated_convolution import StyledConv, ToRGB
from i2i_plugins.stylegan.networks.stylegan2 import StyleGAN2Synthesis


class PlainSynthesis(nn.Module):
    """``ws (N, num_ws, w_dim)`` -> images and the maps of a resolution; constant noise, architecture ``skip``."""

    def __init__(self, synthesis: StyleGAN2Synthesis) -> None:
        super().__init__()
        self.synthesis = synthesis
        with torch.no_grad():
            for weight in synthesis.parameters():  # as they lie in published code
                weight.data = weight.contiguous()

    def forward(self, ws: Tensor, keep: int = 0) -> tuple[Tensor, Tensor | None]:
        """The image, and the maps of the resolution ``keep`` where it is asked for."""
        x = self.synthesis.block(4).const.expand(len(ws), -1, -1, -1)
        image = kept = None
        row = 0
        for resolution in self.synthesis.resolutions:
            block = self.synthesis.block(resolution)
            layers = [block.conv1] if block.first else [block.conv0, block.conv1]
            for layer in layers:
                x = convolve(layer, x, ws[:, row])
                row += 1
            kept = x if resolution == keep else kept
            drawn = draw(block.torgb, x, ws[:, row])
            image = drawn if image is None else upsample(image) + drawn
        assert image is not None
        return image, kept


def convolve(layer: StyledConv, x: Tensor, w: Tensor) -> Tensor:
    """One styled convolution, with noise, bias and activation."""
    n = len(x)
    weight = layer.weight[None] * layer.affine(w)[:, None, :, None, None]
    weight = weight * (weight.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    outs, ins = layer.weight.shape[:2]
    x = x.reshape(1, n * ins, *x.shape[2:])
    if layer.up:
        swapped = weight.transpose(1, 2).reshape(n * ins, outs, 3, 3)
        x = F.conv_transpose2d(x, swapped, stride=2, groups=n)
        x = x.reshape(n, outs, *x.shape[2:])
        x = F.conv2d(F.pad(x, (1, 1, 1, 1)), kernel(x).expand(outs, 1, 4, 4).contiguous(), groups=outs)
    else:
        x = F.conv2d(x, weight.reshape(n * outs, ins, 3, 3), padding=1, groups=n)
        x = x.reshape(n, outs, *x.shape[2:])
    x = x + layer.noise_const * layer.noise_strength
    return F.leaky_relu(x + layer.bias.view(1, -1, 1, 1), 0.2) * math.sqrt(2)


def draw(layer: ToRGB, x: Tensor, w: Tensor) -> Tensor:
    """toRGB."""
    n = len(x)
    weight = layer.weight[None] * (layer.affine(w) * layer.gain)[:, None, :, None, None]
    outs, ins = layer.weight.shape[:2]
    y = F.conv2d(x.reshape(1, n * ins, *x.shape[2:]), weight.reshape(n * outs, ins, 1, 1), groups=n)
    return y.reshape(n, outs, *y.shape[2:]) + layer.bias.view(1, -1, 1, 1)


def upsample(image: Tensor) -> Tensor:
    """Twice the size: zeros between the pixels, then the filter with gain 4."""
    n, channels, height, width = image.shape
    apart = image.new_zeros(n, channels, height, 2, width, 2)
    apart[:, :, :, 0, :, 0] = image
    padded = F.pad(apart.reshape(n, channels, 2 * height, 2 * width), (2, 1, 2, 1))
    return F.conv2d(padded, kernel(image).expand(channels, 1, 4, 4).contiguous(), groups=channels)


def kernel(x: Tensor) -> Tensor:
    """The filter [1, 3, 3, 1] in both directions, with gain 4."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0], device=x.device)
    return torch.outer(row, row) / 16
