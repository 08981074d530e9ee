"""The generator of StyleGAN2 (Karras et al. 2020): mapping and synthesis, with NVlabs' names of tensors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import i2i
from i2i.toolkit.latents.style_network import Noise, StyleNetwork, StyleSynthesis

from .mapping import MappingNetwork, tensors_of
from .modulated_convolution import StyledConv, ToRGB
from .resampling import upsample2

Architecture = Literal["skip", "resnet", "orig"]
LatentLayers = Tensor | Sequence[Tensor]
"""w as ``(N, num_ws, w_dim)``, or its layers as ``num_ws`` tensors ``(N, w_dim)``."""


@dataclass(frozen=True)
class SynthesisSizes:
    """Sizes of a StyleGAN2 synthesis network: chosen, or read from the tensors of a file."""

    w_dim: int
    widths: Mapping[int, int]
    """Channels of each resolution, from 4 up."""
    img_channels: int = 3
    architecture: Architecture = "skip"
    use_noise: bool = True
    conv_clamp: float | None = None

    @classmethod
    def of(cls, resolution: int, channel_base: int, channel_max: int, **settings: Any) -> SynthesisSizes:
        """Create sizes with the channels of ``widths_of``."""
        return cls(widths=widths_of(resolution, channel_base, channel_max), **settings)

    @classmethod
    def read(cls, tensors: Mapping[str, Tensor], conv_clamp: float | None) -> SynthesisSizes:
        """Read the sizes from the names and shapes of a synthesis network's state dict.

        Raises:
            I2IError: the last toRGB layer is missing.
            KeyError: another layer is missing.
        """
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
    """Return ``min(channel_base / r, channel_max)`` channels for each resolution r from 4 px up, as published."""
    levels = range(2, int(math.log2(resolution)) + 1)
    return {2**level: min(channel_base // 2**level, channel_max) for level in levels}


class SynthesisBlock(nn.Module):
    """The layers of one resolution: an upsampling convolution (not at 4 px), a convolution, and toRGB in most."""

    const: nn.Parameter

    def __init__(self, sizes: SynthesisSizes, resolution: int) -> None:
        super().__init__()
        self.architecture, self.first = sizes.architecture, resolution == 4
        channels = sizes.widths[resolution]
        shared: dict[str, Any] = {"use_noise": sizes.use_noise, "clamp": sizes.conv_clamp}
        if self.first:
            self.const = nn.Parameter(torch.randn(channels, 4, 4))
        else:
            before = sizes.widths[resolution // 2]
            self.conv0 = StyledConv(before, channels, sizes.w_dim, resolution, up=True, **shared)
            if sizes.architecture == "resnet":
                self.skip = SkipConv(before, channels)
        self.conv1 = StyledConv(channels, channels, sizes.w_dim, resolution, **shared)
        self.has_rgb = sizes.architecture == "skip" or resolution == max(sizes.widths)
        if self.has_rgb:
            self.torgb = ToRGB(channels, sizes.img_channels, sizes.w_dim, sizes.conv_clamp)

    @property
    def num_layers(self) -> int:
        """Number of layers of w that the convolutions use; toRGB uses the one after them."""
        return 1 if self.first else 2

    def forward(self, x: Tensor, ws: Sequence[Tensor], noise: Mapping[str, str | Tensor]) -> Tensor:
        """Compute ``(N, C, R, R)`` from ``x (N, I, R/2, R/2)`` and ``num_layers`` tensors ``(N, w_dim)``."""
        if self.first:
            y: Tensor = self.conv1(x, ws[0], noise["conv1"])
            return y
        if self.architecture != "resnet":
            y = self.conv1(self.conv0(x, ws[0], noise["conv0"]), ws[1], noise["conv1"])
            return y
        gain = math.sqrt(0.5)
        skip: Tensor = self.skip(x, gain)
        y = self.conv1(self.conv0(x, ws[0], noise["conv0"]), ws[1], noise["conv1"], gain)
        return skip + y


class SkipConv(nn.Module):
    """The shortcut of a residual block: 1x1 convolution, then upsampling by 2."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 1, 1))

    def forward(self, x: Tensor, gain: float) -> Tensor:
        weight = self.weight * (gain / math.sqrt(self.weight.shape[1]))
        return upsample2(F.conv2d(x, weight.to(x.dtype)))


