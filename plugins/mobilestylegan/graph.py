"""The published OpenVINO graphs of MobileStyleGAN, matched from their results to their parameters.

The exporter folded many weights into constants that have numbers for names, so constants are found by their position
in the graph: what ``graph`` matches is exactly the network of ``networks.synthesis``, or the file is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

import i2i
from i2i import StoredTensor

from .networks.layers import SLOPE
from .tensors import MAX_LINEAR, MAX_RESOLUTION

Port = tuple[str, int]
"""A layer's id and one of its output ports."""
RESHAPING = {"Reshape": 2, "Squeeze": 2, "Unsqueeze": 2, "Broadcast": 2, "Tile": 2}
"""Layers that change the shape of their first input only, with the number of their inputs."""
MAX_BLOCKS = MAX_RESOLUTION.bit_length() - 3
"""Largest number of blocks of 8 px and more."""
_HALF = math.sqrt(0.5)


class Graph:
    """A graph of ``i2i.toolkit.weights.openvino.read_openvino``, walked from its result."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self.layers: Mapping[str, Mapping[str, Any]] = tree["layers"]
        self.used: set[str] = set()

    def type_of(self, port: Port) -> str:
        return str(self.layers[port[0]]["type"])

    def fault(self, port: Port, expected: str) -> i2i.I2IError:
        layer = self.layers[port[0]]
        return i2i.I2IError(
            f"its graph is not MobileStyleGAN's: {layer['name'][:60]!r} is {layer['type'][:30]!r}, where {expected} is "
            "expected; get the published files again."
        )

    def inputs(self, port: Port, kind: str, count: int, **attributes: str) -> list[Port]:
        """Return the inputs of a layer, which must be of this type, with this many inputs and these attributes."""
        layer = self.layers[port[0]]
        given = {name: str(layer["attributes"].get(name, "")).replace(" ", "") for name in attributes}
        if layer["type"] != kind or sorted(layer["inputs"]) != list(range(count)) or given != attributes:
            stated = "".join(f" {name}={value}" for name, value in attributes.items())
            raise self.fault(port, f"{kind}{stated} of {count} inputs")
        return [layer["inputs"][number] for number in range(count)]

    def skip_reshaping(self, port: Port) -> Port:
        for _ in range(len(self.layers)):
            kind = self.type_of(port)
            if kind not in RESHAPING:
                return port
            port = self.inputs(port, kind, RESHAPING[kind])[0]
        raise self.fault(port, "no cycle")

    def constant(self, port: Port, *shape: int | None) -> Tensor:
        """Return the float32 constant at a port; its dimensions must be those given, where they are not None."""
        port = self.skip_reshaping(port)
        stored = self.layers[port[0]].get("tensor")
        wanted = "x".join("n" if size is None else str(size) for size in shape) or "one number"
        if not isinstance(stored, StoredTensor) or stored.dtype != "float32":
            raise self.fault(port, f"a float32 constant {wanted}")
        fits = len(stored.shape) == len(shape) and all(
            size in (None, actual) for size, actual in zip(shape, stored.shape, strict=True)
        )
        if not fits or not stored.numel:
            raise self.fault(port, f"a constant {wanted} (it has {'x'.join(map(str, stored.shape))})")
        self.used.add(port[0])
        return stored.tensor()

    def is_constant(self, port: Port) -> bool:
        return self.type_of(self.skip_reshaping(port)) == "Const"

    def with_constant(self, port: Port, kind: str) -> tuple[Port, Port]:
        """Return the two inputs of a commutative layer: the computed one and the constant."""
        first, second = self.inputs(port, kind, 2)
        return (second, first) if self.is_constant(first) else (first, second)

    def equals(self, port: Port, value: float, *shape: int) -> None:
        """Check a constant of one value."""
        found = self.constant(port, *shape)
        if not np.allclose(found.numpy(), value, rtol=1e-5, atol=0):
            raise self.fault(port, f"the constant {value:.6g}")

    def result(self) -> Port:
        found = [key for key, layer in self.layers.items() if layer["type"] == "Result"]
        if len(found) != 1:
            raise i2i.I2IError("its graph has no result, or several; get the published files again.")
        return self.inputs((found[0], 0), "Result", 1)[0]

    def check_used(self) -> None:
        """Check that every constant of weights was matched."""
        for key, layer in self.layers.items():
            stored = layer.get("tensor")
            if stored is not None and stored.dtype.startswith(("float", "bfloat")) and key not in self.used:
                raise self.fault((key, 0), "nothing")


def mapping_tensors(tree: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the canonical tensors of the mapping network.

    Raises:
        I2IError: it is another network.
    """
    graph = Graph(tree)
    layers: list[tuple[Tensor, Tensor]] = []
    port = graph.result()
    while graph.type_of(port) == "Multiply" and len(layers) < MAX_LINEAR:
        first, second = graph.inputs(port, "Multiply", 2)
        if not (graph.is_constant(first) or graph.is_constant(second)):
            break  # z times its scale
        port, gain = graph.with_constant(port, "Multiply")
        graph.equals(gain, math.sqrt(2), 1, 1)
        port, bias = graph.with_constant(_match_activation(graph, port), "Add")
        port, weight = graph.inputs(port, "MatMul", 2, transpose_a="false", transpose_b="true")
        width = graph.constant(bias, None)
        layers.append((graph.constant(weight, len(width), None), width))
    _match_normalisation(graph, port)
    graph.check_used()
    tensors: dict[str, Tensor] = {}
    for index, linear in enumerate(reversed(layers)):
        tensors |= {f"mapping.fc{index}.weight": linear[0], f"mapping.fc{index}.bias": linear[1]}
    return tensors


