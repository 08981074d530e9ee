"""The synthesis network of MobileStyleGAN (Belousov 2021): w -> images, through the bands of a wavelet transform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from i2i.toolkit.latents.style_network import Noise, StyleSynthesis

from .layers import FirstConv, NoisyLayer, SeparableConv, StyledLayer, ToImage, Upsampling


@dataclass(frozen=True)
class MobileSizes:
    """Sizes of a synthesis network."""

    w_dim: int
    const: int
    """Channels of the constant."""
    widths: Mapping[int, int]
    """Channels of each resolution, from 4 up to half of the image's; multiples of 4, but for the last."""
    colours: int = 3

    @property
    def resolution(self) -> int:
        """Height and width of the images, pixels."""
        return 2 * max(self.widths)

    @property
    def num_ws(self) -> int:
        """Number of layers of w."""
        return 2 * len(self.widths)


class WaveletBlock(nn.Module):
    """The layers of one resolution: upsampling and two separable convolutions."""

    def __init__(self, sizes: MobileSizes, resolution: int) -> None:
        super().__init__()
        before, channels = sizes.widths[resolution // 2], sizes.widths[resolution]
        self.up = Upsampling(before, sizes.w_dim)
        self.conv1 = SeparableConv(before // 4, channels, sizes.w_dim, resolution)
        self.conv2 = SeparableConv(channels, channels, sizes.w_dim, resolution)

    def forward(self, x: Tensor, ws: Sequence[Tensor], noise: Mapping[str, str | Tensor], bands: bool) -> Tensor:
        """Compute ``(N, C, R, R)`` from ``x (N, I, R/2, R/2)`` in band order and two layers of w ``(N, w_dim)``."""
        x = self.conv1(self.up(x, ws[0]), ws[0], noise["conv1"])
        y: Tensor = self.conv2(x, ws[1], noise["conv2"], bands)
        return y


class FirstBlock(nn.Module):
    """The layer of 4 px."""

    def __init__(self, sizes: MobileSizes) -> None:
        super().__init__()
        self.conv = FirstConv(sizes.const, sizes.widths[4], sizes.w_dim)


class Synthesis(StyleSynthesis):
    """``num_ws`` layers of w, ``(N, w_dim)`` each -> images ``(N, C, R, R)`` float32."""

    def __init__(self, sizes: MobileSizes) -> None:
        super().__init__()
        self.sizes, self.w_dim = sizes, sizes.w_dim
        self.resolutions = tuple(sizes.widths)
        self.resolution, self.channels = sizes.resolution, sizes.colours
        self.num_ws = sizes.num_ws
        self.block4 = FirstBlock(sizes)
        for resolution in self.resolutions[1:]:
            self.add_module(f"block{resolution}", WaveletBlock(sizes, resolution))
        self.to_image = ToImage(sizes.widths[max(sizes.widths)], sizes.colours, sizes.w_dim)

    def forward(self, ws: Sequence[Tensor], noise: Noise = "const", features: int | None = None) -> Tensor:
        """Render images, or with ``features`` the feature maps of that resolution alone."""
        *_, (_, x) = self._blocks(ws, noise, features or self.resolutions[-1])
        return x if features else self.to_image(x, ws[-1])

    def features(self, ws: Sequence[Tensor], resolution: int, noise: Noise = "const") -> Tensor:
        """Compute the feature maps ``(N, C, resolution, resolution)`` of a block, and no later layers.

        Raises:
            UsageError: there is no such block.
        """
        self.check_resolution(resolution)
        maps: Tensor = self(ws, noise, resolution)
        return maps

    def features_and_images(self, ws: Sequence[Tensor], resolution: int) -> tuple[Tensor, Tensor]:
        """Compute ``features(ws, resolution)`` and the images in one pass.

        Raises:
            UsageError: there is no such block.
        """
        self.check_resolution(resolution)
        maps = x = torch.empty(0)
        for number, x in self._blocks(ws, "const", self.resolutions[-1]):
            maps = x if number == resolution else maps
        if resolution != self.resolutions[-1]:
            maps = _published_order(maps)
        return maps, self.to_image(x, ws[-1])

    def _blocks(self, ws: Sequence[Tensor], noise: Noise, last: int) -> Iterator[tuple[int, Tensor]]:
        """Run the blocks; yield the resolution and feature maps of each, in band order but for the last one."""
        x = self.block4.conv(ws[0], _noise_of(noise, "block4.conv"), bands=last > 4)
        yield 4, x
        for number, resolution in enumerate(self.resolutions[1:]):
            if resolution > last:
                return
            block = self.get_submodule(f"block{resolution}")
            maps = {name: _noise_of(noise, f"block{resolution}.{name}") for name in ("conv1", "conv2")}
            x = block(x, ws[2 * number + 1 : 2 * number + 3], maps, bands=resolution < last)
            yield resolution, x

    def layers(self) -> list[tuple[str, int, StyledLayer]]:
        """Return the layers that read w, in order: name, index of the layer of w, and module."""
        found: list[tuple[str, int, StyledLayer]] = [("block4.conv", 0, self.block4.conv)]
        for number, resolution in enumerate(self.resolutions[1:]):
            for name, offset in (("up", 1), ("conv1", 1), ("conv2", 2)):
                module = self.get_submodule(f"block{resolution}.{name}")
                assert isinstance(module, StyledLayer)
                found.append((f"block{resolution}.{name}", 2 * number + offset, module))
        return [*found, ("to_image", self.num_ws - 1, self.to_image)]

    def styled(self) -> list[tuple[str, int, StyledLayer]]:
        """Return ``layers()`` without the last one, which makes colours only."""
        return self.layers()[:-1]

    def styles(self) -> list[Tensor]:
        """Return by layer of w the affine weights ``(C, w_dim)`` that read it; upsampling and convolution together."""
        found: list[list[Tensor]] = [[] for _ in range(self.num_ws)]
        for _, index, layer in self.layers():
            found[index].append(layer.affine.weight.detach())
        return [torch.cat(weights) for weights in found]

    def noise_layers(self) -> dict[str, NoisyLayer]:
        """Return the layers that add noise, by name."""
        return {name: module for name, _, module in self.layers() if isinstance(module, NoisyLayer)}


def _noise_of(noise: Noise, name: str) -> str | Tensor:
    return noise if isinstance(noise, str) else noise.get(name, "const")


def _published_order(maps: Tensor) -> Tensor:
    """Bring channels from band order to the published order; without an index, whose backward pass is slow."""
    quarter = maps.shape[1] // 4
    low, high = maps.split([quarter, 3 * quarter], dim=1)
    return torch.cat([low, high.unflatten(1, (3, quarter)).transpose(1, 2).flatten(1, 2)], dim=1)
