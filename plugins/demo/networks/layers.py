"""What the smaller networks of the drawn world are built of: convolutions with normalisation, and residual blocks.

They stay narrow and plain: on a CPU a depthwise convolution costs more time for each multiplication than a full one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

SIZE = 64
"""Height and width of the pictures that the networks see."""


class Unit(nn.Module):
    """A convolution and its normalisation: ``(N, channels_in, H, W)`` -> ``(N, channels, H / stride, W / stride)``.

    It looks at 3 x 3 pixels, and at 4 x 4 where it halves the picture: then every pixel is used equally often, and the
    gradients by which pictures are edited have no grid in them.

    Args:
        stride: 1 or 2.
        active: Whether a leaky ReLU follows. It leaks a tenth, so that gradients reach the pixels everywhere.
    """

    def __init__(self, channels_in: int, channels: int, stride: int = 1, *, active: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, 2 + stride, stride, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(channels)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return F.leaky_relu(x, 0.1) if self.active else x


class Residual(nn.Module):
    """Two convolutions and a shortcut: ``(N, channels_in, H, W)`` -> ``(N, channels, H / stride, W / stride)``.

    Where sizes differ, the shortcut averages each ``stride`` x ``stride`` pixels before a 1 x 1 convolution, so that no
    pixel is skipped (He et al., "Bag of Tricks for Image Classification", 2019, section 4.2, ResNet-D).
    """

    def __init__(self, channels_in: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.first = Unit(channels_in, channels, stride)
        self.second = Unit(channels, channels, active=False)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.AvgPool2d(stride))
        if channels != channels_in:
            self.shortcut.append(nn.Conv2d(channels_in, channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.second(self.first(x)) + self.shortcut(x), 0.1)


def fold(network: nn.Module) -> None:
    """Merge the normalisation of every ``Unit`` of a frozen network into its convolution, exact but for rounding."""
    for module in network.modules():
        if isinstance(module, Unit) and isinstance(module.norm, nn.BatchNorm2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()


def prepare(pictures: Tensor, name: str) -> Tensor:
    """Pictures of any size as the networks see them: ``(N, 3, H, W)`` -> ``(N, 3, 64, 64)`` float32, channels last.

    Resized with antialiasing, differentiable. Call it with autocast off.

    Args:
        name: Who asks, for the error.

    Raises:
        ValueError: these are no RGB pictures.
    """
    if pictures.ndim != 4 or pictures.shape[1] != 3:
        raise ValueError(f"{name} takes pictures (N, 3, H, W), got {tuple(pictures.shape)}")
    x = pictures.float()
    if x.shape[2:] != (SIZE, SIZE):
        x = F.interpolate(x, (SIZE, SIZE), mode="bilinear", antialias=True)
    return x.contiguous(memory_format=torch.channels_last)
