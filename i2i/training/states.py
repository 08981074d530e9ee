"""The state of a trainer in a checkpoint: values that can be read back without running code, checked and converted.

``encode_state`` turns NumPy values and paths, which the safe reader refuses, into tagged dictionaries of plain values;
``decode_state`` turns them back. What can be neither read nor converted is refused in the name of the trainer's plugin.
"""

from __future__ import annotations

import io
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ..api.errors import PluginError

if TYPE_CHECKING:
    from ..api.trainer import Trainer

TAG = "__i2i__"
"""Key of a dictionary that stands for a converted value; no dictionary of a trainer may have it."""
ALLOWED = (
    "dict, list, tuple, set, None, bool, int, float, complex, str, bytes, pathlib.Path, tensors, "
    "NumPy arrays and NumPy scalars"
)
"""What ``Trainer.state_dict`` may hold, for messages."""

_DICTS = (dict, OrderedDict, Counter)
_KEYS = (str, int, float, bool, bytes, type(None))
_PLAIN = (*_KEYS, complex, bytearray, torch.Size, torch.dtype, torch.device, torch.layout)


class _Unsafe(Exception):
    """A value that cannot be written; its text continues ``state_dict()['a'][0]``."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(f"state_dict(){path} {fault}")


def check_state(trainer: Trainer, owner: str) -> None:
    """Refuse a trainer whose state cannot be saved, before it trains for hours.

    Raises:
        I2IError: as ``encode_state``.
    """
    try:
        state = trainer.state_dict()
    except Exception:  # some exist after the first step only; if not, saving the first checkpoint raises it again
        return
    encode_state(state, owner)


def encode_state(state: object, owner: str) -> dict[str, Any]:
    """Return a trainer's state with every value in a form that ``torch.load(weights_only=True)`` reads.

    Args:
        state: What ``Trainer.state_dict`` returned; it is not changed, and tensors are not copied.
        owner: What messages call the trainer: ``"trainer 'warm' of i2i-warm 0.1.0"``.

    Raises:
        I2IError: it is not a dictionary, or it holds a value of a type that cannot be read back.
    """
    try:
        if not isinstance(state, dict):
            raise _Unsafe("", f"is {_article(state)} instead of a dict")
        encoded: dict[str, Any] = _encode(state, "")
    except _Unsafe as fault:
        raise _refusal(owner, f"{fault}; allowed are {ALLOWED}") from None
    except RecursionError:
        raise _refusal(owner, "state_dict() contains itself or is nested too deeply") from None
    return encoded


def decode_state(value: Any) -> Any:
    """Return a state that was read from a file as the trainer gave it; containers are changed in place."""
    if type(value) in _DICTS:
        if TAG in value:
            return _DECODERS[value[TAG]](value["value"])
        for key in value:
            value[key] = decode_state(value[key])
        for name, each in _attributes(value).items():
            setattr(value, name, decode_state(each))
    elif type(value) is list:
        value[:] = map(decode_state, value)
    elif type(value) is tuple:
        return tuple(map(decode_state, value))
    return value


def require_same(state: object, read: object, owner: str) -> None:
    """Compare a state with what was read back from its file.

    Raises:
        I2IError: a value is another.
    """
    try:
        _compare(state, read, "")
    except _Unsafe as fault:
        raise _refusal(owner, str(fault)) from None


def unreadable(owner: str, error: Exception) -> PluginError:
    """Return the error for a state whose file cannot be read back."""
    reason = " ".join(str(error).split())[:120]
    return _refusal(owner, f"the file of its state_dict() cannot be read back ({reason})")


def _refusal(owner: str, fault: str) -> PluginError:
    return PluginError(f"The {owner} cannot be saved: {fault}; tell its author.")


def _article(value: object) -> str:
    if value is None:
        return "None"
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _encode(value: Any, path: str) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is Tensor or kind is nn.Parameter:
        if value.is_meta:
            raise _Unsafe(path, "is a tensor on the device 'meta', which has no data")
        return value
    if kind in _DICTS:
        return _encode_dict(value, path)
    if kind is list or kind is tuple:
        return kind(_encode(each, f"{path}[{index}]") for index, each in enumerate(value))
    if kind is set:
        for each in value:
            _check_key(each, path)
        return value
    if kind is np.ndarray:
        return {TAG: "array", "value": _encode_array(value, path)}
    if isinstance(value, np.generic):
        return {TAG: "scalar", "value": _encode_array(np.asarray(value), path)}
    if isinstance(value, Path):
        return {TAG: "path", "value": str(value)}
    raise _Unsafe(path, f"is {_article(value)}")


def _encode_dict(value: Any, path: str) -> Any:
    encoded = type(value)()
    for key, each in value.items():
        _check_key(key, path)
        if key == TAG:
            raise _Unsafe(path, f"has the key {TAG!r}, which i2i needs itself")
        encoded[key] = _encode(each, f"{path}[{key!r}]")
    for name, each in _attributes(value).items():
        setattr(encoded, name, _encode(each, f"{path}.{name}"))
    return encoded


def _attributes(value: object) -> dict[str, Any]:
    """Return the attributes of an ``OrderedDict``, such as ``_metadata`` in the ``state_dict`` of a network."""
    return dict(getattr(value, "__dict__", {}))


def _check_key(key: object, path: str) -> None:
    if type(key) is tuple:
        for part in key:
            _check_key(part, path)
    elif type(key) not in _KEYS:
        raise _Unsafe(path, f"has the key or element {key!r}, which is {_article(key)}")


def _encode_array(array: np.ndarray, path: str) -> Tensor:
    """Return the bytes of an array's ``.npy`` file, uint8, which keep its type, shape, byte order and layout."""
    buffer = io.BytesIO()
    try:
        np.lib.format.write_array(buffer, array, allow_pickle=False)
    except ValueError:
        raise _Unsafe(path, f"is a NumPy array of type {array.dtype}, which cannot be stored as bytes") from None
    return torch.frombuffer(buffer.getbuffer(), dtype=torch.uint8)


def _decode_array(data: Tensor) -> np.ndarray:
    array: np.ndarray = np.lib.format.read_array(io.BytesIO(data.numpy().tobytes()), allow_pickle=False)
    return array


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "array": _decode_array,
    "scalar": lambda data: _decode_array(data)[()],
    "path": Path,
}


def _compare(one: Any, other: Any, path: str) -> None:
    """Raise ``_Unsafe`` unless the two are alike in type and value; NaN is like NaN."""
    if type(one) is not type(other):
        raise _Unsafe(path, f"is {_article(one)}, and {_article(other)} when it is read back")
    if isinstance(one, dict):
        alike = list(one) == list(other)
        for key in one if alike else ():
            _compare(one[key], other[key], f"{path}[{key!r}]")
        if attributes := _attributes(one):
            _compare(attributes, _attributes(other), f"{path}.__dict__")
    elif type(one) in (list, tuple):
        alike = len(one) == len(other)
        for index in range(len(one) if alike else 0):
            _compare(one[index], other[index], f"{path}[{index}]")
    elif isinstance(one, Tensor):
        alike = _same_tensors(one, other)
    elif isinstance(one, (np.ndarray, np.generic)):
        alike = (one.dtype, one.shape) == (other.dtype, other.shape) and one.tobytes() == other.tobytes()
    else:
        alike = bool(one == other) or repr(one) == repr(other)
    if not alike:
        raise _Unsafe(path, "is another value when it is read back")


def _same_tensors(one: Tensor, other: Tensor) -> bool:
    try:
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True, check_device=False, check_stride=False)
    except AssertionError:
        return False
    return True
