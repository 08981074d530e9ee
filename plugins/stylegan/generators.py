"""The families ``stylegan2`` and ``stylegan3`` as generators that editors use. Imports torch only when one is built."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, get_args

import i2i

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from i2i import Contents

Noise = Literal["const", "random", "none"]


class _StyleGAN(i2i.StyleGenerator):
    """What both families share: a frozen network with ``mapping`` and ``synthesis``."""

    network: Any
    """An ``nn.Module`` with ``mapping`` and ``synthesis``."""

    @classmethod
    def read(cls, contents: Contents) -> i2i.Weights | None:
        """The weights in a file of any format known to ``formats``, or None where they are not of this family."""
        from .formats import read

        weights = read(contents)
        return weights if weights is not None and weights.family == cls.name else None

    @staticmethod
    def licence(contents: Contents) -> str:
        """What a file lets one know about the terms of its weights."""
        from .formats import licence

        return licence(contents)

    def __init__(self, weights: i2i.Weights | None, device: i2i.Device) -> None:
        """Build the network, frozen, on the device, in the device's precision.

        Raises:
            I2IError: the weights are not whole.
        """
        if weights is None:
            raise i2i.UsageError(
                f"{self.name} is a family of generators, not one of them: name a file or a model ('i2i models list')."
            )
        import torch

        from .statistics import Statistics

        self.device = device
        with torch.inference_mode(False):  # what is made in it can never be learnt from, nor told to have changed
            network = self._network_class().from_tensors(weights.tensors, weights.arguments)
            self.network = network.requires_grad_(False).eval().to(device)
            self._prepare(self.network.synthesis, device)
        mapping, synthesis = self.network.mapping, self.network.synthesis
        self.z_dim, self.c_dim, self.w_dim = mapping.z_dim, mapping.c_dim, mapping.w_dim
        self.num_ws, self.resolution, self.channels = synthesis.num_ws, synthesis.resolution, synthesis.channels
        self._statistics = Statistics(mapping)
        if device.compiled:
            with torch.no_grad():  # what is kept of the weights is made before compiling
                synthesis(torch.zeros(1, self.num_ws, self.w_dim, device=device))
            # Fixed shapes: on CUDA the whole network becomes one graph, so that no time goes into launching kernels.
            synthesis.compile(mode="reduce-overhead" if device.type == "cuda" else None)

    @staticmethod
    def _network_class() -> Any:
        """The module that ``from_tensors`` builds; it lives where torch is imported."""
        raise TypeError("a family must define _network_class()")

    def _prepare(self, synthesis: Any, device: i2i.Device) -> None:
        """Set what the family computes in."""

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise i2i.UsageError(f"z has shape {tuple(z.shape)}; this generator takes (N, {self.z_dim}).")
        if self.c_dim and (c is None or tuple(c.shape) != (len(z), self.c_dim)):
            given = "no c is given" if c is None else f"c has shape {tuple(c.shape)}"
            raise i2i.UsageError(
                f"This generator knows {self.c_dim} classes, and {given}: give c ({len(z)}, {self.c_dim}), one-hot."
            )
        if truncation != 1.0:
            self._statistics.settle()
        c = c.to(self.device) if c is not None and self.c_dim else None
        w: Tensor = self.network.mapping(self._here(z), c, truncation, cutoff)
        return w

    def _checked(self, w: Tensor) -> Tensor:
        if w.ndim != 3 or tuple(w.shape[1:]) != (self.num_ws, self.w_dim):
            raise i2i.UsageError(
                f"w has shape {tuple(w.shape)}; this generator takes (N, {self.num_ws}, {self.w_dim}), as map() gives."
            )
        return self._here(w)

    def _rows(self, w: Tensor) -> tuple[Tensor, ...]:
        return i2i.rows_of(self._checked(w))

    def _here(self, tensor: Tensor) -> Tensor:
        """On the device, in float32: there are devices without float64, and half precision is too coarse for a w."""
        import torch

        return tensor.to(torch.float32).to(self.device)

    def _alone(self) -> AbstractContextManager[Any]:
        """No autocast of a caller: the network chooses what to compute in by itself."""
        import torch

        return torch.autocast(self.device.type, enabled=False)

    def _to_keep(self, maps: Tensor) -> Tensor:
        """With memory of their own: a CUDA graph writes each answer over the one before."""
        return maps.clone() if self.device.compiled and self.device.type == "cuda" else maps

    def weights(self) -> dict[str, Tensor]:
        """Those of the synthesis; the mapping network plays no part in drawing a given w."""
        return {name: tensor for name, tensor in self.network.named_parameters() if name.startswith("synthesis.")}

    def tuned(
        self, changes: Mapping[str, Tensor] | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> _StyleGAN:
        """A copy with a synthesis of its own; the mapping is shared. It is not compiled."""
        from .tuning import add, copy_synthesis, replace

        copied = copy.copy(self)
        copied.network = copy_synthesis(self.network)
        add(copied.weights(), changes or {})
        replace(copied._stored_noise(), noise or {})
        return copied

    def _stored_noise(self) -> dict[str, Tensor]:
        """The buffers of noise themselves ``(r, r)``, by the names of ``noise_maps``."""
        return {}

    def styles(self) -> list[Tensor]:
        """Of the layers that make maps; colours count in a row that steers nothing else."""
        found: list[Tensor] = self.network.synthesis.styles()
        return found

    def style_space(self, w: Tensor) -> dict[str, Tensor]:
        """Of the convolutions."""
        rows = self._checked(w)
        layers = self.network.synthesis.styled()
        return {f"synthesis.{name}.affine.bias": layer.affine(rows[:, row]) for name, row, layer in layers}

    @property
    def w_mean(self) -> Tensor:
        return self._statistics.mean

    @property
    def w_std(self) -> float:
        return self._statistics.deviation


class StyleGAN2(_StyleGAN):
    """StyleGAN2 (Karras et al. 2020), every size and architecture of it."""

    name = "stylegan2"
    summary = "StyleGAN2 and StyleGAN2-ADA, from NVlabs, rosinality or i2i files (Karras et al. 2020)."

    @staticmethod
    def _network_class() -> Any:
        from .networks.stylegan2 import Generator

        return Generator

    def _prepare(self, synthesis: Any, device: i2i.Device) -> None:
        import torch

        synthesis.dtype = device.dtype
        last = device.type == "cpu" or (device.type == "cuda" and device.dtype != torch.float32)
        synthesis.layout = torch.channels_last if last else torch.contiguous_format
        if device.dtype == torch.float32:
            for _, _, layer in synthesis.styled():
                layer.lay_out(synthesis.layout)

    def render(self, w: Tensor, noise: Noise | Mapping[str, Tensor] = "const") -> Tensor:
        """As ``i2i.Generator.render``. ``noise`` may also be maps by layer (``"b8.conv0"``), ``(N or 1, 1, r, r)``."""
        with self._alone():
            pictures: Tensor = self.network.synthesis(self._rows(w), self._checked_noise(noise))
        return self._to_keep(pictures)

    def features(self, w: Tensor, resolution: int, noise: Noise | Mapping[str, Tensor] = "const") -> Tensor:
        """The maps of the block of this resolution, before toRGB: 4, 8, ... up to the generator's own."""
        with self._alone():
            maps: Tensor = self.network.synthesis.features(self._rows(w), resolution, self._checked_noise(noise))
        return self._to_keep(maps.float())

    def features_and_pictures(self, w: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
        """Both in one pass."""
        with self._alone():
            maps, pictures = self.network.synthesis.both(self._rows(w), resolution)
        return self._to_keep(maps.float()), self._to_keep(pictures)

    def _checked_noise(self, noise: Noise | Mapping[str, Tensor]) -> Noise | Mapping[str, Tensor]:
        if isinstance(noise, str):
            if noise not in get_args(Noise):
                raise i2i.UsageError(f"noise is {noise!r}; give 'const', 'random', 'none', or maps by layer.")
            return noise
        sides = {name: len(layer.noise_const) for name, layer in self._noisy_layers()}
        for name, plane in noise.items():
            if name not in sides:
                raise i2i.UsageError(f"This generator has no noise in {name!r}; its noise_maps has the names.")
            if plane.ndim != 4 or tuple(plane.shape[1:]) != (1, sides[name], sides[name]):
                raise i2i.UsageError(
                    f"The noise of {name!r} has shape {tuple(plane.shape)}; "
                    f"this layer takes (N or 1, 1, {sides[name]}, {sides[name]})."
                )
        return {name: self._here(plane) for name, plane in noise.items()}

    @property
    def noise_maps(self) -> dict[str, Tensor]:
        """Copies of the stored noise by layer, each ``(1, 1, r, r)``, for ``render(w, noise=...)``."""
        return {name: plane[None, None].clone() for name, plane in self._stored_noise().items()}

    def _stored_noise(self) -> dict[str, Tensor]:
        return {name: layer.noise_const for name, layer in self._noisy_layers()}

    def _noisy_layers(self) -> list[tuple[str, Any]]:
        modules = self.network.synthesis.named_modules()
        return [(name, layer) for name, layer in modules if hasattr(layer, "noise_const")]


class StyleGAN3(_StyleGAN):
    """StyleGAN3 (Karras et al. 2021), configurations T and R; computed in float32, whatever the device's precision."""

    name = "stylegan3"
    summary = "StyleGAN3-T and StyleGAN3-R, from NVlabs or i2i files (Karras et al. 2021)."

    @staticmethod
    def _network_class() -> Any:
        from .networks.stylegan3 import Generator

        return Generator

    def render(self, w: Tensor, noise: Noise | Mapping[str, Tensor] = "const") -> Tensor:
        """As ``i2i.Generator.render``; StyleGAN3 has no noise, so ``noise`` changes nothing."""
        with self._alone():
            pictures: Tensor = self.network.synthesis(self._rows(w))
        return self._to_keep(pictures)

    def features(self, w: Tensor, resolution: int) -> Tensor:
        """The last maps at this sampling rate, cut to what the picture shows."""
        with self._alone():
            maps: Tensor = self.network.synthesis.features(self._rows(w), resolution)
        return self._to_keep(maps.float())
