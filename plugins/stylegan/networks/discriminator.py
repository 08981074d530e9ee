"""The discriminator of StyleGAN2 (Karras et al. 2020), with NVlabs' names of tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping as Tensors
from typing import Any

import torch
from torch import Tensor, nn

import i2i

from .blurring import down2, filter2d
from .layers import Conv, Linear
from .mapping import Mapping, below
from .plan import Architecture, widths_of
from .stylegan2 import filters_of


def batch_deviation(x: Tensor, group: int) -> Tensor:
    """Append a channel with how much the samples of a group differ (Karras et al. 2018, section 3).

    ``(N, C, H, W)`` -> ``(N, C + 1, H, W)``. Sample n belongs to group ``n mod (N / group)``; where N is no multiple of
    ``group``, groups are as large as divides it.
    """
    n, channels, height, width = x.shape
    members = next(size for size in range(min(group, n), 0, -1) if n % size == 0)
    deviation = x.float().reshape(members, n // members, channels, height, width).var(dim=0, unbiased=False)
    mean = (deviation + 1e-8).sqrt().mean(dim=(1, 2, 3))
    plane = mean.repeat(members).view(n, 1, 1, 1).expand(n, 1, height, width)
    return torch.cat([x, plane.to(x.dtype)], dim=1)


class Block(nn.Module):
    """One resolution, R to R/2."""

    resample_filter: Tensor

    def __init__(
        self, architecture: Architecture, inner: int, outer: int, img_channels: int, reads: bool, clamp: float | None
    ) -> None:
        super().__init__()
        self.architecture, self.reads = architecture, reads
        self.register_buffer("resample_filter", filter2d())
        if reads:
            self.fromrgb = Conv(img_channels, inner, 1, clamp=clamp)
        self.conv0 = Conv(inner, inner, 3, clamp=clamp)
        self.conv1 = Conv(inner, outer, 3, down=True, clamp=clamp)
        if architecture == "resnet":
            self.skip = Conv(inner, outer, 1, activation="linear", bias=False, down=True)

    def forward(self, x: Tensor | None, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Maps ``(N, I, R, R)`` (None before the first) and the picture of this size; both of half the size."""
        if self.reads:
            read = self.fromrgb(picture)
            x = read if x is None else x + read
        if self.architecture == "skip":
            picture = down2(picture, self.resample_filter)
        if self.architecture != "resnet":
            return self.conv1(self.conv0(x)), picture
        gain = math.sqrt(0.5)
        return self.skip(x, gain) + self.conv1(self.conv0(x), gain), picture


class Epilogue(nn.Module):
    """From 4 x 4 to the logit."""

    def __init__(
        self, channels: int, outputs: int, group: int, img_channels: int, reads: bool, clamp: float | None
    ) -> None:
        super().__init__()
        self.group, self.reads = group, reads
        if reads:
            self.fromrgb = Conv(img_channels, channels, 1)
        self.conv = Conv(channels + (group > 0), channels, 3, clamp=clamp)
        self.fc = Linear(channels * 16, channels, "lrelu")
        self.out = Linear(channels, outputs)

    def forward(self, x: Tensor, picture: Tensor) -> Tensor:
        if self.reads:
            x = x + self.fromrgb(picture)
        x = batch_deviation(x, self.group) if self.group else x
        x = self.conv(x)
        # Flattened in the order (channel, row, column), whatever the layout in memory.
        y: Tensor = self.out(self.fc(x.flatten(1)))
        return y


class Discriminator(nn.Module):
    """Pictures ``(N, C, R, R)`` in [-1, 1] and, where conditional, classes ``(N, c_dim)`` -> logits ``(N, 1)``."""

    def __init__(
        self,
        widths: Tensors[int, int],
        img_channels: int = 3,
        architecture: Architecture = "resnet",
        mbstd_group_size: int = 4,
        conv_clamp: float | None = None,
        mapping: Mapping | None = None,
    ) -> None:
        """``widths``: channels of each resolution from 4 up; ``mapping``: of the classes."""
        super().__init__()
        self.resolutions = sorted(widths, reverse=True)
        self.c_dim = mapping.c_dim if mapping else 0
        for resolution in self.resolutions[:-1]:
            reads = architecture == "skip" or resolution == self.resolutions[0]
            block = Block(architecture, widths[resolution], widths[resolution // 2], img_channels, reads, conv_clamp)
            self.add_module(f"b{resolution}", block)
        if mapping is not None:
            self.mapping = mapping
        outputs = mapping.w_dim if mapping else 1
        self.b4 = Epilogue(widths[4], outputs, mbstd_group_size, img_channels, architecture == "skip", conv_clamp)

    @classmethod
    def create(
        cls,
        resolution: int,
        *,
        c_dim: int = 0,
        img_channels: int = 3,
        channel_base: int = 32768,
        channel_max: int = 512,
        mapping_layers: int = 8,
        architecture: Architecture = "resnet",
        mbstd_group_size: int = 4,
        conv_clamp: float | None = None,
    ) -> Discriminator:
        """A new one, to be trained."""
        widths = widths_of(resolution, channel_base, channel_max)
        mapping = Mapping(0, c_dim, widths[4], None, mapping_layers) if c_dim else None
        return cls(widths, img_channels, architecture, mbstd_group_size, conv_clamp, mapping)

    @classmethod
    def from_tensors(cls, tensors: Tensors[str, Tensor], arguments: Tensors[str, Any]) -> Discriminator:
        """The discriminator whose state dict is ``tensors``; its sizes are read from their names and shapes.

        Raises:
            I2IError: tensors are missing, left over or of the wrong shape.
        """
        try:
            widths, resolution = {4: tensors["b4.out.weight"].shape[1]}, 8
            while (weight := tensors.get(f"b{resolution}.conv0.weight")) is not None:
                widths[resolution] = weight.shape[0]
                resolution *= 2
            architecture: Architecture = "orig"
            if "b8.skip.weight" in tensors:
                architecture = "resnet"
            elif "b4.fromrgb.weight" in tensors:
                architecture = "skip"
            group = arguments.get("mbstd_group_size", 4) or 2**30  # None: the whole batch
            if tensors["b4.conv.weight"].shape[1] == widths[4]:
                group = 0
            classes = below(tensors, "mapping")
            mapping = Mapping.from_tensors(classes, None, arguments.get("lr_multiplier", 0.01)) if classes else None
            channels = tensors[f"b{max(widths)}.fromrgb.weight"].shape[1]
            made = cls(widths, channels, architecture, group, arguments.get("conv_clamp"), mapping)
            known = {name: value for name, value in tensors.items() if not name.endswith("resample_filter")}
            made.load_state_dict({**filters_of(made), **known})
        except (KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise i2i.I2IError(f"it is no whole StyleGAN2 discriminator ({reason}); get it again") from None
        return made

    def forward(self, picture: Tensor, c: Tensor | None = None) -> Tensor:
        x: Tensor | None = None
        for resolution in self.resolutions[:-1]:
            x, picture = self.get_submodule(f"b{resolution}")(x, picture)
        logits: Tensor = self.b4(x, picture)
        if not self.c_dim:
            return logits
        wanted: Tensor = self.mapping(None, c)
        return (logits * wanted).sum(dim=1, keepdim=True) / math.sqrt(self.mapping.w_dim)
