"""The allow-list of the unpickler: the names that a weight file may use, and what stands for each.

A name stands for plain data or for a function of this module, never for the thing that it names in Python.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...api.contents import DIMENSIONS, FORMATS, Record, StoredTensor, row_major
from .limits import DamagedError, RefusedError
from .unpickler import AllowedName, Unpickler

DTYPES: Mapping[str, str] = {
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.DoubleStorage": "float64",
    "torch.BFloat16Storage": "bfloat16",
    "torch.CharStorage": "int8",
    "torch.ShortStorage": "int16",
    "torch.IntStorage": "int32",
    "torch.LongStorage": "int64",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
    "torch.ComplexFloatStorage": "complex64",
    "torch.ComplexDoubleStorage": "complex128",
}
"""Element types of the storage classes that are read, by the full name of the class."""


class Storage:
    """The bytes that tensors of a torch file are views of.

    Args:
        dtype: Name of the element type, such as ``float32``.
        numel: Number of elements; checked, since it comes from the file.
    """

    __slots__ = ("buffer", "dtype", "numel", "waiting")

    def __init__(self, dtype: str, numel: Any) -> None:
        if type(numel) is not int or not 0 <= numel < 2**40:
            raise DamagedError("a storage claims a size that makes no sense")
        self.dtype = dtype
        self.numel = numel
        self.buffer: memoryview | None = None
        self.waiting: list[tuple[StoredTensor, Any, Any, Any]] = []

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.numel * FORMATS[self.dtype].itemsize

    def attach(self, data: memoryview) -> None:
        """Set the bytes of the storage, the first ``nbytes`` of ``data``, also in the tensors that exist already.

        Raises:
            DamagedError: ``data`` is shorter than the storage claims to be.
        """
        if self.nbytes > len(data):
            raise DamagedError("a storage claims more bytes than are there")
        self.buffer = data[: self.nbytes]
        for blank, offset, shape, stride in self.waiting:
            StoredTensor.__init__(blank, self.dtype, shape, stride, offset, self.buffer)
        self.waiting.clear()

    def view(self, offset: Any, shape: Any, stride: Any) -> StoredTensor:
        """Return a tensor that is a view of the storage; offset and stride count elements.

        Raises:
            ValueError: the view exceeds the storage; raised by ``attach`` if the bytes are set later.
        """
        if type(shape) is not tuple or type(stride) is not tuple:
            raise ValueError("a tensor's shape is no tuple")
        if self.buffer is not None:
            return StoredTensor(self.dtype, shape, stride, offset, self.buffer)
        blank = StoredTensor.__new__(StoredTensor)
        self.waiting.append((blank, offset, shape, stride))
        return blank


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


def _kind(unpickler: Unpickler, code: Any, align: Any = False, copy: Any = False) -> _Kind:
    if type(code) is not str or code not in _KINDS:
        shown = code[:20] if type(code) is str else "something"
        raise ValueError(f"it holds an array of {shown!r}, which is no kind of number")
    kind = _Kind(_KINDS[code])
    unpickler.await_state(kind, _fill_kind)
    return kind


def _fill_kind(kind: _Kind, state: Any) -> None:
    """``state``: version, byte order, and what only compound kinds have."""
    if type(state) is not tuple or len(state) < 5 or state[1] not in ("<", "|", "=") or any(state[2:5]):
        raise DamagedError("an array in it is big-endian or of a compound kind")


def _empty(unpickler: Unpickler, kind: Any, shape: Any, code: Any) -> StoredTensor:
    if type(kind) is not AllowedName or kind.name != "numpy.ndarray":
        raise ValueError("it makes an array of another class")
    unpickler.budget.spend(16)
    blank = StoredTensor.__new__(StoredTensor)
    unpickler.await_state(blank, _fill)
    return blank


def _fill(blank: StoredTensor, state: Any) -> None:
    """``state``: version, shape, kind, whether columns come first, and the bytes."""
    if type(state) is not tuple or len(state) != 5:
        raise DamagedError("an array in it is built wrongly")
    _lay_out(blank, state[4], state[2], state[1], "F" if state[3] else "C")


def _lay_out(blank: StoredTensor, data: Any, kind: Any, shape: Any, order: str) -> None:
    sizes = list(shape) if type(shape) is tuple and len(shape) <= DIMENSIONS else None
    if sizes is None or any(type(size) is not int or not 0 <= size < 2**40 for size in sizes):
        raise DamagedError("the shape of an array in it makes no sense")
    if type(kind) is not _Kind or type(data) is not memoryview:
        raise DamagedError("an array in it is built wrongly")
    if math.prod(sizes) * FORMATS[kind.name].itemsize != len(data):
        raise DamagedError("an array in it claims another size than its bytes have")
    stride = row_major(sizes) if order == "C" else row_major(sizes[::-1])[::-1]
    StoredTensor.__init__(blank, kind.name, tuple(sizes), stride, 0, data)


def _from_buffer(unpickler: Unpickler, data: Any, kind: Any, shape: Any, order: Any, axes: Any = None) -> StoredTensor:
    """How protocol 5 writes an array."""
    if order not in ("C", "F") or axes is not None:
        raise ValueError("its layout is not read")
    unpickler.budget.spend(16)
    blank = StoredTensor.__new__(StoredTensor)
    _lay_out(blank, data, kind, shape, order)
    return blank


def _scalar(unpickler: Unpickler, kind: Any, data: Any) -> Any:
    if type(kind) is not _Kind or type(data) is not memoryview or len(data) != FORMATS[kind.name].itemsize:
        raise ValueError("its arguments make no sense")
    value = np.frombuffer(data, FORMATS[kind.name])[0].item()
    return bool(value) if kind.name == "bool" else value


_CORE: Mapping[str, Callable[..., Any]] = {
    "multiarray.scalar": _scalar,
    "multiarray._reconstruct": _empty,
    "numeric._frombuffer": _from_buffer,
}
_NUMPY_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "numpy.dtype": _kind,
    **{f"numpy.{core}.{name}": function for core in ("core", "_core") for name, function in _CORE.items()},
}
"""By full name, what NumPy's pickles call; NumPy 2 moved ``core``."""
_NUMPY_CLASSES = ("numpy.ndarray",)
"""The classes that they name."""


