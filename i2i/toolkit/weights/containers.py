"""Torch's files, new (a zip) and old (a row of pickles), and plain pickles, which may hold torch's files as bytes."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from typing import IO, Any, Literal, cast

from . import torchscript as programs
from .allow_list import find
from .limits import Budget, Damaged, Refused
from .storages import DTYPES, Storage
from .unpickler import Admitted, Machine

ZIP = b"PK\x03\x04"
_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of torch's old files
_LOCAL = struct.Struct("<4s22xHH")  # of a zip member's own header: signature, lengths of name and extra field
Nested = Callable[[memoryview], Any]


def read_zip(data: memoryview, budget: Budget, nested: Nested | None) -> Any:
    """The tree of a torch file that is a zip.

    Raises:
        Damaged, Refused: it is broken, no weights, or asks for something that it must not have.
    """
    members = _members(data, budget)
    roots = [name.rpartition("/")[0] for name in members if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(roots) != 1:
        raise Refused("is a zip file, but none that torch wrote: unpack it and name the weight file that is in it.")
    program = f"{roots[0]}/constants.pkl" in members
    if bytes(members.get(f"{roots[0]}/byteorder", memoryview(b"little"))[:8]) != b"little":
        raise Refused("was saved on a big-endian machine: save it again on another.")
    storages: dict[str, Storage] = {}

    def persistent(identity: Any) -> Any:
        dtype, key, numel = _identity(identity)
        if key not in storages:
            storages[key] = Storage(dtype, numel)
            storages[key].attach(members.get(f"{roots[0]}/data/{key}", memoryview(b"")))
        return _same(storages[key], dtype, numel)

    known = programs.find if program else find
    tree = Machine(budget, known, persistent, nested).run(members[f"{roots[0]}/data.pkl"])[0]
    if program and not programs.is_module(tree):
        raise Refused("is a TorchScript program without a network: get the weights as a state dict.")
    return tree


def read_pickles(data: memoryview, budget: Budget, nested: Nested | None) -> tuple[Literal["torch", "pickle"], Any]:
    """Which of the two a file is that begins with a pickle, and its tree.

    Raises:
        Damaged, Refused: it is broken, no weights, or asks for something that it must not have.
    """
    storages: dict[str, Storage] = {}

    def persistent(identity: Any) -> Any:
        if type(identity) is tuple and len(identity) == 4 and identity[0] == "module":
            return identity[1]  # a class with its program text, which is dropped unread
        dtype, key, numel = _identity(identity)
        return _same(storages.setdefault(key, Storage(dtype, numel)), dtype, numel)

    plain = Machine(budget, find, None, nested)
    first, end = plain.run(data)
    if type(first) is not int or first != _MAGIC:
        return "pickle", first
    _, end = plain.run(data, end)
    system, end = plain.run(data, end)
    if type(system) is not dict or system.get("little_endian") is not True:
        raise Refused("was saved on a big-endian machine: save it again on another.")
    tree, end = Machine(budget, find, persistent, nested).run(data, end)
    keys, end = plain.run(data, end)
    if type(keys) is not list or len(keys) != len(storages) or any(type(key) is not str for key in keys):
        raise Damaged("it lists other storages than it uses")
    for key in keys:
        storage = storages.pop(key, None)
        if storage is None or int.from_bytes(data[end : end + 8], "little") != storage.numel:
            raise Damaged("its storages have other sizes than it says, or it is cut off")
        storage.attach(data[end + 8 :])
        end += 8 + storage.nbytes
    return "torch", tree


def read_nested(budget: Budget) -> Nested:
    """The reader of the torch files that lie, one storage each, within a file; none may lie within those."""

    def nested(data: memoryview) -> Storage:
        budget.spend(40)  # what it takes to begin, whatever is in it
        tree = read_zip(data, budget, None) if data[:4] == ZIP else read_pickles(data, budget, None)[1]
        if type(tree) is not Storage:
            raise Damaged("it has a nested file that is no storage")
        return tree

    return nested


def _identity(identity: Any) -> tuple[str, str, Any]:
    """The dtype, key and size of the storage that a persistent id names."""
    if type(identity) is not tuple or len(identity) not in (5, 6) or identity[0] != "storage" or any(identity[5:]):
        raise Damaged("it names a storage in an unknown way")
    kind, key, numel = identity[1], identity[2], identity[4]
    if type(kind) is not Admitted or kind.name not in DTYPES or type(key) is not str:
        raise Damaged("it names a storage in an unknown way")
    return DTYPES[kind.name], key, numel


def _same(storage: Storage, dtype: str, numel: Any) -> Storage:
    if storage.dtype != dtype or storage.numel != numel:
        raise Damaged("a storage in it has two sizes or kinds")
    return storage


class _Window:
    """A file's bytes as the stream that ``zipfile`` wants; what it reads is paid for, whatever a header claims."""

    def __init__(self, data: memoryview, budget: Budget) -> None:
        self.data = data
        self.budget = budget
        self.at = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, len(self.data))[whence]
        if self.at < 0:
            raise OSError("before the start")  # as files do; zipfile tries it on short ones
        return self.at

    def tell(self) -> int:
        return self.at

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece = self.data[self.at : self.at + size if size >= 0 else None]
        self.budget.spend(len(piece) // 8)  # a member's entry takes 46 bytes and more, and some microseconds
        self.at += len(piece)
        return bytes(piece)


def _members(data: memoryview, budget: Budget) -> dict[str, memoryview]:
    """The members of a zip by name, each a view; they must lie there as they are, as torch writes them."""
    members: dict[str, memoryview] = {}
    try:
        with zipfile.ZipFile(cast("IO[bytes]", _Window(data, budget))) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise Damaged(f"its directory of members is broken or cut off: {error}") from None
    for entry in entries:
        name = entry.orig_filename
        told = repr(name[:60])
        if name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
            raise Damaged(f"its member {told} would leave the folder")
        if name in members:
            raise Damaged(f"it has the member {told} twice")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            if name.partition("/")[2].startswith("code/"):
                continue  # program text of TorchScript, which stays unread
            raise Damaged(f"its member {told} is compressed or encrypted, which torch never does")
        members[name] = _content(data, entry, told)
    return members


def _content(data: memoryview, entry: zipfile.ZipInfo, told: str) -> memoryview:
    start = entry.header_offset
    if not 0 <= start <= len(data) - _LOCAL.size or entry.file_size != entry.compress_size:
        raise Damaged(f"its member {told} lies elsewhere than it says")
    signature, name, extra = _LOCAL.unpack_from(data, start)
    start += _LOCAL.size + name + extra
    if signature != ZIP or entry.file_size > len(data) - start:
        raise Damaged(f"its member {told} claims more bytes than are there")
    return data[start : start + entry.file_size]