def _match_normalisation(graph: Graph, port: Port) -> None:
    """Match ``z * (1 / (mean(z ** 2) + 1e-8) ** 0.5)``."""
    z, scale = graph.inputs(port, "Multiply", 2)
    _match_parameter(graph, z)
    scale, one = graph.with_constant(scale, "Multiply")
    graph.equals(one, 1, 1, 1)
    for exponent in (-1.0, 0.5):
        scale, power = graph.inputs(scale, "Power", 2)
        graph.equals(power, exponent, 1, 1)
    scale, epsilon = graph.with_constant(scale, "Add")
    graph.equals(epsilon, 1e-8, 1, 1)
    squares, _ = graph.inputs(scale, "ReduceMean", 2, keep_dims="true")
    again, power = graph.inputs(squares, "Power", 2)
    graph.equals(power, 2, 1, 1)
    _match_parameter(graph, again)


def synthesis_tensors(tree: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the canonical tensors of the synthesis network.

    Raises:
        I2IError: it is another network.
    """
    graph = Graph(tree)
    wavelets, colours = _match_wavelet(graph, graph.result())
    maps, bias = graph.with_constant(wavelets, "Add")
    tensors = {"synthesis.to_image.bias": graph.constant(bias, 1, 4 * colours, 1, 1).flatten()}
    maps, weight = graph.inputs(maps, "Convolution", 2, strides="1,1", pads_begin="0,0", pads_end="0,0")
    tensors["synthesis.to_image.pointwise"] = graph.constant(weight, 4 * colours, None, 1, 1)
    port, affine = _match_modulation(graph, maps, kernel=1)
    tensors |= {f"synthesis.to_image.affine.{leaf}": value for leaf, value in affine.items()}
    blocks: list[dict[str, Tensor]] = []
    while not _is_first(graph, port):
        if len(blocks) == MAX_BLOCKS:
            raise graph.fault(port, f"at most {MAX_BLOCKS} blocks")
        block: dict[str, Tensor] = {}
        for name in ("conv2", "conv1"):
            port, layer = _match_separable(graph, port)
            block |= {f"{name}.{leaf}": value for leaf, value in layer.items()}
        port, channels = _match_wavelet(graph, port)
        port, affine = _match_modulation(graph, port, kernel=None)
        if len(affine["bias"]) != 4 * channels:
            raise graph.fault(port, f"{4 * channels} channels")
        blocks.append(block | {f"up.affine.{leaf}": value for leaf, value in affine.items()})
    for number, block in enumerate(reversed(blocks)):
        tensors |= {f"synthesis.block{2 ** (number + 3)}.{name}": value for name, value in block.items()}
    tensors |= {f"synthesis.block4.conv.{leaf}": value for leaf, value in _match_first(graph, port).items()}
    graph.check_used()
    return tensors


def _is_first(graph: Graph, port: Port) -> bool:
    """Return whether an activated layer is the one of 4 px, whose 3x3 convolution mixes all channels."""
    maps, _ = graph.with_constant(_match_activation(graph, port), "Add")
    maps, _ = graph.with_constant(maps, "Add")
    source = graph.inputs(maps, "Convolution", 2)[0]
    return graph.type_of(source) == "Multiply"


def _match_first(graph: Graph, port: Port) -> dict[str, Tensor]:
    maps, tensors = _match_bias(graph, port)
    maps, weight = graph.inputs(maps, "Convolution", 2, strides="1,1", pads_begin="1,1", pads_end="1,1")
    tensors["weight"] = graph.constant(weight, len(tensors["bias"]), None, 3, 3)
    const, affine = _match_modulation(graph, maps, kernel=3)
    tensors["const"] = graph.constant(const, 1, None, 4, 4)[0]
    return tensors | {f"affine.{leaf}": value for leaf, value in affine.items()}


def _match_separable(graph: Graph, port: Port) -> tuple[Port, dict[str, Tensor]]:
    """Match a modulated depthwise and pointwise convolution; return its input and tensors."""
    maps, tensors = _match_bias(graph, port)
    maps, weight = graph.inputs(maps, "Convolution", 2, strides="1,1", pads_begin="0,0", pads_end="0,0")
    tensors["pointwise"] = graph.constant(weight, len(tensors["bias"]), None, 1, 1)
    channels = tensors["pointwise"].shape[1]
    maps, weight = graph.inputs(maps, "GroupConvolution", 2, strides="1,1", pads_begin="1,1", pads_end="1,1")
    tensors["depthwise"] = graph.constant(weight, channels, 1, 1, 3, 3)[:, 0]
    source, affine = _match_modulation(graph, maps, kernel=3)
    return source, tensors | {f"affine.{leaf}": value for leaf, value in affine.items()}


def _match_bias(graph: Graph, port: Port) -> tuple[Port, dict[str, Tensor]]:
    """Match ``leaky_relu(maps + noise + bias)``; return the maps, noise and bias."""
    maps, bias = graph.with_constant(_match_activation(graph, port), "Add")
    maps, noise = graph.with_constant(maps, "Add")
    found = graph.constant(noise, 1, 1, None, None)[0, 0]
    if found.shape[0] != found.shape[1]:
        raise graph.fault(noise, "square noise")
    return maps, {"bias": graph.constant(bias, 1, None, 1, 1).flatten(), "noise": found}


def _match_activation(graph: Graph, port: Port) -> Port:
    """Match the leaky ReLU; return its input."""
    maps, slope = graph.inputs(port, "PReLU", 2)
    graph.equals(slope, SLOPE, 1)
    return maps


def _match_modulation(graph: Graph, port: Port, kernel: int | None) -> tuple[Port, dict[str, Tensor]]:
    """Match ``styles * maps``; return the maps, and weight and bias of the styles' affine layer.

    Args:
        kernel: Side of the kernel, of which the gain of the styles follows; None for no gain.
    """
    first, second = graph.inputs(port, "Multiply", 2)
    styles, maps = (first, second) if _is_affine(graph, first) else (second, first)
    gain = None
    if kernel is not None:
        styles, gain = graph.with_constant(graph.skip_reshaping(styles), "Multiply")
    w, bias = graph.with_constant(graph.skip_reshaping(styles), "Add")
    w, weight = graph.inputs(w, "MatMul", 2, transpose_a="false", transpose_b="true")
    _match_parameter(graph, w)
    found = graph.constant(bias, 1, None)[0]
    if gain is not None and kernel is not None:
        graph.equals(gain, 1 / math.sqrt(len(found) * kernel**2), 1, 1, 1, 1)
    return maps, {"weight": graph.constant(weight, len(found), None), "bias": found}


def _is_affine(graph: Graph, port: Port) -> bool:
    """Return whether a port has styles: ``w @ weight + bias``, with or without a gain."""
    port = graph.skip_reshaping(port)
    for kind in ("Multiply", "Add"):
        if graph.type_of(port) == kind:
            inputs = graph.inputs(port, kind, 2)
            if not any(map(graph.is_constant, inputs)):
                return False
            port = graph.skip_reshaping(graph.with_constant(port, kind)[0])
    return graph.type_of(port) == "MatMul"


def _match_parameter(graph: Graph, port: Port) -> None:
    if graph.type_of(port) != "Parameter":
        raise graph.fault(port, "the network's parameter")


def _match_wavelet(graph: Graph, port: Port) -> tuple[Port, int]:
    """Match the inverse Haar transform; return its input and its number of output channels.

    Rows are merged first (low with LH, HL with HH), then columns.
    """
    channels: list[int] = []

    def merged(port: Port, strides: str, shape: Sequence[int]) -> list[Port]:
        sources = []
        for source, sign in zip(graph.inputs(port, "Add", 2), (1, -1), strict=True):
            source, kernel = graph.inputs(source, "GroupConvolutionBackpropData", 2, strides=strides)
            taps = graph.constant(kernel, None, *shape).reshape(-1, 2)
            if not torch.allclose(taps, torch.tensor([_HALF, sign * _HALF]).expand_as(taps), rtol=1e-5):
                raise graph.fault(kernel, "Haar's kernel")
            channels.append(len(taps))
            sources.append(source)
        return sources

    rows = merged(port, "1,2", (1, 1, 1, 2))
    bands = [band for row in rows for band in merged(row, "2,1", (1, 1, 2, 1))]
    if len(set(channels)) != 1:
        raise graph.fault(port, "as many channels in each band")
    low, *high = bands
    source = graph.inputs(low, "VariadicSplit", 3)[0]
    whole = (low[0], 4)  # the high bands, channel by channel
    for number, band in enumerate(high):
        band = graph.skip_reshaping(band)
        if band[1] != 3 + number or graph.skip_reshaping(graph.inputs(band, "VariadicSplit", 3)[0]) != whole:
            raise graph.fault(band, "a band of the wavelet transform")
    if low[1] != 3:
        raise graph.fault(low, "the low band")
    return source, channels[0]