class StyleGAN2Synthesis(StyleSynthesis):
    """The synthesis network: ``ws (N, num_ws, w_dim)`` -> images ``(N, C, R, R)`` float32.

    Attributes:
        dtype: Type of the feature maps; styles, demodulation and images are always float32.
        layout: Memory format of the feature maps.
    """

    def __init__(self, sizes: SynthesisSizes) -> None:
        super().__init__()
        self.sizes, self.w_dim = sizes, sizes.w_dim
        self.resolutions = tuple(sizes.widths)
        self.resolution, self.channels = max(sizes.widths), sizes.img_channels
        self.num_ws = 2 * len(sizes.widths)
        self.dtype, self.layout = torch.float32, torch.channels_last
        for resolution in self.resolutions:
            self.add_module(f"b{resolution}", SynthesisBlock(sizes, resolution))

    def block(self, resolution: int) -> SynthesisBlock:
        """Return the block of a resolution."""
        module = self.get_submodule(f"b{resolution}")
        assert isinstance(module, SynthesisBlock)
        return module

    def forward(
        self, ws: LatentLayers, noise: Noise = "const", features: int | None = None, until: int | None = None
    ) -> Tensor:
        """Render images, or with ``features`` the feature maps of that resolution, before toRGB.

        With ``until``, return the image that the layers up to that resolution make, ``(N, C, until, until)``; in the
        architecture ``resnet`` only the last resolution has an image.
        """
        x, image = self._run(ws, noise, features or until or self.resolution, features is None)
        return x if image is None else image

    def features_and_images(self, ws: LatentLayers, resolution: int, noise: Noise = "const") -> tuple[Tensor, Tensor]:
        """Compute ``features(ws, resolution, noise)`` and the image in one pass.

        Raises:
            UsageError: there is no such block.
        """
        self.check_resolution(resolution)
        maps: dict[int, Tensor] = {}
        _, image = self._run(ws, noise, self.resolution, True, maps)
        assert image is not None
        return maps[resolution], image

    def _run(
        self, ws: LatentLayers, noise: Noise, until: int, with_image: bool, maps: dict[int, Tensor] | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Run the blocks up to ``until`` px; return the last feature maps and the image, if there is one.

        Args:
            maps: A dictionary that receives the feature maps of every resolution.
        """
        image: Tensor | None = None
        x: Tensor
        for block, x, w in self._blocks(ws, noise, until):
            if maps is not None:
                maps[x.shape[-1]] = x
            if block.has_rgb and with_image:
                rgb = block.torgb(x, w)
                image = rgb if image is None else upsample2(image) + rgb
        return x, image

    def features(self, ws: LatentLayers, resolution: int, noise: Noise = "const") -> Tensor:
        """Compute the feature maps ``(N, C, resolution, resolution)``, and no later layers.

        Raises:
            UsageError: there is no such block.
        """
        self.check_resolution(resolution)
        maps: Tensor = self(ws, noise, resolution)
        return maps

    def styles(self) -> list[Tensor]:
        """Return by layer of w the affine weights ``(C, w_dim)`` that use it; of toRGB only in the last."""
        convs = [conv for _, _, conv in self.styled()]
        return [layer.affine.weight.detach() for layer in (*convs, self.block(self.resolution).torgb)]

    def styled(self) -> list[tuple[str, int, StyledConv]]:
        """Return the convolutions in order: name, index of the layer of w that it uses, and module."""
        convs = [(name, layer) for name, layer in self.named_modules() if isinstance(layer, StyledConv)]
        return [(name, index, layer) for index, (name, layer) in enumerate(convs)]

    def noise_layers(self) -> dict[str, StyledConv]:
        """Return the convolutions that add noise, by name."""
        return {name: layer for name, _, layer in self.styled() if layer.use_noise}

    def _blocks(self, ws: LatentLayers, noise: Noise, until: int) -> Iterator[tuple[SynthesisBlock, Tensor, Tensor]]:
        """Run the blocks in turn; yield each block, its feature maps, and the layer of w for its toRGB."""
        layers = ws.unbind(dim=1) if isinstance(ws, Tensor) else ws
        const = self.block(4).const.to(self.dtype)
        x = const.expand(len(layers[0]), -1, -1, -1).contiguous(memory_format=self.layout)
        index = 0
        for resolution in self.resolutions:
            if resolution > until:
                return
            block = self.block(resolution)
            x = block(x, layers[index : index + block.num_layers], _noise_of(noise, resolution))
            index += block.num_layers
            yield block, x, layers[index]


def _noise_of(noise: Noise, resolution: int) -> dict[str, str | Tensor]:
    """Return the noise of each convolution of a block."""
    if isinstance(noise, str):
        return {"conv0": noise, "conv1": noise}
    return {name: noise.get(f"b{resolution}.{name}", "const") for name in ("conv0", "conv1")}


class StyleGAN2Generator(StyleNetwork):
    """A whole generator: the networks ``mapping`` and ``synthesis``."""

    mapping: MappingNetwork
    synthesis: StyleGAN2Synthesis

    @classmethod
    def create(
        cls,
        resolution: int,
        *,
        z_dim: int = 512,
        c_dim: int = 0,
        w_dim: int = 512,
        img_channels: int = 3,
        channel_base: int = 32768,
        channel_max: int = 512,
        mapping_layers: int = 8,
        lr_multiplier: float = 0.01,
        architecture: Architecture = "skip",
        conv_clamp: float | None = None,
    ) -> StyleGAN2Generator:
        """Create a generator with random weights, to be trained.

        Args:
            resolution: Height and width of the images, pixels; a power of two.
            channel_base, channel_max: Widths, as in ``widths_of``.
            conv_clamp: Limit of the activations; None for none.
        """
        sizes = SynthesisSizes.of(
            resolution,
            channel_base,
            channel_max,
            w_dim=w_dim,
            img_channels=img_channels,
            architecture=architecture,
            conv_clamp=conv_clamp,
        )
        synthesis = StyleGAN2Synthesis(sizes)
        mapping = MappingNetwork(z_dim, c_dim, w_dim, synthesis.num_ws, mapping_layers, lr_multiplier)
        mapping.w_avg.zero_()
        return cls(mapping, synthesis)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], arguments: Mapping[str, Any]) -> StyleGAN2Generator:
        """Build the generator whose state dict is ``tensors``; sizes are read from names and shapes.

        Args:
            arguments: ``conv_clamp`` (default None) and ``lr_multiplier`` of the mapping network (default 0.01).

        Raises:
            I2IError: tensors are missing, left over or of the wrong shape.
        """
        parts = {part: tensors_of(tensors, part) for part in ("mapping", "synthesis")}
        try:
            synthesis = StyleGAN2Synthesis(SynthesisSizes.read(parts["synthesis"], arguments.get("conv_clamp")))
            mapping = MappingNetwork.from_tensors(
                parts["mapping"], synthesis.num_ws, arguments.get("lr_multiplier", 0.01)
            )
            loaded = {name: value for name, value in parts["synthesis"].items() if not name.endswith("resample_filter")}
            synthesis.load_state_dict({**filters_of(synthesis), **loaded})
        except (KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise i2i.I2IError(f"it is no whole StyleGAN2 generator ({reason}); get it again") from None
        return cls(mapping, synthesis)


def filters_of(network: nn.Module) -> dict[str, Tensor]:
    """Return the resampling filters of a network: all are [1, 3, 3, 1], and files store more than are used."""
    return {name: tensor for name, tensor in network.state_dict().items() if name.endswith("resample_filter")}
