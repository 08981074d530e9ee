"""The canonical tensors of a MobileStyleGAN: their names and shapes, and the network that is built of them.

Names are those of our modules. Shapes are the published ones, and channels are in the published order. The noise maps
of a file are products of noise and strength, as published: ``synthesis.block8.conv1.noise``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

import i2i
from i2i.toolkit.latents.style_network import StyleNetwork

from .networks.mapping import MobileMapping
from .networks.synthesis import MobileSizes, Synthesis

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

MARKERS = ("mapping.fc0.weight", "synthesis.block8.up.affine.weight", "synthesis.block8.conv1.depthwise")
"""Names that no other family has together."""
MAX_WIDTH, MAX_RESOLUTION, MAX_LINEAR = 4096, 1024, 32
"""Largest number of channels, height of the last feature maps, and number of layers of the mapping network."""


class MobileStyleGANNetwork(StyleNetwork):
    """A whole generator: the networks ``mapping`` and ``synthesis``."""

    mapping: MobileMapping
    synthesis: Synthesis


def create(sizes: MobileSizes, z_dim: int, mapping_layers: int = 8) -> MobileStyleGANNetwork:
    """Create a network with random weights."""
    mapping = MobileMapping([z_dim, *[sizes.w_dim] * mapping_layers], sizes.num_ws)
    return MobileStyleGANNetwork(mapping, Synthesis(sizes))


def build(tensors: Mapping[str, Tensor]) -> MobileStyleGANNetwork:
    """Build the network of canonical tensors.

    Raises:
        I2IError: a tensor is missing, left over or of the wrong shape.
    """
    network = check_shapes({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    state = {}
    for name, tensor in tensors.items():
        value = tensor.detach().float()
        if name.endswith(".noise"):
            strength = value.square().mean().sqrt()
            state[f"{name}_strength"] = strength
            state[f"{name}_const"] = value / strength if strength else torch.zeros_like(value)
        else:
            state[name] = value.clone()
    network.load_state_dict(state, assign=True)
    return network


def canonical(network: MobileStyleGANNetwork) -> dict[str, Tensor]:
    """Return the canonical tensors of a network."""
    tensors = {}
    for name, value in network.state_dict().items():
        if name.endswith(".noise_const"):
            tensors[name.removesuffix("_const")] = value * network.get_parameter(
                f"{name.removesuffix('const')}strength"
            )
        elif not name.endswith(".noise_strength"):
            tensors[name] = value
    return tensors


def check_shapes(shapes: Shapes) -> MobileStyleGANNetwork:
    """Check that names and shapes are those of one network, and return it without memory (device ``meta``).

    Raises:
        I2IError: a tensor is missing, left over or of the wrong shape, or the network is too large.
    """
    widths = _mapping_widths(shapes)
    sizes = replace(_synthesis_sizes(shapes), w_dim=widths[-1])
    with torch.device("meta"):
        network = MobileStyleGANNetwork(MobileMapping(widths, sizes.num_ws), Synthesis(sizes))
        expected = {name: tuple(value.shape) for name, value in canonical(network).items()}
    for name in (*expected, *shapes):
        if expected.get(name) != shapes.get(name):
            raise _misfit(name, shapes.get(name), expected.get(name))
    return network


def _mapping_widths(shapes: Shapes) -> list[int]:
    layers = sum(name.startswith("mapping.fc") and name.endswith(".weight") for name in shapes)
    last = [_size(shapes, f"mapping.fc{index}.weight", 0) for index in range(min(layers, MAX_LINEAR))]
    return [_size(shapes, "mapping.fc0.weight", 1), *last]


def _synthesis_sizes(shapes: Shapes) -> MobileSizes:
    widths, resolution = {4: 4 * (_size(shapes, "synthesis.block4.conv.bias", 0) // 4)}, 8
    while f"synthesis.block{resolution}.conv2.bias" in shapes and resolution <= MAX_RESOLUTION:
        widths[resolution] = _size(shapes, f"synthesis.block{resolution}.conv2.bias", 0)
        resolution *= 2
    return MobileSizes(
        w_dim=_size(shapes, "synthesis.block4.conv.affine.weight", 1),
        const=_size(shapes, "synthesis.block4.conv.const", 0),
        widths=widths,
        colours=max(1, _size(shapes, "synthesis.to_image.bias", 0) // 4),
    )


def _size(shapes: Shapes, name: str, axis: int) -> int:
    shape = shapes.get(name, ())
    if axis >= len(shape) or not 0 < shape[axis] <= MAX_WIDTH:
        raise _misfit(name, shapes.get(name), None)
    return shape[axis]


def _misfit(name: str, found: Shape | None, expected: Shape | None) -> i2i.I2IError:
    if found is None:
        return i2i.I2IError(f"it is no whole MobileStyleGAN: {name} is missing; get the file again.")
    needed = "no such tensor" if expected is None else f"shape {expected}"
    return i2i.I2IError(
        f"it is no MobileStyleGAN: {name[:80]!r} has shape {found}, where its other tensors need {needed}; "
        "get the file again."
    )