_LAYER = re.compile(r"torch\.nn\.modules\.[a-z_]{1,40}\.[A-Z][A-Za-z0-9_]{0,60}", re.ASCII)
_SOURCES = ("module_src", "build_module_src")  # program text that NVlabs' files carry; dropped unread


def find_allowed(module: str, name: str) -> AllowedName:
    """Return the entry of the allow-list for a name.

    Args:
        module: Module in the pickle, such as ``torch._utils``.
        name: Name in the module.

    Raises:
        RefusedError: no weight file needs the name; the text contains it.
    """
    whole = f"{module}.{name}"
    known = _KNOWN.get((module, name))
    if known is not None:
        return known
    if _LAYER.fullmatch(whole):
        return allow_record(whole)
    shown = "".join(letter if letter.isprintable() else "?" for letter in whole)
    raise RefusedError(
        f"asks for {shown[:120]}, which no weight file needs, and was not opened: it may be made to run code on your "
        "machine, so get the weights from another place."
    )


def _fill_record(record: Record, state: Any) -> None:
    if type(state) is not dict:
        raise DamagedError(f"an object of the class {record.class_name} has no state of its own")
    for source in _SOURCES:
        state.pop(source, None)
    record.state = state


def _fill_dictionary(dictionary: Any, state: Any) -> None:
    """Attributes of a dictionary, such as the versions that torch hangs on a state dict, are dropped."""
    if type(state) is not dict:
        raise DamagedError("a dictionary in it is built wrongly")


def allow_record(name: str) -> AllowedName:
    """Return an entry for a class: its objects become an ``i2i.Record`` of this class name."""
    return AllowedName(name, new=lambda unpickler: unpickler.await_state(Record(name, {}), _fill_record))


def _dictionary(unpickler: Unpickler, pairs: Any = ()) -> dict[Any, Any]:
    if type(pairs) not in (list, tuple):
        raise ValueError("its arguments make no sense")
    unpickler.budget.spend(len(pairs))
    made: dict[Any, Any] = {}
    for key, value in pairs:
        made[unpickler.key(key)] = value
    unpickler.await_state(made, _fill_dictionary)
    return made


