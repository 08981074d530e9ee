"""The generator of StyleGAN3, configurations T and R, under the tensor names of NVIDIA's ``G_ema``.

Karras et al. 2021, "Alias-Free Generative Adversarial Networks".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor

import i2i
from i2i.toolkit.latents.style_network import Noise, StyleNetwork, StyleSynthesis

from .mapping import MappingNetwork, tensors_of
from .stylegan3_design import DEFAULTS, LayerDesign, design, read_design
from .stylegan3_layers import AliasFreeToRGB, FilteredLayer, FourierInput


class StyleGAN3Synthesis(StyleSynthesis):
    """The synthesis network: ``ws (N, num_ws, w_dim)`` -> images, with random weights.

    Args:
        stages: Designs of the layers, from ``stylegan3_design.design``.
        kernel: Kernel size of the convolutions: 3 in configuration T, 1 in R.
        radial: Use radial downsampling filters, as in R, except in critically sampled layers.
        arguments: Values that differ from ``DEFAULTS``.
        filters: Stored filters by name, such as ``L0_36_512.up_filter``; the others are designed.
    """

    def __init__(
        self,
        w_dim: int,
        stages: Sequence[LayerDesign],
        kernel: int = 3,
        radial: bool = False,
        arguments: Mapping[str, Any] | None = None,
        filters: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        given = {**DEFAULTS, **(arguments or {})}
        stored = filters or {}
        self.stages = list(stages)
        self.w_dim, self.num_ws = w_dim, len(self.stages) + 1
        self.resolution, self.channels = self.stages[-1].size, self.stages[-1].channels
        self.output_scale = given["output_scale"]
        self.resolutions = tuple(sorted({stage.rate for stage in self.stages[:-1]}))
        first, last = self.stages[0], self.stages[-1]
        self.input = FourierInput(w_dim, first.channels, first.size, first.rate, first.cutoff)
        for before, after in zip([first, *self.stages], self.stages[:-1], strict=False):
            critical = after.index >= len(self.stages) - 1 - given["num_critical"]
            own = stored.get(f"{after.name}.up_filter"), stored.get(f"{after.name}.down_filter")
            self.add_module(
                after.name,
                FilteredLayer(w_dim, before, after, kernel, given, radial=radial and not critical, filters=own),
            )
        self.add_module(last.name, AliasFreeToRGB(w_dim, self.stages[-2], last, given["conv_clamp"]))

    def forward(self, ws: Tensor | Sequence[Tensor], noise: Noise = "const") -> Tensor:
        """Render ``(N, channels, R, R)`` float32, about [-1, 1], from ``ws (N, num_ws, w_dim)`` or its layers."""
        images: Tensor = self._run(ws, self.stages[-1]).float() * self.output_scale
        return images

    def features(self, ws: Tensor | Sequence[Tensor], resolution: int, noise: Noise = "const") -> Tensor:
        """Compute the output of the last layer at a sampling rate, without margins: ``(N, C, resolution, resolution)``.

        Raises:
            UsageError: no layer works at that rate.
        """
        self.check_resolution(resolution)
        last = [stage for stage in self.stages[:-1] if stage.rate == resolution][-1]
        inside = slice(last.margin, last.margin + resolution)
        return self._run(ws, last)[:, :, inside, inside]

    def styles(self) -> list[Tensor]:
        """Return by layer of w the affine weights ``(C, w_dim)`` that use it."""
        layers: list[Any] = [self.input, *(self.get_submodule(stage.name) for stage in self.stages)]
        return [layer.affine.weight.detach() for layer in layers]

    def styled(self) -> list[tuple[str, int, FilteredLayer]]:
        """Return the convolution layers in order: name, index of the layer of w that it uses, and module."""
        convs = [(name, layer) for name, layer in self.named_modules() if isinstance(layer, FilteredLayer)]
        return [(name, index, layer) for index, (name, layer) in enumerate(convs, 1)]

    def _run(self, ws: Tensor | Sequence[Tensor], last: LayerDesign) -> Tensor:
        first, *rest = ws.unbind(dim=1) if isinstance(ws, Tensor) else ws
        x: Tensor = self.input(first)
        for stage, w in zip(self.stages[: last.index + 1], rest, strict=False):
            x = self.get_submodule(stage.name)(x, w)
        return x


class StyleGAN3Generator(StyleNetwork):
    """A whole generator: the networks ``mapping`` and ``synthesis``."""

    mapping: MappingNetwork
    synthesis: StyleGAN3Synthesis

    @classmethod
    def create(
        cls,
        resolution: int,
        z_dim: int = 512,
        c_dim: int = 0,
        w_dim: int = 512,
        mapping_layers: int = 2,
        radial: bool = False,
        layers: int = 14,
        channels: int = 3,
        **arguments: Any,
    ) -> StyleGAN3Generator:
        """Create a generator with random weights: configuration T or, with ``radial``, R.

        Args:
            resolution: Height and width of the images, pixels; a power of two.
            layers: Number of layers before toRGB.
            channels: Channels of the images.
            arguments: Values that differ from ``stylegan3_design.DEFAULTS``.

        The published R have ``channel_base=65536, channel_max=1024``.
        """
        stages = design(resolution, layers, channels, **arguments)
        synthesis = StyleGAN3Synthesis(w_dim, stages, 1 if radial else 3, radial, arguments)
        return cls(MappingNetwork(z_dim, c_dim, w_dim, synthesis.num_ws, mapping_layers), synthesis)

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], arguments: Mapping[str, Any] | None = None
    ) -> StyleGAN3Generator:
        """Build the generator from a state dict with NVIDIA's names; the tensors are copied.

        Args:
            arguments: Values that differ from ``stylegan3_design.DEFAULTS``, and ``lr_multiplier`` of the mapping.

        Raises:
            I2IError: a tensor is missing or has another shape.
        """
        given = dict(arguments or {})
        parts = {part: tensors_of(tensors, part) for part in ("mapping", "synthesis")}
        synthesis = _read_synthesis(parts["synthesis"], given)
        if "fc0.weight" not in parts["mapping"]:
            raise _bad_tensor(["mapping.fc0.weight"], "is missing")
        mapping = MappingNetwork.from_tensors(parts["mapping"], synthesis.num_ws, given.get("lr_multiplier", 0.01))
        return cls(mapping, synthesis)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Render ``(N, channels, R, R)`` from ``z (N, z_dim)`` and classes ``c (N, c_dim)``."""
        images: Tensor = self.synthesis(self.mapping(z, c))
        return images


