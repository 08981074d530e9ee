"""The family ``mobilestylegan``: frozen generators for sampling and editing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

import i2i
from i2i import Contents, StoredTensor
from i2i.toolkit.latents.style_generator import StyleNetworkGenerator
from i2i.toolkit.weights import read_weights

from .graph import mapping_tensors, synthesis_tensors
from .model_records import LICENCE
from .networks.mapping import latent_statistics
from .tensors import MARKERS, MobileStyleGANNetwork, build, check_shapes

MAPPING, SYNTHESIS = "MappingNetwork", "SynthesisNetwork"
"""Names of the published files, without their endings."""


class MobileStyleGAN(StyleNetworkGenerator):
    """MobileStyleGAN (Belousov 2021); computed in float32 at any precision of the device.

    A latent code has a layer for each row of w that the network reads. The published form has three rows for each
    resolution, of which every third is read by nothing: ``from_published_layers`` and ``to_published_layers`` convert.
    """

    name = "mobilestylegan"
    summary = "MobileStyleGAN, from OpenVINO or i2i files (Belousov 2021)."
    network: MobileStyleGANNetwork

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

    def build(self, weights: i2i.Weights) -> MobileStyleGANNetwork:
        return build(weights.tensors)

    @property
    def w_mean(self) -> Tensor:
        return self.network.mapping.w_avg

    @property
    def w_std(self) -> float:
        return float(self.network.mapping.w_std)

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