def _set(unpickler: Unpickler, items: Any = ()) -> set[Any]:
    if type(items) not in (list, tuple):
        raise ValueError("its arguments make no sense")
    unpickler.budget.spend(len(items))
    return {unpickler.key(item) for item in items}


def _encode(unpickler: Unpickler, text: Any, encoding: Any) -> memoryview:
    """How protocol 2 writes bytes: as text in Latin-1."""
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise ValueError("only latin1 is read")
    unpickler.budget.spend_text(len(text))
    return memoryview(text.encode("latin1"))


def _persistent_object(unpickler: Unpickler, meta: Any) -> Record:
    """NVlabs' networks: ``meta`` has the class's name, its program text and the object's state."""
    state = {} if meta["state"] is None else meta["state"]
    if type(meta["class_name"]) is not str or type(state) is not dict:
        raise ValueError("its arguments make no sense")
    return Record(meta["class_name"], state)


def _tensor(unpickler: Unpickler, storage: Any, offset: Any, shape: Any, stride: Any) -> StoredTensor:
    if type(storage) is not Storage:
        raise ValueError("a tensor is no view of a storage")
    unpickler.budget.spend(8 + len(shape) + len(stride))
    return storage.view(offset, shape, stride)


def _tensor_v2(
    unpickler: Unpickler,
    storage: Any,
    offset: Any,
    shape: Any,
    stride: Any,
    requires_grad: Any,
    hooks: Any,
    metadata: Any = None,
) -> StoredTensor:
    if metadata:
        raise ValueError("conjugate and negated views are not read")
    return _tensor(unpickler, storage, offset, shape, stride)


def _parameter(unpickler: Unpickler, data: Any, requires_grad: Any, hooks: Any) -> StoredTensor:
    if type(data) is not StoredTensor:
        raise ValueError("a parameter is no tensor")
    return data


def _size(unpickler: Unpickler, numbers: Any) -> tuple[int, ...]:
    if type(numbers) is not tuple or len(numbers) > 64 or any(type(number) is not int for number in numbers):
        raise ValueError("its arguments make no sense")
    return numbers


def _device(unpickler: Unpickler, kind: Any, index: Any = None) -> str:
    if type(kind) is not str or type(index) not in (int, type(None)):
        raise ValueError("its arguments make no sense")
    return kind if index is None else f"{kind}:{index}"


def _read_nested(unpickler: Unpickler, data: Any) -> Any:
    """A storage pickled outside torch's own files lies there as a torch file of its own."""
    if unpickler.nested is None:
        raise ValueError("it lies within itself")
    if type(data) is not memoryview:
        raise ValueError("its arguments make no sense")
    return unpickler.nested(data)


def _allowed_names() -> Mapping[tuple[str, str], AllowedName]:
    functions: dict[str, Callable[..., Any]] = {
        "collections.OrderedDict": _dictionary,
        "builtins.set": _set,
        "__builtin__.set": _set,
        "_codecs.encode": _encode,
        "torch_utils.persistence._reconstruct_persistent_obj": _persistent_object,
        "torch._utils._rebuild_tensor": _tensor,
        "torch._utils._rebuild_tensor_v2": _tensor_v2,
        "torch._utils._rebuild_parameter": _parameter,
        "torch.Size": _size,
        "torch.device": _device,
        "torch.storage._load_from_bytes": _read_nested,
        **_NUMPY_FUNCTIONS,
    }
    easy = AllowedName(
        "dnnlib.util.EasyDict", call=_dictionary, new=lambda unpickler: unpickler.await_state({}, _fill_dictionary)
    )
    known = [
        *(AllowedName(name, call=function) for name, function in functions.items()),
        *(AllowedName(name) for name in (*DTYPES, *_NUMPY_CLASSES)),
        *(allow_record(name) for name in ("argparse.Namespace", "dnnlib.tflib.network.Network")),
        easy,
    ]
    return {(module, name): entry for entry in known for module, _, name in [entry.name.rpartition(".")]}


_KNOWN = _allowed_names()
