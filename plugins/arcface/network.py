"""The face networks of InsightFace's arcface_torch, under the key names of its ``backbone.pth``.

Residual blocks that start and end with a normalisation (Han et al., "Deep Pyramidal Residual Networks", 2017, as used
in Deng et al., "ArcFace", 2019), every group of blocks at half the resolution of the previous one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

import i2i
from i2i.toolkit.faces.five_points import ALIGNED_SIZE
from i2i.toolkit.weights.state_dicts import load_frozen_network

GROUPS = 4
NEEDED = "take a backbone.pth of InsightFace's arcface_torch"


class IResNetBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut: ``(N, C, H, W)`` -> ``(N, channels, H / stride, W / stride)``."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.downsample = nn.Sequential()
        if stride != 1:
            self.downsample.extend([nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)])

    def forward(self, x: Tensor) -> Tensor:
        residue = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        y: Tensor = self.bn3(self.conv2(residue)) + self.downsample(x)
        return y

    def fold(self) -> None:
        """Fold the block's normalisations into the convolutions before them, as in ``IResNet.fold``."""
        _fold(self, "conv1", "bn2")
        _fold(self, "conv2", "bn3")
        if len(self.downsample):
            _fold(self.downsample, "0", "1")


class IResNet(nn.Module):
    """Aligned faces -> embeddings: ``(N, 3, 112, 112)`` RGB in [-1, 1] -> ``(N, features)``, not normalised.

    Args:
        blocks: Number of blocks in each of the four groups; (3, 4, 14, 3) is iresnet50.
        width: Channels of the first group; each further group has twice as many.
        features: Length of an embedding.
    """

    def __init__(self, blocks: Sequence[int], width: int = 64, features: int = 512) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        channels_in = width
        for group, count in enumerate(blocks):
            channels = width << group
            strides = [2] + [1] * (count - 1)
            inputs = [channels_in] + [channels] * (count - 1)
            parts = [IResNetBlock(each, channels, stride) for each, stride in zip(inputs, strides, strict=True)]
            self.add_module(f"layer{group + 1}", nn.Sequential(*parts))
            channels_in = channels
        self.bn2 = nn.BatchNorm2d(channels_in)
        self.fc = nn.Linear(channels_in * (ALIGNED_SIZE >> len(blocks)) ** 2, features)
        self.features = nn.BatchNorm1d(features)

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> IResNet:
        """Build the network of a state dict, frozen, in evaluation mode, float32; it may share the state's memory.

        Raises:
            i2i.I2IError: keys are missing or unknown, or tensors have other shapes; names them.
        """
        blocks = [_count(state, f"layer{group + 1}") for group in range(GROUPS)]
        stem, head = state.get("conv1.weight"), state.get("fc.weight")
        if not all(blocks) or stem is None or stem.dim() != 4 or head is None or head.dim() != 2:
            raise i2i.I2IError(
                "the file is no ArcFace network, which has 'conv1.weight', blocks from 'layer1.0' to 'layer4.0' and "
                f"'fc.weight'; {NEEDED}."
            )
        with torch.device("meta"):  # saves the memory and time of random weights
            network = cls(blocks, stem.shape[0], head.shape[0])
        load_frozen_network(network, state, "ArcFace network", NEEDED)
        return network.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        x = self.prelu(self.bn1(self.conv1(images)))
        for group in range(GROUPS):
            x = self.get_submodule(f"layer{group + 1}")(x)
        embeddings: Tensor = self.features(self.fc(self.bn2(x).flatten(1)))
        return embeddings

    def fold(self) -> IResNet:
        """Fold normalisations into the convolutions before them, for a frozen network: fewer passes over memory.

        Exact but for rounding. Normalisations before a convolution stay, as their output is padded with zeros.
        """
        _fold(self, "conv1", "bn1")
        for module in list(self.modules()):
            if isinstance(module, IResNetBlock):
                module.fold()
        return self.requires_grad_(False)


def _fold(owner: nn.Module, convolution: str, norm: str) -> None:
    before, after = owner.get_submodule(convolution), owner.get_submodule(norm)
    assert isinstance(before, nn.Conv2d) and isinstance(after, nn.BatchNorm2d)
    setattr(owner, convolution, fuse_conv_bn_eval(before, after))
    setattr(owner, norm, nn.Identity())


def _count(state: dict[str, Tensor], group: str) -> int:
    """Count the blocks of a group by the indices in its keys."""
    return len({match[1] for key in state if (match := re.match(rf"{group}\.(\d+)\.", key))})
