"""OpenVINO's intermediate representation (IR): a graph in an ``.xml`` file, with its constants in a ``.bin`` file.

Both files are data from outside. The XML parser reports elements and attributes only; a document type declaration,
with which entities are declared, ends the reading. Constants are views of the ``.bin`` file, checked against its size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from ...api.contents import DIMENSIONS, FORMATS, StoredTensor, row_major
from .limits import DamagedError

SUFFIX = ".xml"
"""Of the graph, in lower case; the constants have the same name with ``.bin``."""
_XML = 2**24  # bytes
_LAYERS = 20_000
_ELEMENTS = 500_000
_DEPTH = 8  # of elements; OpenVINO's own files have 6
_TEXT = 200  # characters of a name or attribute that is kept
_KINDS = {
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
    "bf16": "bfloat16",
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "boolean": "bool",
}


def read_openvino(graph: memoryview, constants: memoryview) -> dict[str, Any]:
    """Read a graph as plain data.

    Args:
        graph: Bytes of the ``.xml`` file.
        constants: Bytes of the ``.bin`` file.

    Returns:
        ``name`` and ``version`` of the network, and ``layers``: by id a dictionary of ``name``, ``type``, ``version``,
        ``attributes`` (texts), ``inputs`` (by port number, ascending: the id of the layer and its output port) and,
        of a ``Const``, ``tensor`` (``StoredTensor``).

    Raises:
        DamagedError: the XML is broken, exceeds a limit or declares a document type; an edge leads nowhere; or a
            constant does not lie where the graph says.
    """
    document = _parse(graph)
    layers = document.layers
    for key, layer in layers.items():
        if layer["type"] == "Const":
            layer["tensor"] = _constant(layer["name"] or key, layer["attributes"], constants)
    edges: dict[str, dict[int, tuple[str, int]]] = {key: {} for key in layers}
    for start, start_port, end, end_port in document.edges:
        if start not in layers or end not in layers or end_port in edges[end]:
            raise DamagedError("an edge of its graph leads nowhere, or two lead to one port")
        edges[end][end_port] = start, start_port
    for key, inputs in edges.items():
        layers[key]["inputs"] = dict(sorted(inputs.items()))
    return {"name": document.name, "version": document.version, "layers": layers}


@dataclass
class _Document:
    """What a parser has found so far."""

    name: str = ""
    version: str = ""
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    edges: list[tuple[str, int, str, int]] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    """Tags of the open elements, from the root."""
    current: dict[str, Any] = field(default_factory=dict)
    """The layer that was opened last."""
    elements: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.path.append(tag)
        self.elements += 1
        if self.elements > _ELEMENTS or len(self.path) > _DEPTH:
            raise DamagedError("its XML has too many elements or levels")
        if len(self.path) == 1:
            if tag != "net":
                raise DamagedError("it is XML, but no network of OpenVINO")
            self.name, self.version = _text(attributes, "name"), _text(attributes, "version")
        elif self.path == ["net", "layers", "layer"]:
            key = _text(attributes, "id")
            if key in self.layers or len(self.layers) == _LAYERS:
                raise DamagedError("its graph has a layer twice, or too many layers")
            texts = {name: _text(attributes, name) for name in ("name", "type", "version")}
            self.current = self.layers[key] = {**texts, "attributes": {}, "inputs": {}}
        elif self.path == ["net", "layers", "layer", "data"]:
            self.current["attributes"] = {str(name)[:_TEXT]: _text(attributes, name) for name in attributes}
        elif self.path == ["net", "edges", "edge"]:
            if len(self.edges) == 4 * _LAYERS:
                raise DamagedError("its graph has too many edges")
            start, end = _text(attributes, "from-layer"), _text(attributes, "to-layer")
            ports = [_number(_text(attributes, name)) for name in ("from-port", "to-port")]
            self.edges.append((start, ports[0], end, ports[1]))

    def end(self, tag: str) -> None:
        self.path.pop()


def _parse(graph: memoryview) -> _Document:
    if len(graph) > _XML:
        raise DamagedError(f"its XML is longer than {_XML >> 20} MB")
    document = _Document()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = document.start
    parser.EndElementHandler = document.end
    try:
        parser.Parse(bytes(graph), True)
    except expat.ExpatError as error:
        raise DamagedError(f"its XML is broken: {error}") from None
    return document


def _refuse_doctype(*arguments: Any) -> None:
    raise DamagedError("its XML declares a document type or entities, which OpenVINO never does")


def _text(attributes: Mapping[str, str], name: str) -> str:
    text = attributes.get(name, "")
    if len(text) > _TEXT:
        raise DamagedError("its XML has an attribute that is too long")
    return text


def _number(text: str) -> int:
    if not 0 < len(text) <= 18 or not (text.isascii() and text.isdigit()):
        raise DamagedError(f"its graph has {text[:20]!r} where a number is needed")
    return int(text)


def _constant(name: str, attributes: Mapping[str, str], constants: memoryview) -> StoredTensor:
    shown = repr(name[:60])
    kind = _KINDS.get(attributes.get("element_type", ""))
    if kind is None:
        raise DamagedError(f"{shown} is of the kind {attributes.get('element_type', '')[:20]!r}, which is not read")
    parts = attributes.get("shape", "").replace(" ", "")
    shape = tuple(_number(part) for part in parts.split(",")) if parts else ()
    offset, size = (_number(attributes.get(key, "")) for key in ("offset", "size"))
    expected = math.prod(shape) * FORMATS[kind].itemsize
    if len(shape) > DIMENSIONS or size != expected or offset + size > len(constants):
        raise DamagedError(f"{shown} does not lie where its graph says, or the .bin file is cut off")
    return StoredTensor(kind, shape, row_major(shape), 0, constants[offset : offset + size])
