"""The mapping network, that of StyleGAN2: z -> w (Karras et al. 2020)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import SLOPE

SAMPLES, SEED, BATCH = 10_000, 123, 1000
"""The samples from which StyleGAN2's projector estimates the statistics of w, and their seed."""
GRID = 2.0**16
"""Statistics are rounded to multiples of 1 / GRID. That is far above the rounding error of float64 and far below their
own error, so every machine stores the same bits."""


class MobileMapping(nn.Module):
    """``z (N, z_dim)`` -> ``w (N, w_dim)``.

    Attributes:
        w_avg: The mean of w, ``(w_dim,)``.
        w_std: The root of the mean squared distance of w from it, a scalar.
    """

    w_avg: Tensor
    w_std: Tensor

    def __init__(self, widths: list[int]) -> None:
        """Create the network.

        Args:
            widths: ``z_dim``, and the output width of each layer; the last one is ``w_dim``.
        """
        super().__init__()
        self.z_dim, self.w_dim = widths[0], widths[-1]
        for index, (inner, outer) in enumerate(pairwise(widths)):
            self.add_module(f"fc{index}", nn.Linear(inner, outer))
        self.register_buffer("w_avg", torch.zeros(self.w_dim))
        self.register_buffer("w_std", torch.ones([]))

    def forward(self, z: Tensor) -> Tensor:
        x = z * (z.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.children():
            x = F.leaky_relu(layer(x), SLOPE) * math.sqrt(2)
        return x


def latent_statistics(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Estimate ``w_avg`` and ``w_std`` of the network with these tensors (``fc0.weight``, ...), on the CPU."""
    layers = sum(name.endswith(".weight") for name in tensors)
    widths = [tensors["fc0.weight"].shape[1], *(len(tensors[f"fc{index}.bias"]) for index in range(layers))]
    with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
        network = MobileMapping(widths).double()
        network.load_state_dict({name: tensor.double() for name, tensor in tensors.items()}, strict=False)
        rng = np.random.RandomState(SEED)
        samples = (torch.from_numpy(rng.randn(BATCH, widths[0])) for _ in range(SAMPLES // BATCH))
        w = torch.cat([network(z) for z in samples])
        mean = ((w.mean(dim=0) * GRID).round() / GRID).float()
        deviation = (w - mean.double()).square().sum(dim=1).mean().sqrt()
        return {"w_avg": mean, "w_std": ((deviation * GRID).round() / GRID).float()}
