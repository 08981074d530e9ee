"""A small random MobileStyleGAN, 64 px, and its files in the published form."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor

import i2i
from i2i_plugins.mobilestylegan.generator import MobileStyleGAN
from i2i_plugins.mobilestylegan.networks.synthesis import MobileSizes
from i2i_plugins.mobilestylegan.tensors import canonical, create

SIZES = MobileSizes(w_dim=12, const=8, widths={4: 16, 8: 16, 16: 16, 32: 8})


def tensors(sizes: MobileSizes = SIZES) -> dict[str, Tensor]:
    """Random canonical tensors with noise that shows."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = create(sizes, z_dim=10, mapping_layers=3)
        for name, value in network.state_dict().items():
            if name.endswith("affine.bias"):
                value.add_(1)
            elif name.endswith((".bias", "noise_strength")):
                value.add_(0.2 * torch.randn_like(value))
        return {name: value.detach().clone() for name, value in canonical(network).items()}


def generator() -> MobileStyleGAN:
    return MobileStyleGAN(i2i.Weights("mobilestylegan", tensors()), i2i.choose_device("cpu", "fp32"))


class Graph:
    """Writes a graph as OpenVINO does: each layer with the edges to its inputs, constants in one file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.net = ElementTree.Element("net", name=name, version="10")
        self.layers = ElementTree.SubElement(self.net, "layers")
        self.edges = ElementTree.SubElement(self.net, "edges")
        self.constants = bytearray()
        self.count = 0

    def layer(self, kind: str, *inputs: tuple[int, int], name: str = "", **attributes: str) -> tuple[int, int]:
        """Add a layer; return its number and its first output port."""
        number, self.count = self.count, self.count + 1
        element = ElementTree.SubElement(
            self.layers, "layer", id=str(number), name=name or f"{kind}_{number}", type=kind, version="opset1"
        )
        ElementTree.SubElement(element, "data", attributes)
        for port, (source, output) in enumerate(inputs):
            ElementTree.SubElement(
                self.edges,
                "edge",
                {
                    "from-layer": str(source),
                    "from-port": str(output),
                    "to-layer": str(number),
                    "to-port": str(port),
                },
            )
        return number, len(inputs)

    def constant(self, value: Any, *shape: int) -> tuple[int, int]:
        array = np.ascontiguousarray(np.asarray(value, "<f4")).reshape(shape)
        return self._constant(array, "f32")

    def whole(self, *values: int) -> tuple[int, int]:
        return self._constant(np.asarray(values, "<i8"), "i64")

    def _constant(self, array: np.ndarray, kind: str) -> tuple[int, int]:
        offset = len(self.constants)
        self.constants += array.tobytes()
        shape = ", ".join(map(str, array.shape))
        return self.layer("Const", element_type=kind, shape=shape, offset=str(offset), size=str(array.nbytes))

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.name}.xml"
        path.write_bytes(ElementTree.tostring(self.net, xml_declaration=True, encoding="utf-8"))
        path.with_suffix(".bin").write_bytes(bytes(self.constants))
        return path


def mapping_graph(tensors: dict[str, Tensor]) -> Graph:
    graph = Graph("MappingNetwork")
    z = graph.layer("Parameter", shape="1, 10", element_type="f32")
    squares = graph.layer("Power", z, graph.constant(2, 1, 1))
    mean = graph.layer("ReduceMean", squares, graph.whole(1), keep_dims="true")
    root = graph.layer("Power", graph.layer("Add", mean, graph.constant(1e-8, 1, 1)), graph.constant(0.5, 1, 1))
    scale = graph.layer("Multiply", graph.constant(1, 1, 1), graph.layer("Power", root, graph.constant(-1, 1, 1)))
    x = graph.layer("Multiply", z, scale)
    for index in range(3):
        weight, bias = (tensors[f"mapping.fc{index}.{leaf}"] for leaf in ("weight", "bias"))
        x = graph.layer("MatMul", x, graph.constant(weight, *weight.shape), transpose_a="false", transpose_b="true")
        x = graph.layer("Add", x, graph.layer("Reshape", graph.constant(bias, len(bias)), graph.whole(1, len(bias))))
        x = graph.layer("PReLU", x, graph.constant(0.2, 1))
        x = graph.layer("Multiply", x, graph.constant(math.sqrt(2), 1, 1))
    graph.layer("Result", x)
    return graph


def synthesis_graph(tensors: dict[str, Tensor]) -> Graph:
    graph = _Synthesis("SynthesisNetwork")
    graph.w = graph.layer("Parameter", shape="1, 12", element_type="f32")
    part = {name.removeprefix("synthesis."): value for name, value in tensors.items()}
    const = part["block4.conv.const"]
    x = graph.layer("Broadcast", graph.constant(const, 1, *const.shape), graph.whole(1, *const.shape))
    x = graph.layer("Multiply", graph.styles(part, "block4.conv", 3), graph.layer("Tile", x, graph.whole(1, 1, 1, 1)))
    weight = part["block4.conv.weight"]
    x = graph.convolution(x, graph.constant(weight, *weight.shape), 1)
    x = graph.activation(x, part, "block4.conv")
    resolution = 8
    while f"block{resolution}.up.affine.weight" in part:
        x = graph.layer("Multiply", graph.styles(part, f"block{resolution}.up", None), x)
        x = graph.wavelet(x, len(part[f"block{resolution}.up.affine.bias"]) // 4)
        for name in (f"block{resolution}.conv1", f"block{resolution}.conv2"):
            x = graph.layer("Multiply", graph.styles(part, name, 3), x)
            depthwise = part[f"{name}.depthwise"]
            x = graph.layer(
                "GroupConvolution",
                x,
                graph.constant(depthwise, len(depthwise), 1, 1, 3, 3),
                strides="1, 1",
                pads_begin="1, 1",
                pads_end="1, 1",
            )
            x = graph.convolution(x, graph.constant(part[f"{name}.pointwise"], *part[f"{name}.pointwise"].shape), 0)
            x = graph.activation(x, part, name)
        resolution *= 2
    x = graph.layer("Multiply", graph.styles(part, "to_image", 1), x)
    x = graph.convolution(x, graph.constant(part["to_image.pointwise"], *part["to_image.pointwise"].shape), 0)
    colours = len(part["to_image.bias"]) // 4
    x = graph.layer("Add", x, graph.constant(part["to_image.bias"], 1, 4 * colours, 1, 1))
    graph.layer("Result", graph.wavelet(x, colours))
    return graph


class _Synthesis(Graph):
    w: tuple[int, int]

    def styles(self, part: dict[str, Tensor], name: str, kernel: int | None) -> tuple[int, int]:
        weight, bias = (part[f"{name}.affine.{leaf}"] for leaf in ("weight", "bias"))
        matrix = self.constant(weight, *weight.shape)
        x = self.layer("MatMul", self.w, matrix, transpose_a="false", transpose_b="true")
        x = self.layer("Add", x, self.constant(bias, 1, len(bias)))
        x = self.layer("Reshape", x, self.whole(1, len(bias), 1, 1))
        if kernel is None:
            return x
        return self.layer("Multiply", x, self.constant(1 / math.sqrt(len(bias) * kernel**2), 1, 1, 1, 1))

    def convolution(self, x: tuple[int, int], weight: tuple[int, int], pad: int) -> tuple[int, int]:
        pads = {"pads_begin": f"{pad}, {pad}", "pads_end": f"{pad}, {pad}"}
        return self.layer("Convolution", x, weight, strides="1, 1", **pads)

    def activation(self, x: tuple[int, int], part: dict[str, Tensor], name: str) -> tuple[int, int]:
        noise, bias = part[f"{name}.noise"], part[f"{name}.bias"]
        x = self.layer("Add", x, self.constant(noise, 1, 1, *noise.shape))
        x = self.layer("Add", x, self.constant(bias, 1, len(bias), 1, 1))
        return self.layer("PReLU", x, self.constant(0.2, 1))

    def wavelet(self, x: tuple[int, int], channels: int) -> tuple[int, int]:
        number, _ = self.layer("VariadicSplit", x, self.whole(1), self.whole(channels, 3 * channels))
        high = self.layer("Reshape", (number, 4), self.whole(1, channels, 3))
        bands, _ = self.layer("VariadicSplit", high, self.whole(2), self.whole(1, 1, 1))
        low, lh, hl, hh = (number, 3), *(self.layer("Squeeze", (bands, 3 + band), self.whole(2)) for band in range(3))
        rows = [self._merged(pair, channels, "2, 1", (2, 1)) for pair in ((low, lh), (hl, hh))]
        return self._merged((rows[0], rows[1]), channels, "1, 2", (1, 2))

    def _merged(
        self, pair: tuple[tuple[int, int], tuple[int, int]], channels: int, strides: str, shape: tuple[int, int]
    ) -> tuple[int, int]:
        half = math.sqrt(0.5)
        parts = []
        for x, taps in zip(pair, ([half, half], [half, -half]), strict=True):
            kernel = self.constant([taps] * channels, channels, 1, 1, *shape)
            parts.append(self.layer("GroupConvolutionBackpropData", x, kernel, strides=strides))
        return self.layer("Add", *parts)


def write(folder: Path, weights: dict[str, Tensor] | None = None) -> Path:
    """Write the four published files; return the path of ``SynthesisNetwork.xml``."""
    weights = tensors() if weights is None else weights
    mapping_graph(weights).write(folder)
    return synthesis_graph(weights).write(folder)
