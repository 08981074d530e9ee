"""The storages of torch's files: bytes that tensors are views of, sometimes found only after the tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...api.contents import FORMATS, StoredTensor
from .limits import Damaged

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
"""The storage classes that are read, by their full names."""


class Storage:
    """A run of ``numel`` numbers of one kind."""

    __slots__ = ("buffer", "dtype", "numel", "waiting")

    def __init__(self, dtype: str, numel: Any) -> None:
        if type(numel) is not int or not 0 <= numel < 2**40:
            raise Damaged("a storage claims a size that makes no sense")
        self.dtype = dtype
        self.numel = numel
        self.buffer: memoryview | None = None
        self.waiting: list[tuple[StoredTensor, Any, Any, Any]] = []

    @property
    def nbytes(self) -> int:
        """How many bytes it takes."""
        return self.numel * FORMATS[self.dtype].itemsize

    def attach(self, data: memoryview) -> None:
        """Give it its bytes, the first of ``data``; tensors that were made before get theirs.

        Raises:
            Damaged: ``data`` is shorter than the storage claims to be.
        """
        if self.nbytes > len(data):
            raise Damaged("a storage claims more bytes than are there")
        self.buffer = data[: self.nbytes]
        for blank, offset, shape, stride in self.waiting:
            StoredTensor.__init__(blank, self.dtype, shape, stride, offset, self.buffer)
        self.waiting.clear()

    def view(self, offset: Any, shape: Any, stride: Any) -> StoredTensor:
        """A tensor in it, all numbers in elements.

        Raises:
            ValueError: it would reach beyond the storage; raised by ``attach`` where the bytes come later.
        """
        if type(shape) is not tuple or type(stride) is not tuple:
            raise ValueError("a tensor's shape is no tuple")
        if self.buffer is not None:
            return StoredTensor(self.dtype, shape, stride, offset, self.buffer)
        blank = StoredTensor.__new__(StoredTensor)
        self.waiting.append((blank, offset, shape, stride))
        return blank
