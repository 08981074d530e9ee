"""The family ``mobilestylegan``: frozen generators for sampling and editing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

import i2i
from i2i import Contents, StoredTensor
from i2i.toolkit.weights import read_weights

from .graph import mapping_tensors, synthesis_tensors
from .model_records import LICENCE
from .networks.mapping import latent_statistics
from .tensors import MARKERS, build, check_shapes

Noise = Literal["const", "random", "none"]
MAPPING, SYNTHESIS = "MappingNetwork", "SynthesisNetwork"
"""Names of the published files, without their endings."""


class MobileStyleGAN(i2i.StyleGenerator):
    """MobileStyleGAN (Belousov 2021); computed in float32 at any precision of the device.

    A latent code has a layer for each row of w that the network reads. The published form has three rows for each
    resolution, of which every third is read by nothing: ``from_published_layers`` and ``to_published_layers`` convert.
    """

    name = "mobilestylegan"
    summary = "MobileStyleGAN, from OpenVINO or i2i files (Belousov 2021)."

    @classmethod
    def read(cls, contents: Contents) -> i2i.Weights | None:
        """Read a converted file, or ``SynthesisNetwork.xml`` with the other published files beside it."""
        if contents.container == "openvino":
            return cls._read_published(contents)
        tree = contents.tree
        if not isinstance(tree, dict) or not all(isinstance(tree.get(name), StoredTensor) for name in MARKERS):
            return None
        stored = {str(name): each for name, each in tree.items() if isinstance(each, StoredTensor)}
        # Refused before its tensors are read, and here, where the message gets the name of the file.
        check_shapes({name: tuple(each.shape) for name, each in stored.items()})
        return i2i.Weights(cls.name, {name: each.tensor().float() for name, each in stored.items()})

    @classmethod
    def _read_published(cls, contents: Contents) -> i2i.Weights | None:
        if contents.tree["name"] not in (MAPPING, SYNTHESIS):
            return None
        other = contents.path.with_name(f"{MAPPING}{contents.path.suffix}")
        if contents.tree["name"] == MAPPING:
            raise i2i.UsageError(f"it is the mapping network; name {SYNTHESIS}{contents.path.suffix}, beside it.")
        if not other.is_file():
            raise i2i.I2IError(
                f"it is half a generator; put {other.name} and {MAPPING}.bin of the same package beside it."
            )
        mapping = read_weights(other)
        return i2i.Weights(cls.name, tensors_of_graphs(mapping.tree, contents.tree))

    @staticmethod
    def licence(contents: Contents) -> str:
        """Return the licence of the weights in a file."""
        return str(contents.header.get("licence") or LICENCE)

    def __init__(self, weights: i2i.Weights | None, device: i2i.Device) -> None:
        """Build the network, frozen, on the device.

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
            self.network = build(weights.tensors).requires_grad_(False).eval().to(device)
        mapping, synthesis = self.network.mapping, self.network.synthesis
        self.z_dim, self.w_dim = mapping.z_dim, mapping.w_dim
        self.num_ws, self.resolution, self.channels = synthesis.num_ws, synthesis.resolution, synthesis.channels
        if device.compiled:
            with torch.no_grad():  # fills the cache of each layer before the code is compiled
                synthesis([torch.zeros(1, self.w_dim, device=device)] * self.num_ws)
            synthesis.compile(mode="reduce-overhead" if device.type == "cuda" else None)

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise i2i.UsageError(f"z has shape {tuple(z.shape)}; this generator takes (N, {self.z_dim}).")
        with self._without_autocast():
            w: Tensor = self.network.mapping(self._to_float32(z))[:, None].repeat(1, self.num_ws, 1)
        if truncation != 1.0:
            w = torch.cat([self.w_mean.lerp(w[:, :cutoff], truncation), w[:, w[:, :cutoff].shape[1] :]], dim=1)
        return w

    def render(self, w: Tensor, noise: Noise | Mapping[str, Tensor] = "const") -> Tensor:
        """Render as ``i2i.Generator.render``; ``noise`` may be maps ``(N or 1, 1, r, r)`` named as ``noise_maps``."""
        with self._without_autocast():
            return self._owned(self.network.synthesis(self._layers(w), self._checked_noise(noise)))

    def features(self, w: Tensor, resolution: int, noise: Noise | Mapping[str, Tensor] = "const") -> Tensor:
        """Compute the feature maps of the block of this resolution: 4, 8, ... up to half of the generator's."""
        with self._without_autocast():
            return self._owned(self.network.synthesis.features(self._layers(w), resolution, self._checked_noise(noise)))

    def features_and_pictures(self, w: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
        """Compute ``features(w, resolution)`` and ``render(w)`` in one pass."""
        with self._without_autocast():
            maps, images = self.network.synthesis.features_and_images(self._layers(w), resolution)
        return self._owned(maps), self._owned(images)

    def _layers(self, w: Tensor) -> tuple[Tensor, ...]:
        return i2i.rows_of(self._checked(w))

    def _checked(self, w: Tensor) -> Tensor:
        if w.ndim != 3 or tuple(w.shape[1:]) != (self.num_ws, self.w_dim):
            raise i2i.UsageError(
                f"w has shape {tuple(w.shape)}; this generator takes (N, {self.num_ws}, {self.w_dim}), as map() gives."
            )
        return self._to_float32(w)

    def _checked_noise(self, noise: Noise | Mapping[str, Tensor]) -> Noise | Mapping[str, Tensor]:
        """Return the noise as the network takes it.

        Raises:
            UsageError: it is an unknown word, names an unknown layer, or a map has another shape.
        """
        if isinstance(noise, str):
            if noise not in get_args(Noise):
                raise i2i.UsageError(f"noise is {noise!r}; give 'const', 'random', 'none', or maps by layer.")
            return noise
        layers = self.network.synthesis.noisy_layers()
        for name, noise_map in noise.items():
            if name not in layers:
                raise i2i.UsageError(f"This generator has no noise in {name!r}; its noise_maps has the names.")
            side = layers[name].resolution
            if noise_map.ndim != 4 or tuple(noise_map.shape[1:]) != (1, side, side):
                raise i2i.UsageError(
                    f"The noise of {name!r} has shape {tuple(noise_map.shape)}; "
                    f"this layer takes (N or 1, 1, {side}, {side})."
                )
        return {name: self._to_float32(noise_map) for name, noise_map in noise.items()}

    def _to_float32(self, tensor: Tensor) -> Tensor:
        """Move to the device as float32: some devices lack float64, and half precision is too coarse for w."""
        return tensor.to(torch.float32).to(self.device)

    def _without_autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, enabled=False)

    def _owned(self, tensor: Tensor) -> Tensor:
        """Return a tensor that the next call does not overwrite, as a CUDA graph does with its outputs."""
        return tensor.clone() if self.device.compiled and self.device.type == "cuda" else tensor

    @property
    def w_mean(self) -> Tensor:
        return self.network.mapping.w_avg

    @property
    def w_std(self) -> float:
        return float(self.network.mapping.w_std)

    @property
    def noise_maps(self) -> dict[str, Tensor]:
        """Copies of the stored noise maps by layer, each ``(1, 1, r, r)`` with a root mean square of 1."""
        layers = self.network.synthesis.noisy_layers()
        return {name: layer.noise_const[None, None].clone() for name, layer in layers.items()}

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of the synthesis network by name; the mapping network does not affect a given w."""
        return {name: tensor for name, tensor in self.network.named_parameters() if name.startswith("synthesis.")}

    def tuned(
        self, changes: Mapping[str, Tensor] | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> MobileStyleGAN:
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
        stored = {name: layer.noise_const for name, layer in copied.network.synthesis.noisy_layers().items()}
        with torch.no_grad():
            for name, change in (changes or {}).items():
                _check_fit(name, change, weights.get(name), "weight")
                weights[name].add_(change.to(weights[name]))
            for name, noise_map in (noise or {}).items():
                own = stored.get(name)
                _check_fit(name, noise_map, None if own is None else own[None, None], "noise")
                stored[name].copy_(noise_map[0, 0])
        return copied

    def styles(self) -> list[Tensor]:
        """Return by layer of w the affine weights ``(C, w_dim)`` that read it; upsampling and convolution together."""
        found: list[list[Tensor]] = [[] for _ in range(self.num_ws)]
        for _, index, layer in self.network.synthesis.layers():
            found[index].append(layer.affine.weight.detach())
        return [torch.cat(weights) for weights in found]

    def style_space(self, w: Tensor) -> dict[str, Tensor]:
        """Compute the styles ``(N, C)`` of the convolutions by the names of their biases (Wu et al. 2021)."""
        layers = self._checked(w)
        read = [each for each in self.network.synthesis.layers() if each[0] != "to_image"]
        return {f"synthesis.{name}.affine.bias": module.affine(layers[:, index]) for name, index, module in read}

    def from_published_layers(self, w: Tensor) -> Tensor | None:
        """Take from ``(N, 23, w_dim)``, as published for 1024 px, the rows that are read; None for other numbers."""
        rows = self._published_rows()
        return w[:, rows] if w.ndim == 3 and w.shape[1] == rows[-1] + 2 else None

    def to_published_layers(self, w: Tensor) -> Tensor:
        """Spread ``(N, num_ws, w_dim)`` to the published rows; those that nothing reads repeat the one before."""
        rows = self._published_rows()
        sources = [sum(row <= number for row in rows) - 1 for number in range(rows[-1] + 2)]
        return w[:, sources]

    def _published_rows(self) -> list[int]:
        """Return the published row of each layer: 0, 1, 2, 4, 5, ..., 19, 20, 21."""
        blocks = self.num_ws // 2 - 1
        return [0, *(3 * block + row for block in range(blocks) for row in (1, 2)), 3 * blocks]


def tensors_of_graphs(mapping: Mapping[str, object], synthesis: Mapping[str, object]) -> dict[str, Tensor]:
    """Return the canonical tensors of the two published graphs, with the statistics of w.

    Raises:
        I2IError: a graph is another network's, or the two do not fit.
    """
    maps = mapping_tensors(mapping)
    statistics = latent_statistics({name.removeprefix("mapping."): tensor for name, tensor in maps.items()})
    tensors = maps | {f"mapping.{name}": tensor for name, tensor in statistics.items()} | synthesis_tensors(synthesis)
    check_shapes({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    return {name: tensors[name].contiguous() for name in sorted(tensors)}


def convert_published(files: Mapping[str, Path]) -> Mapping[str, Tensor]:
    """Return the canonical tensors of the four published files, given by name.

    Raises:
        I2IError: a file is missing or damaged, or of another network.
    """
    found = {}
    for network in (MAPPING, SYNTHESIS):
        names = [f"{network}.xml", f"{network}.bin"]
        if missing := [name for name in names if name not in files]:
            raise i2i.I2IError(f"{missing[0]} is missing among the files of the package; get the package again.")
        found[network] = read_weights(*(files[name] for name in names)).tree
    return tensors_of_graphs(found[MAPPING], found[SYNTHESIS])


def _check_fit(name: str, given: Tensor, own: Tensor | None, kind: str) -> None:
    """Raise I2IError where there is no own tensor of this shape."""
    if own is None or own.shape != given.shape:
        raise i2i.I2IError(
            f"This generator has no {kind} {name!r} of the shape {tuple(given.shape)}; take the generator for which "
            "the latent was made."
        )
