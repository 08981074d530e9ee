"""The messages of an ONNX file, read from protobuf's wire format into plain data.

A message is a sequence of fields, each a key (field number and wire type) and a value: a varint, four or eight bytes,
or a length with that many bytes (https://protobuf.dev/programming-guides/encoding). The field numbers here are those of
``onnx.proto``. Nothing is computed; unknown fields are skipped, and what changes the meaning of a graph (subgraphs,
functions, weights in other files) is refused.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any

from ...api.contents import DIMENSIONS, FORMATS, StoredTensor, row_major
from .limits import Budget, DamagedError, RefusedError

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # wire types; 3 and 4, groups, are not used by onnx.proto
_WIDTHS = {_EIGHT: 8, _FOUR: 4}
_DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    16: "bfloat16",
}
_TYPED: Mapping[str, tuple[int, str]] = {
    "float32": (4, ""),
    "float64": (10, ""),
    "bool": (5, "B"),
    "uint8": (5, "B"),
    "int8": (5, "b"),
    "uint16": (5, "H"),
    "int16": (5, "h"),
    "float16": (5, "H"),  # as their bits
    "bfloat16": (5, "H"),
    "int32": (5, "i"),
    "int64": (7, "q"),
    "uint32": (11, "I"),
    "uint64": (11, "Q"),
}
"""By kind, the field of numbers that are not given as bytes, and how ``array`` names them; empty: they lie as bytes."""
_KINDS = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
"""Types of attributes that are read, and the field that holds each: numbers, text, a tensor, and lists."""


def is_onnx(data: memoryview) -> bool:
    """Return whether a file begins like an ONNX file: the version of its format, then another field of a model."""
    return len(data) > 2 and data[0] == 0x08 and 0 < data[1] < 0x80 and data[2] in (0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A)


def read_model(data: memoryview, budget: Budget) -> dict[str, Any]:
    """Read an ONNX model.

    Args:
        data: Bytes of the file.
        budget: Limits of the file.

    Returns:
        ``opset``; ``inputs``, the shape of each by name, None for a size that is not fixed; ``outputs``, their names;
        ``nodes`` in order, each with ``op``, ``inputs``, ``outputs`` and ``attributes``; and ``initializers``, stored
        tensors by name.

    Raises:
        DamagedError: the file is broken or exceeds a limit.
        RefusedError: the model has parts that are not read.
    """
    model = _Message(data, budget, {7: _BYTES, 8: _BYTES, 20: _BYTES, 25: _BYTES})
    if model[25] or model[20]:
        raise RefusedError("is an ONNX file with functions or training steps, which are not read; export it again.")
    graphs = model[7]
    if len(graphs) != 1:
        raise DamagedError("it has no graph, or several")
    versions = [_version(each, budget) for each in model[8]]
    return {"opset": next((number for domain, number in versions if not domain), 0), **_graph(graphs[0], budget)}


def _version(data: memoryview, budget: Budget) -> tuple[str, int]:
    entry = _Message(data, budget, {1: _BYTES, 2: _VARINT})
    return entry.text(1), entry.last(2, 0)


def _graph(data: memoryview, budget: Budget) -> dict[str, Any]:
    graph = _Message(data, budget, {1: _BYTES, 5: _BYTES, 11: _BYTES, 12: _BYTES, 15: _BYTES})
    if graph[15]:
        raise RefusedError("is an ONNX file with sparse weights, which are not read; export it again.")
    initializers: dict[str, StoredTensor] = {}
    for each in graph[5]:
        name, tensor = _tensor(each, budget)
        if name in initializers:
            raise DamagedError(f"it has the weights {name[:60]!r} twice")
        initializers[name] = tensor
    inputs = dict(_value(each, budget) for each in graph[11])
    return {
        "inputs": {name: shape for name, shape in inputs.items() if name not in initializers},
        "outputs": tuple(_value(each, budget)[0] for each in graph[12]),
        "nodes": [_node(each, budget) for each in graph[1]],
        "initializers": initializers,
    }


def _value(data: memoryview, budget: Budget) -> tuple[str, tuple[int | None, ...]]:
    """Read the name and shape of an input or output; a size is not fixed if it has a name, or is negative."""
    value = _Message(data, budget, {1: _BYTES, 2: _BYTES})
    found: list[memoryview] = value[2]
    for number in (1, 2):  # its type is that of a tensor, which has a shape
        found = [part for each in found for part in _Message(each, budget, {number: _BYTES})[number]]
    sizes = (
        _Message(each, budget, {1: _VARINT}) for shape in found for each in _Message(shape, budget, {1: _BYTES})[1]
    )
    numbers = (_signed(size.last(1, -1)) for size in sizes)
    return value.text(1), tuple(None if number < 0 else number for number in numbers)


def _node(data: memoryview, budget: Budget) -> dict[str, Any]:
    node = _Message(data, budget, {1: _BYTES, 2: _BYTES, 4: _BYTES, 5: _BYTES, 7: _BYTES})
    domain = node.text(7)
    attributes = dict(_attribute(each, budget) for each in node[5])
    if len(attributes) != len(node[5]):
        raise DamagedError("an operation has an attribute twice")
    return {
        "op": f"{domain}.{node.text(4)}" if domain not in ("", "ai.onnx") else node.text(4),
        "inputs": tuple(node.texts(1)),
        "outputs": tuple(node.texts(2)),
        "attributes": attributes,
    }


def _attribute(data: memoryview, budget: Budget) -> tuple[str, Any]:
    fields = {1: _BYTES, 2: _FOUR, 3: _VARINT, 4: _BYTES, 5: _BYTES, 7: _FOUR, 8: _VARINT, 9: _BYTES, 20: _VARINT}
    entry = _Message(data, budget, {**fields, 21: _BYTES})
    name, kind = entry.text(1), _KINDS.get(entry.last(20, 0))
    if entry[21] or kind is None:
        raise RefusedError(f"is an ONNX file with an attribute {name[:40]!r} that is not read, such as a subgraph.")
    readers: dict[str, Callable[[], Any]] = {
        "f": lambda: _floats(entry.last(2, b"\0\0\0\0"))[0],
        "i": lambda: _signed(entry.last(3, 0)),
        "s": lambda: entry.text(4),
        "t": lambda: _tensor(entry.last(5, memoryview(b"")), budget)[1],
        "floats": lambda: [number for each in entry[7] for number in _floats(each)],
        "ints": lambda: [_signed(number) for number in entry[8]],
        "strings": lambda: entry.texts(9),
    }
    return name, readers[kind]()


def _tensor(data: memoryview, budget: Budget) -> tuple[str, StoredTensor]:
    """Read the name of a tensor and where its numbers lie."""
    fields = {1: _VARINT, 2: _VARINT, 3: _BYTES, 4: _FOUR, 5: _VARINT, 7: _VARINT, 8: _BYTES, 9: _BYTES, 10: _EIGHT}
    entry = _Message(data, budget, {**fields, 11: _VARINT, 13: _BYTES, 14: _VARINT})
    name = entry.text(8)
    if entry[13] or entry.last(14, 0):
        raise RefusedError(
            "is an ONNX file with its weights in other files, which are not read; export it as one file."
        )
    dtype = _DTYPES.get(entry.last(2, 0))
    if dtype is None or entry[3]:
        raise DamagedError(f"the weights {name[:60]!r} are of a kind that is not read")
    shape = tuple(entry[1])
    if len(shape) > DIMENSIONS:  # before their product, which would have millions of digits
        raise DamagedError(f"the weights {name[:60]!r} have more than {DIMENSIONS} dimensions")
    content = entry.last(9, None) if entry[9] else _typed_numbers(entry, dtype)
    if prod(shape) * FORMATS[dtype].itemsize != len(content):
        raise DamagedError(f"the weights {name[:60]!r} have another shape than numbers")
    return name, StoredTensor(dtype, shape, row_major(shape), 0, content)


def _typed_numbers(entry: _Message, dtype: str) -> bytes:
    """Return the numbers of a tensor that are given by type as the bytes in which they would lie.

    Raises:
        DamagedError: a number does not fit into the type.
    """
    number, code = _TYPED[dtype]
    values = entry[number]
    if not code:
        return b"".join(values)
    try:
        return array(code, values if code == "Q" else map(_signed, values)).tobytes()
    except OverflowError:
        raise DamagedError(f"it has weights of the kind {dtype} with a number that does not fit") from None


class _Message:
    """The values of some fields of a message by number, in order: integers for varints, else views of the bytes."""

    def __init__(self, data: memoryview, budget: Budget, fields: dict[int, int]) -> None:
        """Read the fields whose number and wire type are in ``fields``; repeated numbers may be packed.

        Raises:
            DamagedError: the message is cut off, has a field of another type, or exceeds the budget.
        """
        self._budget = budget
        self._values: dict[int, list[Any]] = {number: [] for number in fields}
        for number, wire, value in _fields(data, budget):
            expected = fields.get(number)
            if expected is None:
                continue
            if wire == expected:
                self._values[number].append(value)
            elif wire == _BYTES and expected == _VARINT:
                self._values[number].extend(_packed(value, budget))
            elif wire == _BYTES and expected in _WIDTHS and len(value) % _WIDTHS[expected] == 0:
                self._values[number].append(value)
            else:
                raise DamagedError("a field in it has a type that it never has")

    def __getitem__(self, number: int) -> list[Any]:
        return self._values[number]

    def last(self, number: int, default: Any) -> Any:
        """Return the value of a field that is not repeated: protobuf takes the last one."""
        found = self._values[number]
        return found[-1] if found else default

    def text(self, number: int) -> str:
        return self._decoded(self.last(number, b""))

    def texts(self, number: int) -> list[str]:
        return [self._decoded(each) for each in self._values[number]]

    def _decoded(self, value: Any) -> str:
        self._budget.spend_text(len(value))
        return str(value, "utf-8")


def _fields(data: memoryview, budget: Budget) -> Iterator[tuple[int, int, Any]]:
    """Yield the number, wire type and value of each field of a message."""
    at, end = 0, len(data)
    while at < end:
        budget.spend(1)
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, wire, value
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif wire in _WIDTHS:
            length = _WIDTHS[wire]
        else:
            raise DamagedError("a field in it has an unknown type")
        if length > end - at:
            raise DamagedError("it claims more bytes than are there, or is cut off")
        yield key >> 3, wire, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Read a varint, seven bits a byte and the lowest first: its value, and the place after it."""
    value = 0
    for place in range(10):
        if at + place >= len(data):
            raise DamagedError("it is cut off")
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + place + 1
    raise DamagedError("a number in it has no end")


def _packed(data: memoryview, budget: Budget) -> Iterator[int]:
    at = 0
    while at < len(data):
        budget.spend(1)
        value, at = _varint(data, at)
        yield value


def _signed(number: int) -> int:
    """Convert a varint to a signed number: negative ones are their two's complement in 64 bits."""
    return number - 2**64 if number >= 2**63 else number


def _floats(data: Any) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // 4}f", data)
