"""The generator of StyleGAN2 (Karras et al. 2020): mapping and synthesis, with NVlabs' names of tensors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Tensors
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import i2i

from .blurring import up2
from .mapping import Mapping, below
from .modulation import StyledConv, ToRGB
from .plan import Architecture, Plan

Noise = Literal["const", "random", "none"] | Tensors[str, Tensor]
"""Or maps by the name of their layer (``"b8.conv0"``), each ``(N or 1, 1, R, R)``; others stay as stored."""
Rows = Tensor | Sequence[Tensor]
"""w as ``(N, num_ws, w_dim)``, or the rows of it as ``num_ws`` times ``(N, w_dim)``."""


class Block(nn.Module):
    """One resolution: two convolutions, of which the first doubles it, and a picture where the architecture has one."""

    const: nn.Parameter

    def __init__(self, plan: Plan, resolution: int) -> None:
        super().__init__()
        self.architecture, self.first = plan.architecture, resolution == 4
        channels = plan.widths[resolution]
        shared: dict[str, Any] = {"use_noise": plan.use_noise, "clamp": plan.conv_clamp}
        if self.first:
            self.const = nn.Parameter(torch.randn(channels, 4, 4))
        else:
            before = plan.widths[resolution // 2]
            self.conv0 = StyledConv(before, channels, plan.w_dim, resolution, up=True, **shared)
            if plan.architecture == "resnet":
                self.skip = Skip(before, channels)
        self.conv1 = StyledConv(channels, channels, plan.w_dim, resolution, **shared)
        self.draws = plan.architecture == "skip" or resolution == max(plan.widths)
        if self.draws:
            self.torgb = ToRGB(channels, plan.img_channels, plan.w_dim, plan.conv_clamp)

    @property
    def rows(self) -> int:
        """Rows of w that its convolutions take; its picture takes the next one."""
        return 1 if self.first else 2

    def forward(self, x: Tensor, ws: Sequence[Tensor], noise: Tensors[str, str | Tensor]) -> Tensor:
        """``x (N, I, R/2, R/2)`` and ``rows`` times ``(N, w_dim)`` -> ``(N, C, R, R)``."""
        if self.first:
            y: Tensor = self.conv1(x, ws[0], noise["conv1"])
            return y
        if self.architecture != "resnet":
            y = self.conv1(self.conv0(x, ws[0], noise["conv0"]), ws[1], noise["conv1"])
            return y
        gain = math.sqrt(0.5)
        beside: Tensor = self.skip(x, gain)
        y = self.conv1(self.conv0(x, ws[0], noise["conv0"]), ws[1], noise["conv1"], gain)
        return beside + y


class Skip(nn.Module):
    """The short cut of a residual block: 1x1 convolution and doubling."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 1, 1))

    def forward(self, x: Tensor, gain: float) -> Tensor:
        weight = self.weight * (gain / math.sqrt(self.weight.shape[1]))
        return up2(F.conv2d(x, weight.to(x.dtype)))


