"""DCGAN (Radford et al. 2016): a generator without a mapping network, read from a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field
from torch import Tensor, nn

import i2i
from i2i.toolkit.weights.state_dicts import load_frozen_network

_CONVOLUTION = re.compile(r"main\.(\d+)\.weight")


class DCGANOptions(i2i.Options):
    """Options of ``dcgan``."""

    temperature: float = Field(
        1.0, gt=0, le=2, description="Factor of the random numbers; below 1: more typical images"
    )


class DCGAN(i2i.Generator):
    """Transposed convolutions from ``(N, z_dim, 1, 1)`` to 4 x 4 px and on, each but the last with normalisation.

    Tensors are named as in the tutorial of PyTorch: ``main.0.weight``, ``main.1.running_mean``, ``main.3.weight``, ...
    The number of layers, all widths and the resolution follow from their shapes.
    """

    name = "dcgan"
    summary = "DCGAN (Radford et al. 2016), of the layout of PyTorch's tutorial."
    Options = DCGANOptions

    @classmethod
    def read(cls, contents: i2i.Contents) -> i2i.Weights | None:
        """Return the tensors of a file whose first convolution makes 4 x 4 px of random numbers."""
        tree = contents.tree
        first = tree.get("main.0.weight") if isinstance(tree, dict) else None
        if not isinstance(first, i2i.StoredTensor) or first.shape[2:] != (4, 4) or "main.1.running_mean" not in tree:
            return None
        tensors = {name: each.tensor() for name, each in tree.items() if isinstance(each, i2i.StoredTensor)}
        return i2i.Weights(cls.name, tensors)

    def __init__(self, weights: i2i.Weights | None, device: i2i.Device, options: DCGANOptions) -> None:
        if weights is None:
            raise i2i.UsageError("dcgan needs a weight file: give its path in place of the name.")
        network = build_network(weights.tensors)
        state = {name.removeprefix("main."): tensor for name, tensor in weights.tensors.items()}
        load_frozen_network(network, state, "DCGAN generator", "take a file of PyTorch's DCGAN tutorial")
        self.network = network.to(device).eval().requires_grad_(False)
        convolutions = [layer for layer in network if isinstance(layer, nn.ConvTranspose2d)]
        self.z_dim, self.channels = convolutions[0].in_channels, convolutions[-1].out_channels
        self.resolution = 4 * 2 ** (len(convolutions) - 1)
        self.device, self.options = device, options

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        """Return ``w (N, 1, z_dim)``: z times the temperature."""
        return super().map(z * self.options.temperature, c, truncation, cutoff)

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        """Render ``w (N, 1, z_dim)`` to images ``(N, C, R, R)``."""
        images: Tensor = self.network(w[:, 0, :, None, None].to(self.device))
        return images


def build_network(tensors: Mapping[str, Tensor]) -> nn.Sequential:
    """Build the network that tensors of these names and shapes belong to, with random weights."""
    shapes = {
        int(match[1]): tensor.shape
        for name, tensor in tensors.items()
        if (match := _CONVOLUTION.fullmatch(name)) and tensor.ndim == 4
    }
    network = nn.Sequential()
    for number, (place, (inputs, outputs, *_)) in enumerate(sorted(shapes.items())):
        stride, padding = (2, 1) if number else (1, 0)
        network.append(nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=f"main.{place}.bias" in tensors))
        if number < len(shapes) - 1:
            network.extend([nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)])
    network.append(nn.Tanh())
    return network
