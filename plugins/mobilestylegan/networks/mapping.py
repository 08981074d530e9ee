"""The mapping network, that of StyleGAN2: z -> w (Karras et al. 2020)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i.toolkit.latents.style_network import StyleMapping, deviation_from, sample_w

from .layers import SLOPE

GRID = 2.0**16
"""Statistics are rounded to multiples of 1 / GRID. That is far above the rounding error of float64 and far below their
own error, so every machine stores the same bits."""


class MobileMapping(StyleMapping):
    """``z (N, z_dim)`` -> ``w (N, num_ws, w_dim)``, with equal layers.

    Attributes:
        w_avg: The mean of w, ``(w_dim,)``.
        w_std: The root of the mean squared distance of w from it, a scalar.
    """

    w_avg: Tensor
    w_std: Tensor

    def __init__(self, widths: list[int], num_ws: int) -> None:
        """Create the network.

        Args:
            widths: ``z_dim``, and the output width of each layer; the last one is ``w_dim``.
            num_ws: Number of layers of w.
        """
        super().__init__()
        self.z_dim, self.w_dim, self.num_ws = widths[0], widths[-1], num_ws
        for index, (inner, outer) in enumerate(pairwise(widths)):
            self.add_module(f"fc{index}", nn.Linear(inner, outer))
        self.register_buffer("w_avg", torch.zeros(self.w_dim))
        self.register_buffer("w_std", torch.ones([]))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x = z * (z.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.children():
            x = F.leaky_relu(layer(x), SLOPE) * math.sqrt(2)
        return x[:, None].repeat(1, self.num_ws, 1)


def latent_statistics(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Estimate ``w_avg`` and ``w_std`` of the network with these tensors (``fc0.weight``, ...), on the CPU."""
    layers = sum(name.endswith(".weight") for name in tensors)
    widths = [tensors["fc0.weight"].shape[1], *(len(tensors[f"fc{index}.bias"]) for index in range(layers))]
    with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
        network = MobileMapping(widths, num_ws=1).double()
        network.load_state_dict({name: tensor.double() for name, tensor in tensors.items()}, strict=False)
        w = sample_w(network, network.w_avg)
        mean = ((w.mean(dim=0) * GRID).round() / GRID).float()
        deviation = deviation_from(w, mean.double())
        return {"w_avg": mean, "w_std": ((deviation * GRID).round() / GRID).float()}
