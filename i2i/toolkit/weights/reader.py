"""Any weight file to plain data: the kind is told from the first bytes, and every failure is one sentence."""

from __future__ import annotations

import gc
import mmap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from ...api.contents import Contents
from ...api.errors import I2IError, disk_trouble
from .containers import ZIP, read_nested, read_pickles, read_zip
from .limits import Budget, Damaged, Refused, check_tree
from .safetensors_files import is_safetensors, read_safetensors
from .torchscript import is_module, state_dict

_LARGEST = 8 * 2**30
_PICKLE = b"\x80"
_LFS = b"version https://git-lfs"
_PRINTABLE = frozenset(range(32, 127)) | frozenset(b"\t\n\r\f")
Kind = Literal["safetensors", "torch", "pickle"]


def read(path: str | Path) -> Contents:
    """What a weight file holds, whoever wrote it: safetensors, torch's files (new and old) and pickles of NVlabs.

    Of a TorchScript program only the state dict of its module is read. No code in the file is run, torch is not
    imported, and tensors stay views of the file until they are asked for: do not change the file as long as they are
    used.

    Raises:
        I2IError: the file is missing, damaged or no weight file, or asks for anything but data.
    """
    path = Path(path)
    if not path.is_file():
        raise I2IError(f"{path} is not a file; check the path.")
    try:
        container, tree, metadata = _open(_view(path))
        return Contents(path, container, tree, metadata)
    except Refused as error:
        raise I2IError(f"{path} {error}") from None
    except OSError as error:
        raise disk_trouble(error, f"reading {path}") from None
    except Exception as error:  # a hostile file can make a reader raise anything
        reason = "".join(letter if letter.isprintable() else " " for letter in str(error))
        reason = " ".join(reason.split())[:160].rstrip(". ") or type(error).__name__
        raise I2IError(f"{path} is damaged or no weight file ({reason}); get it again.") from None


def _view(path: Path) -> memoryview:
    """The file's bytes, unread."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        if size == 0:
            raise Refused("is empty; get it again.")
        if size > _LARGEST:
            raise Refused(f"has {size / 2**30:.0f} GB, more than any weight file that i2i reads; check the path.")
        return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))


def _open(data: memoryview) -> tuple[Kind, Any, Mapping[str, str]]:
    if is_safetensors(data):
        return "safetensors", *read_safetensors(data)
    if data[:4] != ZIP and data[:1] != _PICKLE:
        raise _stranger(bytes(data[:512]))
    with _no_collection():
        return *_open_pickles(data), {}


def _open_pickles(data: memoryview) -> tuple[Kind, Any]:
    budget = Budget()
    container: Kind
    if data[:4] == ZIP:
        container, tree = "torch", read_zip(data, budget, read_nested(budget))
    else:
        container, tree = read_pickles(data, budget, read_nested(budget))
    check_tree(tree, len(data))
    return container, state_dict(tree, budget) if is_module(tree) else tree


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python from looking for garbage while all that is made is kept: it would take twice the time."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _stranger(sample: bytes) -> Exception:
    """What to say of a file that is none of ours."""
    if sample.startswith(_LFS):
        return Refused("only points to a file that git-lfs keeps; type git lfs pull to fetch that.")
    if sample.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return Refused(
            "is a web page and no weight file: the server refused, or wanted a click or a log-in first; "
            "get the file with a browser."
        )
    if set(sample) <= _PRINTABLE:
        return Refused("is text and no weight file; check the path, or get it again.")
    return Damaged("it is neither safetensors nor a torch file nor a pickle")
