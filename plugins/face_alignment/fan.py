"""The Face Alignment Network: a stack of hourglasses, each refining the heat maps of the previous one.

Bulat and Tzimiropoulos, "How far are we from solving the 2D & 3D Face Alignment problem?" (2017), section 3.1: the
stacked hourglass of Newell et al. (2016) with the hierarchical blocks of Bulat and Tzimiropoulos, "Binarized
Convolutional Landmark Localizers" (2017), figure 4. Tensors have the names of the published file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import i2i
from i2i.toolkit.weights.state_dicts import load_frozen_network

SIZE = 256
"""Height and width of the training crops, pixels."""
CELL = 4
"""Pixels of a crop in a cell of a heat map, along each side."""
NEEDED = "take the weights 'face-alignment-2dfan4' (i2i models fetch face-alignment-2dfan4)"


@dataclass(frozen=True)
class FANSizes:
    """Sizes of a network; the defaults are those of the published one."""

    stacks: int = 4
    levels: int = 4
    """Number of downsamplings in an hourglass."""
    widths: tuple[int, int, int, int] = (64, 128, 128, 256)
    """Channels of the first convolution and the three blocks after it; the last is the width of the hourglasses."""
    points: int = 68

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> FANSizes | None:
        """Read the sizes from a state dict; None where it is that of another network."""
        stacks = len({key.partition(".")[0] for key in state if key[:1] == "m" and key[1:].partition(".")[0].isdigit()})
        levels = len({key.split(".")[1] for key in state if key.startswith("m0.b1_")})
        convolutions = [
            state.get(f"{key}.weight") for key in ("conv1", "conv2.conv1", "conv3.conv1", "conv4.conv1", "l0")
        ]
        channels = [0 if each is None or each.dim() != 4 else each.shape[0] for each in convolutions]
        if not all(channels) or not stacks or not 1 <= levels <= 6 or any(size % 2 for size in channels[1:4]):
            return None
        return cls(stacks, levels, (channels[0], 2 * channels[1], 2 * channels[2], 2 * channels[3]), channels[4])


class FoldedBatchNorm(nn.Module):
    """A frozen batch normalisation: ``weight * x + bias`` for each channel.

    torch's module saves its input for the backward pass, which frozen weights do not need: with gradients to the
    images, the published network takes 220 MB a crop with this class and 310 MB with torch's, in the same time.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        assert norm.running_mean is not None and norm.running_var is not None
        weight = norm.weight * (norm.running_var + norm.eps).rsqrt()
        self.register_buffer("weight", weight.detach().view(1, -1, 1, 1))
        self.register_buffer("bias", (norm.bias - norm.running_mean * weight).detach().view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.bias, x, self.weight)


class FANBlock(nn.Module):
    """Three 3 x 3 convolutions in sequence, their outputs concatenated, plus a shortcut; the size stays."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        half, quarter = channels // 2, channels // 4
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, half, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, quarter, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(quarter)
        self.conv3 = nn.Conv2d(quarter, quarter, 3, padding=1, bias=False)
        if channels_in != channels:
            layers = (
                nn.BatchNorm2d(channels_in),
                nn.ReLU(inplace=True),
                nn.Conv2d(channels_in, channels, 1, bias=False),
            )
            self.downsample = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv1(F.relu(self.bn1(x), inplace=True))
        second = self.conv2(F.relu(self.bn2(first), inplace=True))
        third = self.conv3(F.relu(self.bn3(second), inplace=True))
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        return torch.cat([first, second, third], dim=1).add_(shortcut)


class Hourglass(nn.Module):
    """An hourglass: downsampling and upsampling with skip branches, ``(N, C, h, w)`` -> the same shape."""

    def __init__(self, levels: int, channels: int) -> None:
        super().__init__()
        self.levels = levels
        for level in range(levels, 0, -1):
            for branch in ("b1", "b2", "b3") if level > 1 else ("b1", "b2", "b2_plus", "b3"):
                self.add_module(f"{branch}_{level}", FANBlock(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return self._from(self.levels, x)

    def _from(self, level: int, x: Tensor) -> Tensor:
        beside = self.get_submodule(f"b1_{level}")(x)
        below = self.get_submodule(f"b2_{level}")(F.avg_pool2d(x, 2))
        below = self._from(level - 1, below) if level > 1 else self.get_submodule("b2_plus_1")(below)
        below = self.get_submodule(f"b3_{level}")(below)
        up: Tensor = beside + F.interpolate(below, scale_factor=2.0, mode="nearest")
        return up


class FAN(nn.Module):
    """Crops of faces -> heat maps: ``(N, 3, 256, 256)`` RGB in [0, 1] -> ``(N, points, 64, 64)``, about [0, 1].

    Height and width must be multiples of ``4 * 2**levels``.
    """

    def __init__(self, sizes: FANSizes) -> None:
        super().__init__()
        stem, second, third, width = sizes.widths
        self.stacks, self.points = sizes.stacks, sizes.points
        self.conv1 = nn.Conv2d(3, stem, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(stem)
        self.conv2 = FANBlock(stem, second)
        self.conv3 = FANBlock(second, third)
        self.conv4 = FANBlock(third, width)
        for stack in range(sizes.stacks):
            self.add_module(f"m{stack}", Hourglass(sizes.levels, width))
            self.add_module(f"top_m_{stack}", FANBlock(width, width))
            self.add_module(f"conv_last{stack}", nn.Conv2d(width, width, 1))
            self.add_module(f"bn_end{stack}", nn.BatchNorm2d(width))
            self.add_module(f"l{stack}", nn.Conv2d(width, sizes.points, 1))
            if stack < sizes.stacks - 1:
                self.add_module(f"bl{stack}", nn.Conv2d(width, width, 1))
                self.add_module(f"al{stack}", nn.Conv2d(sizes.points, width, 1))

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> FAN:
        """Build the network of a state dict, frozen, in evaluation mode, float32; it may share the state's memory.

        Raises:
            i2i.I2IError: keys are missing or unknown, or tensors have other shapes; names them.
        """
        sizes = FANSizes.of(state)
        if sizes is None:
            raise i2i.I2IError(
                f"the file is no FAN, which has 'conv1.weight', hourglasses from 'm0' on and 'l0'; {NEEDED}."
            )
        with torch.device("meta"):  # saves the memory and time of random weights
            network = cls(sizes)
        load_frozen_network(network, state, "FAN", NEEDED)
        return network.requires_grad_(False).eval()

    def forward(self, crops: Tensor) -> Tensor:
        part = self.get_submodule
        x = F.relu(self.bn1(self.conv1(crops)), inplace=True)
        x = self.conv4(self.conv3(F.avg_pool2d(self.conv2(x), 2)))
        for stack in range(self.stacks):
            found = part(f"top_m_{stack}")(part(f"m{stack}")(x))
            found = F.relu(part(f"bn_end{stack}")(part(f"conv_last{stack}")(found)), inplace=True)
            maps: Tensor = part(f"l{stack}")(found)
            if stack < self.stacks - 1:
                x = x + part(f"bl{stack}")(found) + part(f"al{stack}")(maps)
        return maps

    def fold(self) -> FAN:
        """Replace batch normalisations by ``FoldedBatchNorm``: exact but for rounding, for a frozen network only."""
        for owner in list(self.modules()):
            for name, each in list(owner.named_children()):
                if isinstance(each, nn.BatchNorm2d):
                    setattr(owner, name, FoldedBatchNorm(each))
        return self
