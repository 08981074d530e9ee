"""The generator of StyleGAN3, configurations T and R, under the tensor names of NVIDIA's ``G_ema``.

Karras et al. 2021, "Alias-Free Generative Adversarial Networks".
"""

from __future__ import annotations

import re
from collections import abc
from typing import Any

from torch import Tensor, nn

import i2i

from .alias_free import DEFAULTS, Stage, design, read_design
from .filtered_layers import AliasFreeToRGB, FilteredLayer
from .fourier import FourierInput
from .mapping import Mapping, below


class Synthesis(nn.Module):
    """``ws (N, num_ws, w_dim)`` -> pictures; random weights until some are loaded.

    Args:
        stages: Of ``alias_free.design``.
        kernel: Of the convolutions: 3 in configuration T, 1 in R.
        radial: Radial filters on the way down, as in R, where the layer is not critically sampled.
        arguments: Any of ``DEFAULTS`` that are different.
        filters: Stored filters by name, such as ``L0_36_512.up_filter``; the others are designed.
    """

    def __init__(
        self,
        w_dim: int,
        stages: abc.Sequence[Stage],
        kernel: int = 3,
        radial: bool = False,
        arguments: abc.Mapping[str, Any] | None = None,
        filters: abc.Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        given = {**DEFAULTS, **(arguments or {})}
        stored = filters or {}
        self.stages = list(stages)
        self.w_dim, self.num_ws = w_dim, len(self.stages) + 1
        self.resolution, self.channels = self.stages[-1].size, self.stages[-1].channels
        self.output_scale = given["output_scale"]
        self.feature_resolutions = tuple(sorted({stage.rate for stage in self.stages[:-1]}))
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

    def forward(self, ws: Tensor | abc.Sequence[Tensor]) -> Tensor:
        """``ws (N, num_ws, w_dim)``, or its rows -> ``(N, channels, R, R)`` float32, about [-1, 1]."""
        pictures: Tensor = self._run(ws, self.stages[-1]).float() * self.output_scale
        return pictures

    def features(self, ws: Tensor | abc.Sequence[Tensor], resolution: int) -> Tensor:
        """What the last layer at a sampling rate gives, without margins: ``(N, C, resolution, resolution)``.

        Raises:
            I2IError: no layer works at that rate.
        """
        found = [stage for stage in self.stages[:-1] if stage.rate == resolution]
        if not found:
            there = ", ".join(map(str, self.feature_resolutions))
            raise i2i.I2IError(f"This generator has no features of {resolution} px; ask for one of {there}.")
        inside = slice(found[-1].margin, found[-1].margin + resolution)
        return self._run(ws, found[-1])[:, :, inside, inside]

    def styles(self) -> list[Tensor]:
        """By row of w, the weights ``(C, w_dim)`` of the affine map that reads it."""
        layers: list[Any] = [self.input, *(self.get_submodule(stage.name) for stage in self.stages)]
        return [layer.affine.weight.detach() for layer in layers]

    def styled(self) -> list[tuple[str, int, nn.Module]]:
        """The layers that make maps, in order: name, the row of w that each reads, and the layer."""
        return [(stage.name, row, self.get_submodule(stage.name)) for row, stage in enumerate(self.stages[:-1], 1)]

    def _run(self, ws: Tensor | abc.Sequence[Tensor], last: Stage) -> Tensor:
        first, *rest = ws.unbind(dim=1) if isinstance(ws, Tensor) else ws
        x: Tensor = self.input(first)
        for stage, w in zip(self.stages[: last.index + 1], rest, strict=False):
            x = self.get_submodule(stage.name)(x, w)
        return x


class Generator(nn.Module):
    """``z`` to pictures: ``mapping`` and ``synthesis``."""

    def __init__(self, mapping: Mapping, synthesis: Synthesis) -> None:
        super().__init__()
        self.mapping, self.synthesis = mapping, synthesis
        self.z_dim, self.c_dim, self.w_dim = mapping.z_dim, mapping.c_dim, synthesis.w_dim
        self.num_ws, self.resolution, self.channels = synthesis.num_ws, synthesis.resolution, synthesis.channels
        self.feature_resolutions = synthesis.feature_resolutions

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
    ) -> Generator:
        """One with random weights: configuration T or, with ``radial``, R; ``arguments`` as in ``alias_free.DEFAULTS``.

        The published R have ``channel_base=65536, channel_max=1024``.
        """
        stages = design(resolution, layers, channels, **arguments)
        synthesis = Synthesis(w_dim, stages, 1 if radial else 3, radial, arguments)
        return cls(Mapping(z_dim, c_dim, w_dim, synthesis.num_ws, mapping_layers), synthesis)

    @classmethod
    def from_tensors(
        cls, tensors: abc.Mapping[str, Tensor], arguments: abc.Mapping[str, Any] | None = None
    ) -> Generator:
        """Build it from a state dict under NVIDIA's names; the tensors are copied.

        Args:
            arguments: Those that differ from ``alias_free.DEFAULTS``, and ``lr_multiplier`` of the mapping.

        Raises:
            I2IError: a tensor is missing or does not fit.
        """
        given = dict(arguments or {})
        parts = {part: below(tensors, part) for part in ("mapping", "synthesis")}
        synthesis = _read_synthesis(parts["synthesis"], given)
        if "fc0.weight" not in parts["mapping"]:
            raise _unfit(["mapping.fc0.weight"], "is missing")
        mapping = Mapping.from_tensors(parts["mapping"], synthesis.num_ws, given.get("lr_multiplier", 0.01))
        return cls(mapping, synthesis)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """``z (N, z_dim)``, classes ``c (N, c_dim)`` -> ``(N, channels, R, R)``."""
        pictures: Tensor = self.synthesis(self.mapping(z, c))
        return pictures


def _read_synthesis(tensors: abc.Mapping[str, Tensor], given: abc.Mapping[str, Any]) -> Synthesis:
    names = {key.split(".")[0] for key in tensors if re.match(r"L\d+_\d+_\d+\.", key)}
    stages = read_design(names, given)
    for key in ("input.affine.weight", "input.freqs", "input.phases", f"{stages[0].name}.weight"):
        if key not in tensors:
            raise _unfit([f"synthesis.{key}"], "is missing")
    kernel = tensors[f"{stages[0].name}.weight"].shape[-1]
    radial = bool(given.get("use_radial_filters", kernel == 1))
    filters = {key: value for key, value in tensors.items() if key.endswith("_filter")}
    w_dim = tensors["input.affine.weight"].shape[1]
    arguments = {key: value for key, value in given.items() if key in DEFAULTS}
    made = Synthesis(w_dim, stages, kernel, radial, arguments, filters)
    state = made.state_dict()
    optional = {key for key in state if key.endswith("_filter") or key == "input.transform"}
    if missing := state.keys() - tensors.keys() - optional:
        raise _unfit([f"synthesis.{key}" for key in missing], "is missing")
    if misshapen := [key for key in state if key in tensors and state[key].shape != tensors[key].shape]:
        raise _unfit([f"synthesis.{key}" for key in misshapen], "has another shape than its layer")
    made.load_state_dict({key: tensors.get(key, value) for key, value in state.items()})
    return made


def _unfit(keys: abc.Iterable[str], trouble: str) -> i2i.I2IError:
    return i2i.I2IError(
        f"{min(keys)} {trouble} in this StyleGAN3 generator: the file is damaged or cut, fetch it again."
    )
