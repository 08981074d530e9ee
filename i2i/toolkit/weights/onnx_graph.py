"""The graph of an ONNX file: operations in order, weights as stored tensors, inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...api.contents import StoredTensor
from ...api.errors import I2IError
from .reader import read_weights


@dataclass(frozen=True)
class OnnxNode:
    """One operation of a graph."""

    op: str
    """Its operator, such as ``"Conv"``; those of other domains than ONNX's own with the domain (``"com.x.Conv"``)."""
    inputs: tuple[str, ...]
    """Names of the values that it takes; an omitted one is empty."""
    outputs: tuple[str, ...]
    """Names of the values that it returns."""
    attributes: Mapping[str, Any]
    """Numbers, text, ``StoredTensor``, and lists of numbers or text, by name."""


@dataclass(frozen=True)
class OnnxGraph:
    """The graph of an ONNX file, as plain data; operators are not checked."""

    opset: int
    """Version of ONNX's operators that the file uses."""
    inputs: Mapping[str, tuple[int | None, ...]]
    """The shape of each input, in order; None for a size that is not fixed."""
    outputs: tuple[str, ...]
    """Names of the outputs."""
    nodes: tuple[OnnxNode, ...]
    """The operations in order: each takes inputs, initialisers, and results of earlier operations."""
    initializers: Mapping[str, StoredTensor]
    """The weights by name."""


def read_onnx(path: str | Path) -> OnnxGraph:
    """Read the graph of an ONNX file with the safe reader of weight files: nothing of it is run.

    Raises:
        I2IError: the file is missing, damaged or no ONNX file, or has subgraphs, functions or weights in other files.
    """
    contents = read_weights(path)
    if contents.container != "onnx":
        raise I2IError(f"{path} is no ONNX file, which is needed here; check the path.")
    tree = contents.tree
    nodes = tuple(OnnxNode(each["op"], each["inputs"], each["outputs"], each["attributes"]) for each in tree["nodes"])
    return OnnxGraph(tree["opset"], tree["inputs"], tree["outputs"], nodes, tree["initializers"])
