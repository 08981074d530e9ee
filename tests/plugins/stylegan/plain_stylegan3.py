"""A plain twin of StyleGAN3's synthesis: a set of weights for each sample, zeros inserted, 2-D filters."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_plugins.stylegan.networks.stylegan3 import StyleGAN3Synthesis


def spread(taps: Tensor | None) -> Tensor:
    """A filter as ``(T, T)``, whatever it was."""
    if taps is None:
        return torch.ones(1, 1)
    return torch.outer(taps, taps) if taps.ndim == 1 else taps


def resample(x: Tensor, taps: Tensor, up: int, down: int, pad: tuple[int, int], gain: float = 1.0) -> Tensor:
    """Zeros between the samples, padding (or, below zero, cropping) at the start and the end, filter, decimation."""
    n, c, h, w = x.shape
    wide = x.new_zeros(n, c, h * up, w * up)
    wide[:, :, ::up, ::up] = x
    padded = F.pad(wide, (*pad, *pad))
    kernel = (taps * gain).flip(0, 1).to(x.dtype).expand(c, 1, -1, -1)
    return F.conv2d(padded, kernel, groups=c)[:, :, ::down, ::down]


def filtered_relu(
    x: Tensor, taps_up: Tensor, taps_down: Tensor, up: int, down: int, after: int, clamp: float | None = 256.0
) -> Tensor:
    """Up, leaky ReLU, clamp, down; the padding as in appendix C.3 of the paper."""
    pad = (after - 1) * down + 1 - x.shape[-1] * up + len(taps_up) + len(taps_down) - 2
    first = (pad + up) // 2
    wide = F.leaky_relu(resample(x, taps_up, up, 1, (first, pad - first), up**2), 0.2) * math.sqrt(2)
    return resample(wide if clamp is None else wide.clamp(-clamp, clamp), taps_down, 1, down, (0, 0))


def synthesise(network: StyleGAN3Synthesis, ws: Tensor) -> tuple[list[Tensor], Tensor]:
    """Every layer's whole map, and the images, with the network's weights and designed numbers."""
    x = network.input(ws[:, 0])
    maps = []
    for index, stage in enumerate(network.stages):
        layer, w = network.get_submodule(stage.name), ws[:, index + 1]
        last = index == len(network.stages) - 1
        style, weight = layer.affine(w), layer.weight
        if last:
            style = style / math.sqrt(x.shape[1])
        else:
            weight = weight * weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
            style = style * style.square().mean().rsqrt()
        own = weight * style[:, None, :, None, None]
        if not last:
            own = own * (own.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        own = own * layer.magnitude_ema.rsqrt()
        images = [F.conv2d(a[None], b, padding=weight.shape[-1] - 1) for a, b in zip(x, own, strict=True)]
        x = torch.cat(images) + layer.bias[:, None, None]
        if last:
            return maps, x.clamp(-256, 256) * 0.25
        up, down = spread(layer.up_filter), spread(layer.down_filter)
        x = filtered_relu(x, up, down, layer.up, layer.down, stage.size)
        maps.append(x)
    raise AssertionError("a synthesis network ends with the layer to colours")
