"""NumPy's pickles: arrays and single numbers, of plain kinds only, and never larger than the bytes that are there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...api.contents import DIMENSIONS, FORMATS, StoredTensor, row_major
from .limits import Damaged
from .unpickler import Admitted, Machine

_KINDS = {
    "f2": "float16",
    "f4": "float32",
    "f8": "float64",
    "i1": "int8",
    "i2": "int16",
    "i4": "int32",
    "i8": "int64",
    "u1": "uint8",
    "u2": "uint16",
    "u4": "uint32",
    "u8": "uint64",
    "b1": "bool",
}


class _Kind:
    """A dtype: torch's name of it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def _kind(machine: Machine, code: Any, align: Any = False, copy: Any = False) -> _Kind:
    if type(code) is not str or code not in _KINDS:
        told = code[:20] if type(code) is str else "something"
        raise ValueError(f"it holds an array of {told!r}, which is no kind of number")
    kind = _Kind(_KINDS[code])
    machine.await_state(kind, _fill_kind)
    return kind


def _fill_kind(kind: _Kind, state: Any) -> None:
    """``state``: version, byte order, and what only compound kinds have."""
    if type(state) is not tuple or len(state) < 5 or state[1] not in ("<", "|", "=") or any(state[2:5]):
        raise Damaged("an array in it is big-endian or of a compound kind")


def _empty(machine: Machine, kind: Any, shape: Any, code: Any) -> StoredTensor:
    if type(kind) is not Admitted or kind.name != "numpy.ndarray":
        raise ValueError("it makes an array of another class")
    machine.budget.spend(16)
    blank = StoredTensor.__new__(StoredTensor)
    machine.await_state(blank, _fill)
    return blank


def _fill(blank: StoredTensor, state: Any) -> None:
    """``state``: version, shape, kind, whether columns come first, and the bytes."""
    if type(state) is not tuple or len(state) != 5:
        raise Damaged("an array in it is built wrongly")
    _lay_out(blank, state[4], state[2], state[1], "F" if state[3] else "C")


def _lay_out(blank: StoredTensor, data: Any, kind: Any, shape: Any, order: str) -> None:
    sizes = list(shape) if type(shape) is tuple and len(shape) <= DIMENSIONS else None
    if sizes is None or any(type(size) is not int or not 0 <= size < 2**40 for size in sizes):
        raise Damaged("the shape of an array in it makes no sense")
    if type(kind) is not _Kind or type(data) is not memoryview:
        raise Damaged("an array in it is built wrongly")
    if math.prod(sizes) * FORMATS[kind.name].itemsize != len(data):
        raise Damaged("an array in it claims another size than its bytes have")
    stride = row_major(sizes) if order == "C" else row_major(sizes[::-1])[::-1]
    StoredTensor.__init__(blank, kind.name, tuple(sizes), stride, 0, data)


def _from_buffer(machine: Machine, data: Any, kind: Any, shape: Any, order: Any, axes: Any = None) -> StoredTensor:
    """How protocol 5 writes an array."""
    if order not in ("C", "F") or axes is not None:
        raise ValueError("its layout is not read")
    machine.budget.spend(16)
    blank = StoredTensor.__new__(StoredTensor)
    _lay_out(blank, data, kind, shape, order)
    return blank


def _scalar(machine: Machine, kind: Any, data: Any) -> Any:
    if type(kind) is not _Kind or type(data) is not memoryview or len(data) != FORMATS[kind.name].itemsize:
        raise ValueError("its arguments make no sense")
    value = np.frombuffer(data, FORMATS[kind.name])[0].item()
    return bool(value) if kind.name == "bool" else value


_CORE: Mapping[str, Callable[..., Any]] = {
    "multiarray.scalar": _scalar,
    "multiarray._reconstruct": _empty,
    "numeric._frombuffer": _from_buffer,
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "numpy.dtype": _kind,
    **{f"numpy.{core}.{name}": function for core in ("core", "_core") for name, function in _CORE.items()},
}
"""By full name, what NumPy's pickles call; NumPy 2 moved ``core``."""
CLASSES = ("numpy.ndarray",)
"""The classes that they name."""
