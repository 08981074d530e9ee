"""What a weight file holds, as plain data: nothing in it has been run, and no tensor has been made yet."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

FORMATS: Mapping[str, np.dtype[Any]] = {
    "float16": np.dtype("<f2"),
    "float32": np.dtype("<f4"),
    "float64": np.dtype("<f8"),
    "bfloat16": np.dtype("<u2"),
    "int8": np.dtype("i1"),
    "int16": np.dtype("<i2"),
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
    "uint32": np.dtype("<u4"),
    "uint64": np.dtype("<u8"),
    "bool": np.dtype("u1"),
    "complex64": np.dtype("<c8"),
    "complex128": np.dtype("<c16"),
}
"""The kinds of tensor that are read, by torch's name, and how one number of each lies in a file."""

_LARGEST = 2**40  # of a dimension, stride, offset or number of elements: NumPy can still reckon with it in bytes
DIMENSIONS = 16
"""The most that a tensor may have."""


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the strides, in elements, of a tensor whose last dimension lies together."""
    return tuple(math.prod(shape[place + 1 :]) for place in range(len(shape)))


HEADER = "i2i"
"""Where our own header stands in a file's metadata, as JSON."""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as it lies in a file. Reading it copies; until then it is a view of the file's bytes.

    Raises:
        ValueError: it would reach beyond its storage, or claims more elements than that holds.
    """

    dtype: str
    """As torch names it: ``"float32"``, ``"float16"``, ``"bfloat16"``, ``"int64"``, ...: a key of ``FORMATS``."""
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    """In elements."""
    offset: int
    """Of the first element in ``buffer``, in elements."""
    buffer: Any = field(repr=False)
    """The bytes of its storage, as anything with Python's buffer protocol."""

    def __post_init__(self) -> None:
        if self.dtype not in FORMATS:
            raise ValueError(f"it holds a tensor of the kind {self.dtype!r}, which is not read")
        if max(len(self.shape), len(self.stride)) > DIMENSIONS or len(self.shape) != len(self.stride):
            raise ValueError("a tensor's dimensions make no sense")
        if any(type(number) is not int or not 0 <= number <= _LARGEST for number in self._numbers):
            raise ValueError("a tensor's shape makes no sense")
        if math.prod(size or 1 for size in self.shape) > _LARGEST:
            raise ValueError("a tensor claims to be gigantic")
        held = memoryview(self.buffer).nbytes // FORMATS[self.dtype].itemsize
        last = self.offset + sum((size - 1) * step for size, step in zip(self.shape, self.stride, strict=True))
        if self.numel and (last >= held or self.numel > held):
            raise ValueError("a tensor claims more than its storage holds")

    @property
    def _numbers(self) -> tuple[int, ...]:
        return (*self.shape, *self.stride, self.offset)

    @property
    def numel(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of its elements."""
        return self.numel * FORMATS[self.dtype].itemsize

    def tensor(self) -> Tensor:
        """Return a torch tensor with memory of its own, contiguous, on the CPU."""
        import torch

        if self.dtype == "bfloat16":
            return torch.from_numpy(self._copy().view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(self.numpy())

    def numpy(self) -> np.ndarray:
        """Return a NumPy array with memory of its own; bfloat16 becomes float32."""
        array = self._copy()
        if self.dtype == "bfloat16":  # the upper half of a float32
            return np.asarray(array.astype(np.uint32) << np.uint32(16)).view(np.float32)
        if self.dtype == "bool":  # a byte may say anything, a bool only 0 or 1
            return np.asarray(array != 0)
        return array

    def _copy(self) -> np.ndarray:
        form = FORMATS[self.dtype]
        if not self.numel:
            return np.empty(self.shape, form)
        strides = [step * form.itemsize for step in self.stride]
        view = np.ndarray(self.shape, form, self.buffer, self.offset * form.itemsize, strides)
        return np.array(view, order="C")


@dataclass
class Record:
    """An object of an unknown class: its name and state, never executed."""

    class_name: str
    """``"Generator"`` for a pickled NVlabs network, the full name (``"dnnlib.tflib.network.Network"``,
    ``"torch.nn.modules.container.Sequential"``, ``"argparse.Namespace"``) for others."""
    state: dict[str, Any]


@dataclass(frozen=True)
class Contents:
    """A weight file, read."""

    path: Path
    container: Literal["safetensors", "torch", "pickle", "onnx", "openvino"]
    tree: Any
    """Dicts (keys are text or whole numbers), lists, tuples, sets, text, numbers, None, bytes as ``memoryview``,
    ``Record`` and ``StoredTensor``; a flat dict for safetensors; a graph as
    ``i2i.toolkit.weights.onnx_messages.read_model`` returns it for ONNX, and ``openvino.read_openvino`` for OpenVINO.
    It holds no cycle and is at most 100 levels deep, a walk through it that meets shared parts again each time takes
    at most a million steps, and its tensors have at most 8 times the bytes of the file, and 1 MB."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The header's text entries (safetensors only)."""

    @cached_property
    def header(self) -> dict[str, Any]:
        """What ``i2i convert`` and ``i2i export`` say of a file that they wrote; empty for any other."""
        try:
            found = json.loads(self.metadata.get(HEADER, "{}"))
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}
