"""Pickles and torch files written instruction by instruction, as no pickler would."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAGIC = b"\x8a\x0a" + (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
NONE, MARK, REDUCE, BUILD, NEWOBJ, TUPLE, LIST, DICT, NO_ARGUMENTS = (
    b"N",
    b"(",
    b"R",
    b"b",
    b"\x81",
    b"t",
    b"]",
    b"}",
    b")",
)
MEMOIZE, GET_0, APPEND = b"\x94", b"h\0", b"a"


def pickled(*parts: bytes, protocol: int = 4) -> bytes:
    """A whole pickle."""
    return bytes([0x80, protocol]) + b"".join(parts) + b"."


def text(value: str) -> bytes:
    """A string."""
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def data(value: bytes) -> bytes:
    """Bytes."""
    return b"B" + struct.pack("<I", len(value)) + value


def number(value: int) -> bytes:
    """A whole number of up to 15 bytes."""
    return b"\x8a\x0f" + value.to_bytes(15, "little", signed=True)


def name(whole: str) -> bytes:
    """A global by its full name; what comes after the last dot is the name in the module."""
    module, _, last = whole.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def row(*items: bytes) -> bytes:
    """A tuple."""
    return MARK + b"".join(items) + TUPLE


def numbers(*values: int) -> bytes:
    """A tuple of whole numbers."""
    return row(*map(number, values))


def table(**items: bytes) -> bytes:
    """A dictionary."""
    return DICT + MARK + b"".join(text(key) + value for key, value in items.items()) + b"u"


def call(whole: str, *arguments: bytes) -> bytes:
    """A call of a global."""
    return name(whole) + row(*arguments) + REDUCE


def storage(numel: int = 4, key: str = "0", kind: str = "FloatStorage") -> bytes:
    """A persistent id that names a storage, as in torch's zip files."""
    return row(text("storage"), name(f"torch.{kind}"), text(key), text("cpu"), number(numel)) + b"Q"


def tensor(offset: int, shape: tuple[int, ...], stride: tuple[int, ...], inner: bytes = storage()) -> bytes:
    """A tensor in a storage."""
    return call(
        "torch._utils._rebuild_tensor_v2", inner, number(offset), numbers(*shape), numbers(*stride), b"\x89", DICT
    )


def kind(code: str, order: str = "<") -> bytes:
    """A NumPy dtype."""
    rest = (NONE, NONE, NONE, number(-1), number(-1), number(0))
    return call("numpy.dtype", text(code), b"\x89", b"\x88") + row(number(3), text(order), *rest) + BUILD


def array(shape: tuple[int, ...], content: bytes, code: str = "f4", order: str = "<") -> bytes:
    """A NumPy array."""
    blank = call("numpy.core.multiarray._reconstruct", name("numpy.ndarray"), numbers(0), data(b"b"))
    return blank + row(number(1), numbers(*shape), kind(code, order), b"\x89", data(content)) + BUILD


def zipped(pickle: bytes, members: Mapping[str, bytes] = {"data/0": bytes(16)}, compress: bool = False) -> bytes:
    """A torch file that is a zip; names of ``members`` are as under its folder, or whole with a colon before."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickle)
        for member, content in members.items():
            archive.writestr(member[1:] if member.startswith(":") else f"archive/{member}", content)
    return stream.getvalue()


def legacy(pickle: bytes, storages: Mapping[str, bytes] = {"0": bytes(16)}, width: int = 4) -> bytes:
    """A torch file as it was before it was a zip."""
    system = pickled(table(little_endian=b"\x88"))
    keys = pickled(LIST, MARK, *map(text, storages), b"e")
    sizes = [struct.pack("<q", len(content) // width) + content for content in storages.values()]
    return b"".join([pickled(MAGIC), pickled(number(1001)), system, pickle, keys, *sizes])


def safetensors(header: Any, body: bytes = bytes(16)) -> bytes:
    """A safetensors file; ``header`` as JSON, or as text that is none."""
    head = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(head)) + head + body


def sparse(path: Path, size: int) -> None:
    """A file that claims ``size`` bytes and takes none."""
    with path.open("wb") as stream:
        stream.write(pickled(NONE))
        stream.truncate(size)
