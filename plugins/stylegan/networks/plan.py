"""The sizes of a StyleGAN2 generator: chosen, or read from the tensors of a file."""

from __future__ import annotations

import math
from collections.abc import Mapping as Tensors
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

import i2i

Architecture = Literal["skip", "resnet", "orig"]


@dataclass(frozen=True)
class Plan:
    """The sizes of a synthesis network."""

    w_dim: int
    widths: Tensors[int, int]
    """Channels of each resolution, from 4 up."""
    img_channels: int = 3
    architecture: Architecture = "skip"
    use_noise: bool = True
    conv_clamp: float | None = None

    @classmethod
    def of(cls, resolution: int, channel_base: int, channel_max: int, **settings: Any) -> Plan:
        """One of the channels that ``widths_of`` gives."""
        return cls(widths=widths_of(resolution, channel_base, channel_max), **settings)

    @classmethod
    def read(cls, tensors: Tensors[str, Tensor], conv_clamp: float | None) -> Plan:
        """From the names and shapes of a synthesis network's state dict."""
        widths, resolution = {}, 4
        while (weight := tensors.get(f"b{resolution}.conv1.weight")) is not None:
            widths[resolution] = weight.shape[0]
            resolution *= 2
        last = resolution // 2
        if f"b{last}.torgb.weight" not in tensors:
            raise i2i.I2IError(f"it is no whole StyleGAN2 generator: b{last}.torgb.weight is missing; get it again")
        if "b8.skip.weight" in tensors:
            architecture: Architecture = "resnet"
        else:
            architecture = "skip" if "b4.torgb.weight" in tensors else "orig"
        return cls(
            w_dim=tensors["b4.conv1.affine.weight"].shape[1],
            widths=widths,
            img_channels=tensors[f"b{last}.torgb.weight"].shape[0],
            architecture=architecture,
            use_noise="b4.conv1.noise_strength" in tensors,
            conv_clamp=conv_clamp,
        )


def widths_of(resolution: int, channel_base: int, channel_max: int) -> dict[int, int]:
    """``min(channel_base / r, channel_max)`` channels at each resolution r from 4 up, as published."""
    levels = range(2, int(math.log2(resolution)) + 1)
    return {2**level: min(channel_base // 2**level, channel_max) for level in levels}
