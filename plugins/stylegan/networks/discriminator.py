"""The discriminator of StyleGAN2 (Karras et al. 2020), with the tensor names of NVlabs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

import i2i

from .equalised_layers import EqualisedConv, EqualisedLinear
from .mapping import MappingNetwork, tensors_of
from .resampling import downsample2, filter2d
from .stylegan2 import Architecture, filters_of, widths_of


def minibatch_deviation(x: Tensor, group: int) -> Tensor:
    """Append a channel with the standard deviation within groups of samples (Karras et al. 2018, section 3).

    ``(N, C, H, W)`` -> ``(N, C + 1, H, W)``. Sample n belongs to group ``n mod (N / group)``; where N is no multiple of
    ``group``, the group size is the largest smaller divisor of N.
    """
    n, channels, height, width = x.shape
    members = next(size for size in range(min(group, n), 0, -1) if n % size == 0)
    deviation = x.float().reshape(members, n // members, channels, height, width).var(dim=0, unbiased=False)
    mean = (deviation + 1e-8).sqrt().mean(dim=(1, 2, 3))
    plane = mean.repeat(members).view(n, 1, 1, 1).expand(n, 1, height, width)
    return torch.cat([x, plane.to(x.dtype)], dim=1)


class DiscriminatorBlock(nn.Module):
    """The layers of one resolution, R to R/2."""

    resample_filter: Tensor

    def __init__(
        self, architecture: Architecture, inner: int, outer: int, img_channels: int, has_rgb: bool, clamp: float | None
    ) -> None:
        super().__init__()
        self.architecture, self.has_rgb = architecture, has_rgb
        self.register_buffer("resample_filter", filter2d())
        if has_rgb:
            self.fromrgb = EqualisedConv(img_channels, inner, 1, clamp=clamp)
        self.conv0 = EqualisedConv(inner, inner, 3, clamp=clamp)
        self.conv1 = EqualisedConv(inner, outer, 3, down=True, clamp=clamp)
        if architecture == "resnet":
            self.skip = EqualisedConv(inner, outer, 1, activation="linear", bias=False, down=True)

    def forward(self, x: Tensor | None, image: Tensor) -> tuple[Tensor, Tensor]:
        """Compute feature maps and image at R/2 from those at R; ``x (N, I, R, R)`` is None in the first block."""
        if self.has_rgb:
            features = self.fromrgb(image)
            x = features if x is None else x + features
        if self.architecture == "skip":
            image = downsample2(image, self.resample_filter)
        if self.architecture != "resnet":
            return self.conv1(self.conv0(x)), image
        gain = math.sqrt(0.5)
        return self.skip(x, gain) + self.conv1(self.conv0(x), gain), image


class DiscriminatorEpilogue(nn.Module):
    """The last layers, from 4 x 4 pixels to the logit."""

    def __init__(
        self, channels: int, outputs: int, group: int, img_channels: int, has_rgb: bool, clamp: float | None
    ) -> None:
        super().__init__()
        self.group, self.has_rgb = group, has_rgb
        if has_rgb:
            self.fromrgb = EqualisedConv(img_channels, channels, 1)
        self.conv = EqualisedConv(channels + (group > 0), channels, 3, clamp=clamp)
        self.fc = EqualisedLinear(channels * 16, channels, "lrelu")
        self.out = EqualisedLinear(channels, outputs)

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        if self.has_rgb:
            x = x + self.fromrgb(image)
        x = minibatch_deviation(x, self.group) if self.group else x
        x = self.conv(x)
        # Flattened in the order (channel, row, column), whatever the layout in memory.
        y: Tensor = self.out(self.fc(x.flatten(1)))
        return y


class Discriminator(nn.Module):
    """Images ``(N, C, R, R)`` in [-1, 1] and, where conditional, classes ``(N, c_dim)`` -> logits ``(N, 1)``."""

    def __init__(
        self,
        widths: Mapping[int, int],
        img_channels: int = 3,
        architecture: Architecture = "resnet",
        mbstd_group_size: int = 4,
        conv_clamp: float | None = None,
        mapping: MappingNetwork | None = None,
    ) -> None:
        """Create the network.

        Args:
            widths: Channels of each resolution, from 4 px up.
            mapping: Network that maps classes; None for an unconditional discriminator.
        """
        super().__init__()
        self.resolutions = sorted(widths, reverse=True)
        self.c_dim = mapping.c_dim if mapping else 0
        for resolution in self.resolutions[:-1]:
            has_rgb = architecture == "skip" or resolution == self.resolutions[0]
            block = DiscriminatorBlock(
                architecture, widths[resolution], widths[resolution // 2], img_channels, has_rgb, conv_clamp
            )
            self.add_module(f"b{resolution}", block)
        if mapping is not None:
            self.mapping = mapping
        outputs = mapping.w_dim if mapping else 1
        self.b4 = DiscriminatorEpilogue(
            widths[4], outputs, mbstd_group_size, img_channels, architecture == "skip", conv_clamp
        )

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
        """Create a discriminator with random weights, to be trained; arguments as in ``StyleGAN2Generator.create``."""
        widths = widths_of(resolution, channel_base, channel_max)
        mapping = MappingNetwork(0, c_dim, widths[4], None, mapping_layers) if c_dim else None
        return cls(widths, img_channels, architecture, mbstd_group_size, conv_clamp, mapping)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], arguments: Mapping[str, Any]) -> Discriminator:
        """Build the discriminator whose state dict is ``tensors``; sizes are read from names and shapes.

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
            classes = tensors_of(tensors, "mapping")
            mapping = (
                MappingNetwork.from_tensors(classes, None, arguments.get("lr_multiplier", 0.01)) if classes else None
            )
            channels = tensors[f"b{max(widths)}.fromrgb.weight"].shape[1]
            network = cls(widths, channels, architecture, group, arguments.get("conv_clamp"), mapping)
            loaded = {name: value for name, value in tensors.items() if not name.endswith("resample_filter")}
            network.load_state_dict({**filters_of(network), **loaded})
        except (KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise i2i.I2IError(f"it is no whole StyleGAN2 discriminator ({reason}); get it again") from None
        return network

    def forward(self, image: Tensor, c: Tensor | None = None) -> Tensor:
        x: Tensor | None = None
        for resolution in self.resolutions[:-1]:
            x, image = self.get_submodule(f"b{resolution}")(x, image)
        logits: Tensor = self.b4(x, image)
        if not self.c_dim:
            return logits
        classes: Tensor = self.mapping(None, c)
        return (logits * classes).sum(dim=1, keepdim=True) / math.sqrt(self.mapping.w_dim)
