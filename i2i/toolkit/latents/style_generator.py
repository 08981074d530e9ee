"""A base class of families with a mapping and a synthesis network, as StyleGANs have them."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from ...api.errors import I2IError, UsageError
from ...api.generator import StyleGenerator, Weights
from ...api.gradients import rows_of
from .style_network import Noise, StyleNetwork, truncate

if TYPE_CHECKING:
    from ...api.device import Device

GeneratorT = TypeVar("GeneratorT", bound="StyleNetworkGenerator")

NOISES = ("const", "random", "none")
"""Kinds of noise: as stored, random at each call, none."""


class StyleNetworkGenerator(StyleGenerator):
    """A frozen ``StyleNetwork`` as a generator; a family adds ``read``, ``build``, ``w_mean`` and ``w_std``."""

    network: StyleNetwork

    @abstractmethod
    def build(self, weights: Weights) -> StyleNetwork:
        """Build the network from the weights of a file.

        Raises:
            I2IError: tensors are missing or do not fit.
        """

    def prepare(self, device: Device) -> None:
        """Set the type and memory layout that ``self.network``, on the device, computes in; by default float32."""

    def __init__(self, weights: Weights | None, device: Device) -> None:
        """Build the network, frozen, on the device.

        Raises:
            UsageError: ``weights`` is None; a family needs the weights of a file.
            I2IError: tensors are missing or do not fit.
        """
        if weights is None:
            raise UsageError(
                f"{self.name} is a family of generators, not one of them: name a file or a model ('i2i models list')."
            )
        self.device = device
        # Tensors made in inference mode can neither be optimised later nor count their versions.
        with torch.inference_mode(False):
            self.network = self.build(weights).requires_grad_(False).eval().to(device)
            self.prepare(device)
        mapping, synthesis = self.network.mapping, self.network.synthesis
        self.z_dim, self.c_dim, self.w_dim = mapping.z_dim, mapping.c_dim, mapping.w_dim
        self.num_ws, self.resolution, self.channels = synthesis.num_ws, synthesis.resolution, synthesis.channels
        if device.compiled:
            with torch.no_grad():  # fills the cache of each layer before the code is compiled
                synthesis([torch.zeros(1, self.w_dim, device=device)] * self.num_ws)
            # Shapes are fixed: on CUDA the whole network becomes one graph, which saves the launches of kernels.
            synthesis.compile(mode="reduce-overhead" if device.type == "cuda" else None)

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        """Map as ``i2i.Generator.map``.

        Raises:
            UsageError: z or c has another shape, or the generator has classes and c is None.
        """
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise UsageError(f"z has shape {tuple(z.shape)}; this generator takes (N, {self.z_dim}).")
        if self.c_dim and (c is None or tuple(c.shape) != (len(z), self.c_dim)):
            given = "no c is given" if c is None else f"c has shape {tuple(c.shape)}"
            raise UsageError(
                f"This generator knows {self.c_dim} classes, and {given}: give c ({len(z)}, {self.c_dim}), one-hot."
            )
        with self._without_autocast():
            classes = c.to(self.device) if c is not None and self.c_dim else None
            w: Tensor = self.network.mapping(self._to_float32(z), classes)
            return w if truncation == 1.0 else truncate(w, self.w_mean, truncation, cutoff)

    def render(self, w: Tensor, noise: Noise = "const") -> Tensor:
        """Render as ``i2i.Generator.render``; ``noise`` may be maps ``(N or 1, 1, r, r)`` named as ``noise_maps``.

        Raises:
            UsageError: w has another shape, or ``noise`` an unknown word, an unknown name or another shape.
        """
        with self._without_autocast():
            images: Tensor = self.network.synthesis(self._layers(w), self._check_noise(noise))
        return self._copy_output(images)

    def features(self, w: Tensor, resolution: int, noise: Noise = "const") -> Tensor:
        """Compute the feature maps of one resolution, ``(N, C, resolution, resolution)`` float32, and no later layers.

        Raises:
            UsageError: no layer has this resolution, or as ``render``.
        """
        with self._without_autocast():
            maps = self.network.synthesis.features(self._layers(w), resolution, self._check_noise(noise))
        return self._copy_output(maps.float())

    def features_and_pictures(self, w: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
        """Compute ``features(w, resolution)`` and ``render(w)``, where the network can in one pass."""
        with self._without_autocast():
            maps, images = self.network.synthesis.features_and_images(self._layers(w), resolution)
        return self._copy_output(maps.float()), self._copy_output(images)

    @property
    def noise_maps(self) -> dict[str, Tensor]:
        """Copies of the stored noise maps by layer, each ``(1, 1, r, r)``, for ``render(w, noise=...)``."""
        return {name: noise_map[None, None].clone() for name, noise_map in self._stored_noise().items()}

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of the synthesis network by name; the mapping network does not affect a given w."""
        return {name: tensor for name, tensor in self.network.named_parameters() if name.startswith("synthesis.")}

    def tuned(
        self: GeneratorT, changes: Mapping[str, Tensor] | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> GeneratorT:
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
        weights = copied.weights()
        stored = {name: noise_map[None, None] for name, noise_map in copied._stored_noise().items()}
        with torch.no_grad():
            for name, change in (changes or {}).items():
                _check_fit(weights, name, change, "weight")
                weights[name].add_(change.to(weights[name]))
            for name, noise_map in (noise or {}).items():
                _check_fit(stored, name, noise_map, "noise")
                stored[name].copy_(noise_map)
        return copied

    def styles(self) -> list[Tensor]:
        """Return by layer of w the affine weights ``(C, w_dim)`` that read it."""
        return self.network.synthesis.styles()

    def style_space(self, w: Tensor) -> dict[str, Tensor]:
        """Compute the styles ``(N, C)`` of the convolutions by the names of their biases (Wu et al. 2021)."""
        layers = self._check_w(w)
        styled = self.network.synthesis.styled()
        return {
            f"synthesis.{name}.affine.bias": module.get_submodule("affine")(layers[:, index])
            for name, index, module in styled
        }

    def _layers(self, w: Tensor) -> tuple[Tensor, ...]:
        return rows_of(self._check_w(w))

    def _check_w(self, w: Tensor) -> Tensor:
        """Return w ``(N, num_ws, w_dim)`` float32 on the device.

        Raises:
            UsageError: it has another shape.
        """
        if w.ndim != 3 or tuple(w.shape[1:]) != (self.num_ws, self.w_dim):
            raise UsageError(
                f"w has shape {tuple(w.shape)}; this generator takes (N, {self.num_ws}, {self.w_dim}), as map() gives."
            )
        return self._to_float32(w)

    def _check_noise(self, noise: Noise) -> Noise:
        """Return the noise as the network takes it; maps for a network without noise maps are ignored.

        Raises:
            UsageError: it is an unknown word, names an unknown layer, or a map has another shape.
        """
        if isinstance(noise, str):
            if noise not in NOISES:
                raise UsageError(f"noise is {noise!r}; give 'const', 'random', 'none', or maps by layer.")
            return noise
        sides = {name: len(noise_map) for name, noise_map in self._stored_noise().items()}
        if not sides:
            return {}
        for name, noise_map in noise.items():
            if name not in sides:
                raise UsageError(f"This generator has no noise in {name!r}; its noise_maps has the names.")
            if noise_map.ndim != 4 or tuple(noise_map.shape[1:]) != (1, sides[name], sides[name]):
                raise UsageError(
                    f"The noise of {name!r} has shape {tuple(noise_map.shape)}; "
                    f"this layer takes (N or 1, 1, {sides[name]}, {sides[name]})."
                )
        return {name: self._to_float32(noise_map) for name, noise_map in noise.items()}

    def _stored_noise(self) -> dict[str, Tensor]:
        """Return the noise buffers themselves, ``(r, r)`` each, by the names of ``noise_maps``."""
        return {name: layer.noise_const for name, layer in self.network.synthesis.noise_layers().items()}

    def _to_float32(self, tensor: Tensor) -> Tensor:
        """Move to the device as float32: some devices lack float64, and half precision is too coarse for w."""
        return tensor.to(torch.float32).to(self.device)

    def _without_autocast(self) -> torch.autocast:
        """Switch a caller's autocast off: the network chooses its precision itself."""
        return torch.autocast(self.device.type, enabled=False)

    def _copy_output(self, tensor: Tensor) -> Tensor:
        """Return a tensor that the next call does not overwrite, as a CUDA graph does with its outputs."""
        return tensor.clone() if self.device.compiled and self.device.type == "cuda" else tensor


def _check_fit(own: Mapping[str, Tensor], name: str, given: Tensor, kind: str) -> None:
    """Raise I2IError where ``own`` has no tensor of this name and shape."""
    if name not in own or own[name].shape != given.shape:
        raise I2IError(
            f"This generator has no {kind} {name!r} of the shape {tuple(given.shape)}; take the generator for which "
            "the latent was made."
        )