class Synthesis(nn.Module):
    """``ws (N, num_ws, w_dim)`` -> pictures ``(N, C, R, R)`` float32.

    Attributes:
        dtype: What the maps are computed in; styles, demodulation and pictures are float32 throughout.
        layout: How the maps lie in memory.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan, self.w_dim = plan, plan.w_dim
        self.resolutions = tuple(plan.widths)
        self.resolution, self.channels = max(plan.widths), plan.img_channels
        self.num_ws = 2 * len(plan.widths)
        self.dtype, self.layout = torch.float32, torch.channels_last
        for resolution in self.resolutions:
            self.add_module(f"b{resolution}", Block(plan, resolution))

    def block(self, resolution: int) -> Block:
        """The block of a resolution."""
        found = self.get_submodule(f"b{resolution}")
        assert isinstance(found, Block)
        return found

    def forward(
        self, ws: Rows, noise: Noise = "const", features: int | None = None, until: int | None = None
    ) -> Tensor:
        """The picture; or, with ``features``, what the block of that resolution makes, before toRGB.

        With ``until`` the picture as far as it is drawn at that resolution, which is its size; every resolution draws
        but in the architecture ``resnet``.
        """
        x, picture = self._draw(ws, noise, features or until or self.resolution, features is None)
        return x if picture is None else picture

    def both(self, ws: Rows, resolution: int, noise: Noise = "const") -> tuple[Tensor, Tensor]:
        """``features(ws, resolution, noise)`` and the picture, in one pass.

        Raises:
            UsageError: there is no such block.
        """
        self._check(resolution)
        kept: dict[int, Tensor] = {}
        _, picture = self._draw(ws, noise, self.resolution, True, kept)
        assert picture is not None
        return kept[resolution], picture

    def _draw(
        self, ws: Rows, noise: Noise, until: int, draws: bool, kept: dict[int, Tensor] | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """The last maps, and the picture where one is drawn; ``kept`` gets the maps of every resolution."""
        picture: Tensor | None = None
        x: Tensor
        for block, x, drawing in self._walk(ws, noise, until):
            if kept is not None:
                kept[x.shape[-1]] = x
            if block.draws and draws:
                drawn = block.torgb(x, drawing)
                picture = drawn if picture is None else up2(picture) + drawn
        return x, picture

    def features(self, ws: Rows, resolution: int, noise: Noise = "const") -> Tensor:
        """The maps of a resolution, ``(N, C, resolution, resolution)``, computed no further than that.

        Raises:
            UsageError: there is no such block.
        """
        self._check(resolution)
        maps: Tensor = self(ws, noise, resolution)
        return maps

    def _check(self, resolution: int) -> None:
        if resolution not in self.resolutions:
            known = ", ".join(map(str, self.resolutions))
            raise i2i.UsageError(f"This generator has no features at {resolution} px; choose one of {known}.")

    def styles(self) -> list[Tensor]:
        """By row of w, the weights ``(C, w_dim)`` of the affine maps that read it; toRGB's where nothing else does."""
        convs = [conv for _, _, conv in self.styled()]
        return [layer.affine.weight.detach() for layer in (*convs, self.block(self.resolution).torgb)]

    def styled(self) -> list[tuple[str, int, StyledConv]]:
        """The convolutions in order: name, the row of w that each reads, and the layer."""
        convs = [(name, layer) for name, layer in self.named_modules() if isinstance(layer, StyledConv)]
        return [(name, row, layer) for row, (name, layer) in enumerate(convs)]

    def _walk(self, ws: Rows, noise: Noise, until: int) -> Iterator[tuple[Block, Tensor, Tensor]]:
        """Each block in turn, the maps it makes, and the row of w for its picture."""
        rows = ws.unbind(dim=1) if isinstance(ws, Tensor) else ws
        const = self.block(4).const.to(self.dtype)
        x = const.expand(len(rows[0]), -1, -1, -1).contiguous(memory_format=self.layout)
        row = 0
        for resolution in self.resolutions:
            if resolution > until:
                return
            block = self.block(resolution)
            x = block(x, rows[row : row + block.rows], _noise_of(noise, resolution))
            row += block.rows
            yield block, x, rows[row]


def _noise_of(noise: Noise, resolution: int) -> dict[str, str | Tensor]:
    """What each convolution of a block gets."""
    if isinstance(noise, str):
        return {"conv0": noise, "conv1": noise}
    return {name: noise.get(f"b{resolution}.{name}", "const") for name in ("conv0", "conv1")}


class Generator(nn.Module):
    """``mapping`` and ``synthesis``."""

    def __init__(self, mapping: Mapping, synthesis: Synthesis) -> None:
        super().__init__()
        self.mapping, self.synthesis = mapping, synthesis

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
    ) -> Generator:
        """A new one, to be trained."""
        plan = Plan.of(
            resolution,
            channel_base,
            channel_max,
            w_dim=w_dim,
            img_channels=img_channels,
            architecture=architecture,
            conv_clamp=conv_clamp,
        )
        synthesis = Synthesis(plan)
        mapping = Mapping(z_dim, c_dim, w_dim, synthesis.num_ws, mapping_layers, lr_multiplier)
        mapping.w_avg.zero_()
        return cls(mapping, synthesis)

    @classmethod
    def from_tensors(cls, tensors: Tensors[str, Tensor], arguments: Tensors[str, Any]) -> Generator:
        """The generator whose state dict is ``tensors``; its sizes are read from their names and shapes.

        Args:
            arguments: ``conv_clamp`` and the mapping's ``lr_multiplier``, where they are not the usual ones.

        Raises:
            I2IError: tensors are missing, left over or of the wrong shape.
        """
        parts = {part: below(tensors, part) for part in ("mapping", "synthesis")}
        try:
            synthesis = Synthesis(Plan.read(parts["synthesis"], arguments.get("conv_clamp")))
            mapping = Mapping.from_tensors(parts["mapping"], synthesis.num_ws, arguments.get("lr_multiplier", 0.01))
            known = {name: value for name, value in parts["synthesis"].items() if not name.endswith("resample_filter")}
            synthesis.load_state_dict({**filters_of(synthesis), **known})
        except (KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise i2i.I2IError(f"it is no whole StyleGAN2 generator ({reason}); get it again") from None
        return cls(mapping, synthesis)


def filters_of(network: nn.Module) -> dict[str, Tensor]:
    """The filters that a network has of itself: all are [1, 3, 3, 1], and files keep more of them than are used."""
    return {name: tensor for name, tensor in network.state_dict().items() if name.endswith("resample_filter")}
