"""Layers of the demo networks: convolutions with normalisation, and residual blocks.

There are no depthwise convolutions: on a CPU they take more time for each multiplication than full ones.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

SIZE = 64
"""Height and width of the input images of the networks, pixels."""


class ConvNorm(nn.Module):
    """A convolution and its normalisation: ``(N, channels_in, H, W)`` -> ``(N, channels, H / stride, W / stride)``.

    The kernel is 3 x 3, and 4 x 4 at stride 2: then every pixel is used equally often, and the gradients that edit
    images have no grid artefacts.

    Args:
        stride: 1 or 2.
        active: Whether a leaky ReLU follows. Its slope is 0.1, so that gradients reach all pixels.
    """

    def __init__(self, channels_in: int, channels: int, stride: int = 1, *, active: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, 2 + stride, stride, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(channels)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return F.leaky_relu(x, 0.1) if self.active else x


class ResNetDBlock(nn.Module):
    """Two convolutions and a shortcut: ``(N, channels_in, H, W)`` -> ``(N, channels, H / stride, W / stride)``.

    Where sizes differ, the shortcut averages each ``stride`` x ``stride`` pixels before a 1 x 1 convolution, so that no
    pixel is skipped (He et al., "Bag of Tricks for Image Classification", 2019, section 4.2, ResNet-D).
    """

    def __init__(self, channels_in: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.first = ConvNorm(channels_in, channels, stride)
        self.second = ConvNorm(channels, channels, active=False)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.AvgPool2d(stride))
        if channels != channels_in:
            self.shortcut.append(nn.Conv2d(channels_in, channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.second(self.first(x)) + self.shortcut(x), 0.1)


def fold(network: nn.Module) -> None:
    """Fold each ``ConvNorm``'s normalisation into its convolution, in place: exact but for rounding, frozen only."""
    for module in network.modules():
        if isinstance(module, ConvNorm) and isinstance(module.norm, nn.BatchNorm2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
