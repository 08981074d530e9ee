"""Containers of weight files: torch's zip files, its older sequences of pickles, plain pickles, and TorchScript."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import IO, Any, Literal, cast

from ...api.contents import Record, StoredTensor
from .allow_list import DTYPES, Storage, allow_record, find_allowed
from .limits import Budget, DamagedError, RefusedError
from .unpickler import AllowedName, Unpickler

ZIP = b"PK\x03\x04"
_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of torch's old files
_LOCAL = struct.Struct("<4s22xHH")  # of a zip member's own header: signature, lengths of name and extra field
Nested = Callable[[memoryview], Any]


def read_zip(data: memoryview, budget: Budget, nested: Nested | None) -> Any:
    """Read a torch file in zip format.

    Args:
        data: Bytes of the file.
        budget: Limits of the file.
        nested: Reader of nested torch files; None within one.

    Returns:
        The tree of plain data; for a TorchScript archive its root module.

    Raises:
        DamagedError: the file is broken or exceeds a limit.
        RefusedError: it is not a weight file, or uses a name that is not in the allow-list.
    """
    members = _members(data, budget)
    roots = [name.rpartition("/")[0] for name in members if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(roots) != 1:
        raise RefusedError(
            "is a zip file, but none that torch wrote: unpack it and name the weight file that is in it."
        )
    program = f"{roots[0]}/constants.pkl" in members
    if bytes(members.get(f"{roots[0]}/byteorder", memoryview(b"little"))[:8]) != b"little":
        raise RefusedError("was saved on a big-endian machine: save it again on another.")
    storages: dict[str, Storage] = {}

    def persistent(identity: Any) -> Any:
        dtype, key, numel = _identity(identity)
        if key not in storages:
            storages[key] = Storage(dtype, numel)
            storages[key].attach(members.get(f"{roots[0]}/data/{key}", memoryview(b"")))
        return _same(storages[key], dtype, numel)

    known = find_in_script if program else find_allowed
    tree = Unpickler(budget, known, persistent, nested).run(members[f"{roots[0]}/data.pkl"])[0]
    if program and not is_script_module(tree):
        raise RefusedError("is a TorchScript program without a network: get the weights as a state dict.")
    return tree


def read_pickles(data: memoryview, budget: Budget, nested: Nested | None) -> tuple[Literal["torch", "pickle"], Any]:
    """Read a file that begins with a pickle: a torch file in the format before zip, or a plain pickle.

    Returns:
        ``"torch"`` or ``"pickle"``, and the tree of plain data.

    Raises:
        DamagedError: the file is broken or exceeds a limit.
        RefusedError: it is not a weight file, or uses a name that is not in the allow-list.
    """
    storages: dict[str, Storage] = {}

    def persistent(identity: Any) -> Any:
        if type(identity) is tuple and len(identity) == 4 and identity[0] == "module":
            return identity[1]  # a class with its program text, which is dropped unread
        dtype, key, numel = _identity(identity)
        return _same(storages.setdefault(key, Storage(dtype, numel)), dtype, numel)

    plain = Unpickler(budget, find_allowed, None, nested)
    first, end = plain.run(data)
    if type(first) is not int or first != _MAGIC:
        return "pickle", first
    _, end = plain.run(data, end)
    system, end = plain.run(data, end)
    if type(system) is not dict or system.get("little_endian") is not True:
        raise RefusedError("was saved on a big-endian machine: save it again on another.")
    tree, end = Unpickler(budget, find_allowed, persistent, nested).run(data, end)
    keys, end = plain.run(data, end)
    if type(keys) is not list or len(keys) != len(storages) or any(type(key) is not str for key in keys):
        raise DamagedError("it lists other storages than it uses")
    for key in keys:
        storage = storages.pop(key, None)
        if storage is None or int.from_bytes(data[end : end + 8], "little") != storage.numel:
            raise DamagedError("its storages have other sizes than it says, or it is cut off")
        storage.attach(data[end + 8 :])
        end += 8 + storage.nbytes
    return "torch", tree


def read_nested(budget: Budget) -> Nested:
    """Return a reader of nested torch files, each of which holds one storage and no further file."""

    def nested(data: memoryview) -> Storage:
        budget.spend(40)  # what it takes to begin, whatever is in it
        tree = read_zip(data, budget, None) if data[:4] == ZIP else read_pickles(data, budget, None)[1]
        if type(tree) is not Storage:
            raise DamagedError("it has a nested file that is no storage")
        return tree

    return nested


def _identity(identity: Any) -> tuple[str, str, Any]:
    """The dtype, key and size of the storage that a persistent id names."""
    if type(identity) is not tuple or len(identity) not in (5, 6) or identity[0] != "storage" or any(identity[5:]):
        raise DamagedError("it names a storage in an unknown way")
    kind, key, numel = identity[1], identity[2], identity[4]
    if type(kind) is not AllowedName or kind.name not in DTYPES or type(key) is not str:
        raise DamagedError("it names a storage in an unknown way")
    return DTYPES[kind.name], key, numel


def _same(storage: Storage, dtype: str, numel: Any) -> Storage:
    if storage.dtype != dtype or storage.numel != numel:
        raise DamagedError("a storage in it has two sizes or kinds")
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
        raise DamagedError(f"its directory of members is broken or cut off: {error}") from None
    for entry in entries:
        name = entry.orig_filename
        shown = repr(name[:60])
        if name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
            raise DamagedError(f"its member {shown} would leave the folder")
        if name in members:
            raise DamagedError(f"it has the member {shown} twice")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            if name.partition("/")[2].startswith("code/"):
                continue  # program text of TorchScript, which stays unread
            raise DamagedError(f"its member {shown} is compressed or encrypted, which torch never does")
        members[name] = _content(data, entry, shown)
    return members


def _content(data: memoryview, entry: zipfile.ZipInfo, shown: str) -> memoryview:
    start = entry.header_offset
    if not 0 <= start <= len(data) - _LOCAL.size or entry.file_size != entry.compress_size:
        raise DamagedError(f"its member {shown} lies elsewhere than it says")
    signature, name, extra = _LOCAL.unpack_from(data, start)
    start += _LOCAL.size + name + extra
    if signature != ZIP or entry.file_size > len(data) - start:
        raise DamagedError(f"its member {shown} claims more bytes than are there")
    return data[start : start + entry.file_size]


_CLASS = re.compile(r"__torch__(\.[A-Za-z_][A-Za-z0-9_]{0,60}){1,20}", re.ASCII)


def find_in_script(module: str, name: str) -> AllowedName:
    """Return the entry of the allow-list for a name in a TorchScript archive: its own classes become records.

    Raises:
        RefusedError: as ``find``.
    """
    whole = f"{module}.{name}"
    if whole in _LISTS:
        return _LISTS[whole]
    return allow_record(whole) if _CLASS.fullmatch(whole) else find_allowed(module, name)


def is_script_module(tree: Any) -> bool:
    """Return whether a tree is the root module of a TorchScript archive."""
    return type(tree) is Record and tree.class_name.startswith("__torch__.")


def script_state_dict(module: Record, budget: Budget) -> dict[str, StoredTensor]:
    """Return the tensors of a TorchScript module and its submodules by name, such as ``"layer1.0.weight"``.

    Args:
        module: The root module; ``check_tree`` must have accepted it, so that the recursion ends.
        budget: Charged for the names, whose length grows with the depth.

    Raises:
        DamagedError: the names exceed the limit of text.
    """
    tensors: dict[str, StoredTensor] = {}
    _gather(module, "", tensors, budget)
    return tensors


def _gather(module: Record, prefix: str, tensors: dict[str, StoredTensor], budget: Budget) -> None:
    for key, value in module.state.items():
        if type(value) is StoredTensor:
            budget.spend_text(len(prefix) + len(key))
            tensors[prefix + key] = value
        elif type(value) is Record:
            budget.spend_text(len(prefix) + len(key))
            _gather(value, f"{prefix}{key}.", tensors, budget)


def _list(unpickler: Unpickler, items: Any) -> list[Any]:
    if type(items) is not list:
        raise ValueError("its arguments make no sense")
    return items


def _drop_tag(unpickler: Unpickler, value: Any, kind: Any) -> Any:
    """A value with its type in words, which plain data have no use for."""
    return value


def _lists() -> Mapping[str, AllowedName]:
    functions: dict[str, Callable[..., Any]] = {
        **{f"build_{kind}list": _list for kind in ("int", "double", "bool", "tensor")},
        "restore_type_tag": _drop_tag,
    }
    return {
        f"torch.jit._pickle.{name}": AllowedName(f"torch.jit._pickle.{name}", call=f) for name, f in functions.items()
    }


_LISTS = _lists()