def _read_synthesis(tensors: Mapping[str, Tensor], given: Mapping[str, Any]) -> StyleGAN3Synthesis:
    """Build the synthesis network of a state dict.

    Raises:
        I2IError: a tensor is missing or has another shape.
    """
    names = {key.split(".")[0] for key in tensors if re.match(r"L\d+_\d+_\d+\.", key)}
    stages = read_design(names, given)
    for key in ("input.affine.weight", "input.freqs", "input.phases", f"{stages[0].name}.weight"):
        if key not in tensors:
            raise _bad_tensor([f"synthesis.{key}"], "is missing")
    kernel = tensors[f"{stages[0].name}.weight"].shape[-1]
    radial = bool(given.get("use_radial_filters", kernel == 1))
    filters = {key: value for key, value in tensors.items() if key.endswith("_filter")}
    w_dim = tensors["input.affine.weight"].shape[1]
    arguments = {key: value for key, value in given.items() if key in DEFAULTS}
    synthesis = StyleGAN3Synthesis(w_dim, stages, kernel, radial, arguments, filters)
    state = synthesis.state_dict()
    optional = {key for key in state if key.endswith("_filter") or key == "input.transform"}
    if missing := state.keys() - tensors.keys() - optional:
        raise _bad_tensor([f"synthesis.{key}" for key in missing], "is missing")
    if misshapen := [key for key in state if key in tensors and state[key].shape != tensors[key].shape]:
        raise _bad_tensor([f"synthesis.{key}" for key in misshapen], "has another shape than its layer")
    synthesis.load_state_dict({key: tensors.get(key, value) for key, value in state.items()})
    return synthesis


def _bad_tensor(keys: Iterable[str], fault: str) -> i2i.I2IError:
    return i2i.I2IError(
        f"{min(keys)} {fault} in this StyleGAN3 generator: the file is damaged or cut, download it again."
    )
