"""Networks of ONNX files as differentiable PyTorch modules: the operators of Faceplugin's four networks, no others.

Of the detector's file the last part, which decodes boxes for one resolution, is left out; ``detection`` decodes them.

Each operator is a function of ``OPERATORS`` that gets its inputs and attributes. What it does not support is refused
when the network is built: an unknown operator or attribute, or a value that the four files do not use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import i2i
from i2i.toolkit.weights.onnx_graph import OnnxGraph, OnnxNode, read_onnx

OPSET = 9
"""Version of ONNX's operators; in later ones some attributes became inputs."""
MAX_GEOMETRY = 64
"""Largest stride, padding, dilation or kernel size: hostile files cannot ask for gigantic results."""
Values = Sequence[Tensor]
Attributes = Mapping[str, Any]


class OnnxNetwork(nn.Module):
    """A frozen network in float32: called with the batch of its one input, it returns the outputs in order.

    The files fix a batch of one image; here any number of images is computed, independently of each other.
    """

    def __init__(self, graph: OnnxGraph, outputs: Sequence[str] | None = None) -> None:
        """Build the part of a graph that its outputs, or other values by their names, need.

        Raises:
            i2i.I2IError: the graph has several inputs, or an operator, attribute or version that is not supported.
        """
        super().__init__()
        if graph.opset != OPSET or len(graph.inputs) != 1:
            raise i2i.I2IError(f"its graph has opset {graph.opset} and {len(graph.inputs)} inputs, not {OPSET} and 1.")
        self.outputs = tuple(graph.outputs if outputs is None else outputs)
        (self.input,) = graph.inputs
        self._constants: dict[str, Tensor] = {}  # whole numbers, such as shapes: they stay on the CPU
        self._buffer_names: dict[str, str] = {}
        self._nodes = _needed(graph.nodes, self.outputs)
        used = {name for node in self._nodes for name in node.inputs}
        for name, stored in graph.initializers.items():
            if name in used:
                self._add(name, stored.tensor())
        for node in self._nodes:
            if node.op == "Constant":
                self._add(node.outputs[0], node.attributes["value"].tensor())
        self._nodes = [node for node in self._nodes if node.op != "Constant"]
        known = {self.input, *self._constants, *self._buffer_names}
        for node in self._nodes:
            _check(node, known)
            known.update(node.outputs)
        if missing := [name for name in self.outputs if name not in known]:
            raise i2i.I2IError(f"its graph does not compute {missing[0][:60]!r}.")
        self.requires_grad_(False).eval()

    def _add(self, name: str, tensor: Tensor) -> None:
        if tensor.dtype != torch.float32:
            self._constants[name] = tensor
            return
        self._buffer_names[name] = f"value_{len(self._buffer_names)}"
        self.register_buffer(self._buffer_names[name], tensor)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        values = {self.input: images, **self._constants}
        values.update((name, self.get_buffer(own)) for name, own in self._buffer_names.items())
        for node in self._nodes:
            results = OPERATORS[node.op].compute([values[name] for name in node.inputs], node.attributes)
            values.update(zip(node.outputs, results, strict=True))
        return tuple(values[name] for name in self.outputs)


def load_onnx_network(
    path: Path,
    inputs: Sequence[int],
    outputs: int,
    find_outputs: Callable[[OnnxGraph], Sequence[str]] = lambda graph: graph.outputs,
) -> OnnxNetwork:
    """Load a network from an ONNX file.

    Args:
        path: The file.
        inputs: Shape of its input.
        outputs: Number of its outputs.
        find_outputs: Returns the names of the values that the network is to return.

    Raises:
        i2i.I2IError: the file is missing, damaged, or holds another network.
    """
    graph = read_onnx(path)
    try:
        if list(graph.inputs.values()) != [tuple(inputs)] or len(graph.outputs) != outputs:
            raise i2i.I2IError(f"its graph does not have one input {tuple(inputs)} and {outputs} outputs.")
        return OnnxNetwork(graph, find_outputs(graph))
    except i2i.I2IError as error:
        raise i2i.I2IError(f"{path} holds another network than Faceplugin's: {error}") from None


def _needed(nodes: Sequence[OnnxNode], outputs: Sequence[str]) -> list[OnnxNode]:
    """Return the operations that the outputs depend on, in order."""
    wanted, found = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            found.append(node)
            wanted.update(node.inputs)
    return found[::-1]


@dataclass(frozen=True)
class Operator:
    """An operator of ONNX, and what of it is supported."""

    compute: Callable[[Values, Attributes], Values]
    """Function from the inputs and attributes to the outputs."""
    inputs: tuple[int, ...]
    """Possible numbers of inputs."""
    required: Mapping[str, Callable[[Any], bool]]
    """Attributes that must be there, each with a test of its value."""
    optional: Mapping[str, Callable[[Any], bool]]
    """Attributes that may be there, likewise."""


