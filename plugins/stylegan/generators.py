"""The families ``stylegan2`` and ``stylegan3``: frozen generators for sampling and editing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

import i2i
from i2i import Contents

from .formats import licence, read
from .latent_statistics import LatentStatistics
from .networks.modulated_convolution import StyledConv
from .networks.stylegan2 import StyleGAN2Generator, StyleGAN2Synthesis
from .networks.stylegan3 import StyleGAN3Generator, StyleGAN3Synthesis

Noise = Literal["const", "random", "none"]


class _StyleGAN(i2i.StyleGenerator):
    """What both families share: a frozen network with ``mapping`` and ``synthesis``."""

    network_class: type[StyleGAN2Generator] | type[StyleGAN3Generator]
    """The class whose ``from_tensors`` builds the network."""
    network: StyleGAN2Generator | StyleGAN3Generator

    @classmethod
    def read(cls, contents: Contents) -> i2i.Weights | None:
        """Read the weights from a file of any format in ``formats``; None where they are not of this family."""
        weights = read(contents)
        return weights if weights is not None and weights.family == cls.name else None

    @staticmethod
    def licence(contents: Contents) -> str:
        """Return the licence of the weights in a file, as far as the file says."""
        return licence(contents)

    def __init__(self, weights: i2i.Weights | None, device: i2i.Device) -> None:
        """Build the network, frozen, on the device and in its precision.

        Raises:
            UsageError: ``weights`` is None; a family needs the weights of a file.
            I2IError: tensors are missing or do not fit.
        """
        if weights is None:
            raise i2i.UsageError(
                f"{self.name} is a family of generators, not one of them: name a file or a model ('i2i models list')."
            )
        self.device = device
        # Tensors made in inference mode can neither be optimised later nor count their versions.
        with torch.inference_mode(False):
            network = self.network_class.from_tensors(weights.tensors, weights.arguments)
            self.network = network.requires_grad_(False).eval().to(device)
            self._prepare(device)
        mapping, synthesis = self.network.mapping, self.network.synthesis
        self.z_dim, self.c_dim, self.w_dim = mapping.z_dim, mapping.c_dim, mapping.w_dim
        self.num_ws, self.resolution, self.channels = synthesis.num_ws, synthesis.resolution, synthesis.channels
        self._statistics = LatentStatistics(mapping)
        if device.compiled:
            with torch.no_grad():  # fills the cache of each layer before the code is compiled
                synthesis(torch.zeros(1, self.num_ws, self.w_dim, device=device))
            # Shapes are fixed: on CUDA the whole network becomes one graph, which saves the launches of kernels.
            synthesis.compile(mode="reduce-overhead" if device.type == "cuda" else None)

    def _prepare(self, device: i2i.Device) -> None:
        """Set the type and memory layout that the network computes in."""

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise i2i.UsageError(f"z has shape {tuple(z.shape)}; this generator takes (N, {self.z_dim}).")
        if self.c_dim and (c is None or tuple(c.shape) != (len(z), self.c_dim)):
            given = "no c is given" if c is None else f"c has shape {tuple(c.shape)}"
            raise i2i.UsageError(
                f"This generator knows {self.c_dim} classes, and {given}: give c ({len(z)}, {self.c_dim}), one-hot."
            )
        if truncation != 1.0:
            self._statistics.ensure_mean()
        c = c.to(self.device) if c is not None and self.c_dim else None
        w: Tensor = self.network.mapping(self._to_float32(z), c, truncation, cutoff)
        return w

    def _check_w(self, w: Tensor) -> Tensor:
        """Return w ``(N, num_ws, w_dim)`` float32 on the device.

        Raises:
            UsageError: it has another shape.
        """
        if w.ndim != 3 or tuple(w.shape[1:]) != (self.num_ws, self.w_dim):
            raise i2i.UsageError(
                f"w has shape {tuple(w.shape)}; this generator takes (N, {self.num_ws}, {self.w_dim}), as map() gives."
            )
        return self._to_float32(w)

    def _layers(self, w: Tensor) -> tuple[Tensor, ...]:
        return i2i.rows_of(self._check_w(w))

    def _to_float32(self, tensor: Tensor) -> Tensor:
        """Move to the device as float32: some devices lack float64, and half precision is too coarse for w."""
        return tensor.to(torch.float32).to(self.device)

    def _without_autocast(self) -> torch.autocast:
        """Switch a caller's autocast off: the network chooses its precision itself."""
        return torch.autocast(self.device.type, enabled=False)

    def _copy_output(self, tensor: Tensor) -> Tensor:
        """Return a tensor that the next call does not overwrite, as a CUDA graph does with its outputs."""
        return tensor.clone() if self.device.compiled and self.device.type == "cuda" else tensor

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of the synthesis network by name; the mapping network does not affect a given w."""
        return {name: tensor for name, tensor in self.network.named_parameters() if name.startswith("synthesis.")}

    def tuned(
        self, changes: Mapping[str, Tensor] | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> _StyleGAN:
        """Return a copy with a synthesis network of its own; the mapping network is shared. It is not compiled.

        Args:
            changes: Differences to add to the weights, by the names of ``weights()``.
            noise: Noise maps ``(1, 1, r, r)`` in place of the stored ones, by the names of ``noise_maps``.

        Raises:
            I2IError: a name is unknown, or a tensor has another shape.
        """
        copied = copy.copy(self)
        copied.network = copy.copy(self.network)
        copied.network._modules = {**self.network._modules, "synthesis": copy.deepcopy(self.network.synthesis)}
        weights, stored = copied.weights(), copied._stored_noise()
        with torch.no_grad():
            for name, change in (changes or {}).items():
                _check_fit(weights, name, tuple(change.shape), "weight")
                weights[name].add_(change.to(weights[name]))
            for name, noise_map in (noise or {}).items():
                _check_fit({key: own[None, None] for key, own in stored.items()}, name, tuple(noise_map.shape), "noise")
                stored[name].copy_(noise_map[0, 0])
        return copied

    def _stored_noise(self) -> dict[str, Tensor]:
        """Return the noise buffers themselves, ``(r, r)`` each, by the names of ``noise_maps``."""
        return {}

    def styles(self) -> list[Tensor]:
        """Return the affine weights ``(C, w_dim)`` of each layer of w; toRGB only where nothing else reads a layer."""
        return self.network.synthesis.styles()

    def style_space(self, w: Tensor) -> dict[str, Tensor]:
        """Compute the styles ``(N, C)`` of the convolutions by the names of their biases (Wu et al. 2021)."""
        layers = self._check_w(w)
        styled = self.network.synthesis.styled()
        return {f"synthesis.{name}.affine.bias": module.affine(layers[:, index]) for name, index, module in styled}

    @property
    def w_mean(self) -> Tensor:
        return self._statistics.mean

    @property
    def w_std(self) -> float:
        return self._statistics.deviation


class StyleGAN2(_StyleGAN):
    """StyleGAN2 (Karras et al. 2020), every resolution and architecture of it."""

    name = "stylegan2"
    summary = "StyleGAN2 and StyleGAN2-ADA, from NVlabs, rosinality or i2i files (Karras et al. 2020)."
    network_class = StyleGAN2Generator
    network: StyleGAN2Generator

    @property
    def _synthesis(self) -> StyleGAN2Synthesis:
        return self.network.synthesis

    def _prepare(self, device: i2i.Device) -> None:
        synthesis = self._synthesis
        synthesis.dtype = device.dtype
        channels_last = device.type == "cpu" or (device.type == "cuda" and device.dtype != torch.float32)
        synthesis.layout = torch.channels_last if channels_last else torch.contiguous_format
        if device.dtype == torch.float32:
            for _, _, layer in synthesis.styled():
                layer.set_memory_format(synthesis.layout)

    def render(self, w: Tensor, noise: Noise | Mapping[str, Tensor] = "const") -> Tensor:
        """Render as ``i2i.Generator.render``; ``noise`` may be maps ``(N or 1, 1, r, r)`` by layer (``"b8.conv0"``)."""
        with self._without_autocast():
            images: Tensor = self._synthesis(self._layers(w), self._checked_noise(noise))
        return self._copy_output(images)

    def features(self, w: Tensor, resolution: int, noise: Noise | Mapping[str, Tensor] = "const") -> Tensor:
        """Compute the feature maps of the block of this resolution, before toRGB: 4, 8, ... up to the generator's."""
        with self._without_autocast():
            maps = self._synthesis.features(self._layers(w), resolution, self._checked_noise(noise))
        return self._copy_output(maps.float())

    def features_and_pictures(self, w: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
        """Compute ``features(w, resolution)`` and ``render(w)`` in one pass."""
        with self._without_autocast():
            maps, images = self._synthesis.features_and_images(self._layers(w), resolution)
        return self._copy_output(maps.float()), self._copy_output(images)

    def _checked_noise(self, noise: Noise | Mapping[str, Tensor]) -> Noise | Mapping[str, Tensor]:
        """Return the noise as the network takes it.

        Raises:
            UsageError: it is an unknown word, names an unknown layer, or a map has another shape.
        """
        if isinstance(noise, str):
            if noise not in get_args(Noise):
                raise i2i.UsageError(f"noise is {noise!r}; give 'const', 'random', 'none', or maps by layer.")
            return noise
        sides = {name: len(layer.noise_const) for name, layer in self._noise_layers()}
        for name, noise_map in noise.items():
            if name not in sides:
                raise i2i.UsageError(f"This generator has no noise in {name!r}; its noise_maps has the names.")
            if noise_map.ndim != 4 or tuple(noise_map.shape[1:]) != (1, sides[name], sides[name]):
                raise i2i.UsageError(
                    f"The noise of {name!r} has shape {tuple(noise_map.shape)}; "
                    f"this layer takes (N or 1, 1, {sides[name]}, {sides[name]})."
                )
        return {name: self._to_float32(noise_map) for name, noise_map in noise.items()}

    @property
    def noise_maps(self) -> dict[str, Tensor]:
        """Copies of the stored noise maps by layer, each ``(1, 1, r, r)``, for ``render(w, noise=...)``."""
        return {name: noise_map[None, None].clone() for name, noise_map in self._stored_noise().items()}

    def _stored_noise(self) -> dict[str, Tensor]:
        return {name: layer.noise_const for name, layer in self._noise_layers()}

    def _noise_layers(self) -> list[tuple[str, StyledConv]]:
        return [(name, layer) for name, _, layer in self._synthesis.styled() if layer.use_noise]


class StyleGAN3(_StyleGAN):
    """StyleGAN3 (Karras et al. 2021), configurations T and R; computed in float32 at any precision of the device."""

    name = "stylegan3"
    summary = "StyleGAN3-T and StyleGAN3-R, from NVlabs or i2i files (Karras et al. 2021)."
    network_class = StyleGAN3Generator
    network: StyleGAN3Generator

    @property
    def _synthesis(self) -> StyleGAN3Synthesis:
        return self.network.synthesis

    def render(self, w: Tensor, noise: Noise | Mapping[str, Tensor] = "const") -> Tensor:
        """Render as ``i2i.Generator.render``; StyleGAN3 has no noise maps, so ``noise`` is ignored."""
        with self._without_autocast():
            images: Tensor = self._synthesis(self._layers(w))
        return self._copy_output(images)

    def features(self, w: Tensor, resolution: int) -> Tensor:
        """Compute the last feature maps at this sampling rate, without the margins around the image."""
        with self._without_autocast():
            maps = self._synthesis.features(self._layers(w), resolution)
        return self._copy_output(maps.float())


def _check_fit(own: Mapping[str, Tensor], name: str, shape: tuple[int, ...], kind: str) -> None:
    """Raise I2IError where ``own`` has no tensor of this name and shape."""
    if name not in own or own[name].shape != shape:
        raise i2i.I2IError(
            f"This generator has no {kind} {name!r} of the shape {shape}; take the generator for which the latent was "
            "made."
        )
