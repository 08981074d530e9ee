"""Safetensors: a length, a header in JSON, and the bytes of the tensors in a row."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ...api.contents import DIMENSIONS, FORMATS, StoredTensor, row_major
from .limits import Damaged

_HEADER = 2**22  # bytes: some thirty thousand tensors; JSON takes twenty times that in memory
_DTYPES = {
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "BF16": "bfloat16",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "BOOL": "bool",
    "C64": "complex64",
}


def is_safetensors(data: memoryview) -> bool:
    """Whether a file begins as safetensors do: with a length that it can have, and a brace."""
    return bytes(data[8:9]) == b"{" and int.from_bytes(data[:8], "little") <= len(data) - 8


def read_safetensors(data: memoryview) -> tuple[dict[str, StoredTensor], Mapping[str, str]]:
    """The tensors by name and the header's text entries.

    Raises:
        Damaged: the header is too long or wrong, or tensors do not lie where it says.
    """
    length = int.from_bytes(data[:8], "little")
    if length > _HEADER:
        raise Damaged(f"its header is longer than {_HEADER >> 20} MB")
    header = json.loads(
        str(data[8 : 8 + length], "utf-8"), object_pairs_hook=_once, parse_int=_number, parse_constant=_number
    )
    metadata = header.pop("__metadata__", {})
    if type(metadata) is not dict or not all(type(value) is str for value in metadata.values()):
        raise Damaged("its header's notes are no text")
    body = data[8 + length :]
    tensors = {name: _tensor(name, entry, body) for name, entry in header.items()}
    if sum(tensor.nbytes for tensor in tensors.values()) > len(body):
        raise Damaged("its tensors overlap")
    return tensors, metadata


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Damaged("its header has a name twice")
    return made


def _number(text: str) -> int:
    if len(text) > 18 or not text.isdigit():
        raise Damaged("its header has a number that makes no sense")
    return int(text)


def _tensor(name: str, entry: Any, body: memoryview) -> StoredTensor:
    try:
        dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        if type(dtype) is not str or len(shape) > DIMENSIONS:
            raise ValueError
        if dtype not in _DTYPES:
            raise Damaged(f"{name[:60]!r} is of the kind {dtype[:20]!r}, which is not read")
        kind = _DTYPES[dtype]
        if not 0 <= begin <= end <= len(body) or math.prod(shape) * FORMATS[kind].itemsize != end - begin:
            raise Damaged(f"{name[:60]!r} does not lie where its header says, or the file is cut off")
        return StoredTensor(kind, shape, row_major(shape), 0, body[begin:end])
    except (TypeError, KeyError, ValueError):
        raise Damaged(f"the header's entry of {name[:60]!r} makes no sense") from None