def _check(node: OnnxNode, known: set[str]) -> None:
    operator = OPERATORS.get(node.op)
    if operator is None:
        raise i2i.I2IError(f"it uses the operator {node.op[:40]!r}, which is not supported.")
    if unknown := [name for name in node.inputs if name not in known]:
        raise i2i.I2IError(f"{node.op} takes {unknown[0][:60]!r} before that is computed.")
    if len(node.inputs) not in operator.inputs:
        raise i2i.I2IError(f"{node.op} has {len(node.inputs)} inputs, which is not supported.")
    if missing := sorted(operator.required.keys() - node.attributes.keys()):
        raise i2i.I2IError(f"{node.op} lacks the attribute {missing[0]!r}.")
    tests = {**operator.required, **operator.optional}
    for name, value in node.attributes.items():
        if name not in tests or not tests[name](value):
            raise i2i.I2IError(f"{node.op} has an attribute {name[:40]!r} with a value that is not supported.")


def _geometry(count: int, low: int) -> Callable[[Any], bool]:
    """Return a test for a list of ``count`` whole numbers from ``low`` to ``MAX_GEOMETRY``."""
    return lambda value: (
        type(value) is list and len(value) == count and all(_is_whole(each, low, MAX_GEOMETRY) for each in value)
    )


def _is_whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _symmetric(value: Any) -> bool:
    return _geometry(4, 0)(value) and value[:2] == value[2:]


def _equal(expected: Any) -> Callable[[Any], bool]:
    return lambda value: type(value) is type(expected) and value == expected


def _positive(value: Any) -> bool:
    return type(value) is float and 0 < value < 1


def _axis(value: Any) -> bool:
    return _is_whole(value, 0, 7)


def _permutation(value: Any) -> bool:
    return type(value) is list and sorted(value) == list(range(len(value)))


def _convolve(values: Values, attributes: Attributes) -> Values:
    result = F.conv2d(
        values[0],
        values[1],
        values[2] if len(values) > 2 else None,
        stride=attributes["strides"],
        padding=attributes["pads"][:2],
        dilation=attributes["dilations"],
        groups=attributes["group"],
    )
    return (result,)


def _prelu(values: Values, attributes: Attributes) -> Values:
    x, slope = values  # of the shape (C, 1, 1)
    return (F.prelu(x, slope.flatten()),)


def _normalise(values: Values, attributes: Attributes) -> Values:
    x, weight, bias, mean, variance = values
    return (F.batch_norm(x, mean, variance, weight, bias, eps=attributes["epsilon"]),)


def _pool(values: Values, attributes: Attributes) -> Values:
    return (F.max_pool2d(values[0], attributes["kernel_shape"], attributes["strides"], attributes["pads"][:2]),)


def _reshape(values: Values, attributes: Attributes) -> Values:
    x, target = values
    shape = target.tolist()
    if shape[0] == 1:  # the batch of one that the file fixes
        shape[0] = len(x)
    return (x.reshape(shape),)


_WINDOW = {"kernel_shape": _geometry(2, 1), "pads": _symmetric, "strides": _geometry(2, 1)}
OPERATORS: Mapping[str, Operator] = {
    "Add": Operator(lambda x, a: (x[0] + x[1],), (2,), {}, {}),
    "BatchNormalization": Operator(
        _normalise, (5,), {"epsilon": _positive}, {"momentum": lambda value: type(value) is float}
    ),
    "Concat": Operator(lambda x, a: (torch.cat(list(x), a["axis"]),), (2, 3, 4), {"axis": _axis}, {}),
    "Conv": Operator(
        _convolve,
        (2, 3),
        {**_WINDOW, "dilations": _geometry(2, 1), "group": lambda value: _is_whole(value, 1, 2**16)},
        {},
    ),
    "Flatten": Operator(lambda x, a: (x[0].flatten(1),), (1,), {"axis": _equal(1)}, {}),
    "Gather": Operator(lambda x, a: (x[0][x[1]],), (2,), {"axis": _equal(0)}, {}),
    "Gemm": Operator(
        lambda x, a: (F.linear(*x),),
        (3,),
        {"alpha": _equal(1.0), "beta": _equal(1.0), "transB": _equal(1)},
        {},
    ),
    "MaxPool": Operator(_pool, (1,), _WINDOW, {}),
    "Mul": Operator(lambda x, a: (x[0] * x[1],), (2,), {}, {}),
    "PRelu": Operator(_prelu, (2,), {}, {}),
    "ReduceMean": Operator(
        lambda x, a: (x[0].mean(dim=(2, 3)),), (1,), {"axes": _equal([2, 3]), "keepdims": _equal(0)}, {}
    ),
    "Relu": Operator(lambda x, a: (F.relu(x[0]),), (1,), {}, {}),
    "Reshape": Operator(_reshape, (2,), {}, {}),
    "Shape": Operator(lambda x, a: (torch.tensor(x[0].shape),), (1,), {}, {}),
    "Split": Operator(
        lambda x, a: x[0].split(a["split"], a["axis"]),
        (1,),
        {
            "axis": _axis,
            "split": lambda value: type(value) is list and all(_is_whole(each, 1, 2**16) for each in value),
        },
        {},
    ),
    "Transpose": Operator(lambda x, a: (x[0].permute(a["perm"]),), (1,), {"perm": _permutation}, {}),
    "Unsqueeze": Operator(lambda x, a: (x[0].unsqueeze(0),), (1,), {"axes": _equal([0])}, {}),
}
