"""The reader of weight files of any format: the format is detected from the first bytes."""

from __future__ import annotations

import gc
import json
import math
import mmap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from ...api.contents import DIMENSIONS, FORMATS, Contents, StoredTensor, row_major
from ...api.errors import I2IError, disk_trouble
from .containers import ZIP, is_script_module, read_nested, read_pickles, read_zip, script_state_dict
from .limits import Budget, DamagedError, RefusedError, check_tree
from .onnx_messages import is_onnx, read_model
from .openvino import SUFFIX, read_openvino

_LARGEST = 8 * 2**30
_PICKLE = b"\x80"
_LFS = b"version https://git-lfs"
_PRINTABLE = frozenset(range(32, 127)) | frozenset(b"\t\n\r\f")
Kind = Literal["safetensors", "torch", "pickle", "onnx", "openvino"]


def read_weights(path: str | Path, constants: str | Path | None = None) -> Contents:
    """Read a weight file of any source: safetensors, torch (zip and older), TorchScript, pickles, ONNX, OpenVINO.

    Of a TorchScript archive only the state dict of its root module is read; an ONNX file is a dictionary of its graph,
    see ``onnx_messages.read_model``; a network of OpenVINO is named by its ``.xml`` file, with the ``.bin`` file beside
    it. No code in the file is run and torch is not imported. Tensors are views of the memory-mapped file until they are
    converted: do not change the file while they are in use.

    Args:
        path: The file, at most 8 GB.
        constants: The ``.bin`` file of a network of OpenVINO, if it is not beside its ``.xml`` file.

    Returns:
        The container format, the tree of plain data, and the metadata of a safetensors file.

    Raises:
        I2IError: the file is missing, damaged, not a weight file, or uses names that are not in the allow-list.
    """
    path = Path(path)
    if not path.is_file():
        raise I2IError(f"{path} is not a file; check the path.")
    try:
        if constants is not None or path.suffix.lower() == SUFFIX:
            constants = _constants_of(path) if constants is None else Path(constants)
            return Contents(path, "openvino", _open_openvino(_view(path), _view(constants)))
        container, tree, metadata = _open(_view(path))
        return Contents(path, container, tree, metadata)
    except RefusedError as error:
        raise I2IError(f"{path} {error}") from None
    except OSError as error:
        raise disk_trouble(error, f"reading {path}") from None
    except Exception as error:  # a hostile file can make a reader raise anything
        reason = "".join(letter if letter.isprintable() else " " for letter in str(error))
        reason = " ".join(reason.split())[:160].rstrip(". ") or type(error).__name__
        raise I2IError(f"{path} is damaged or no weight file ({reason}); get it again.") from None


def weight_files(path: Path) -> tuple[Path, ...]:
    """Return the files that ``read_weights`` reads: of a network of OpenVINO the ``.bin`` file as well, if it is there.

    A graph says where its constants lie and not what they are, so it takes both files to recognise a network.
    """
    constants = path.with_suffix(".bin")
    return (path, constants) if path.suffix.lower() == SUFFIX and constants.is_file() else (path,)


def _constants_of(path: Path) -> Path:
    constants = path.with_suffix(".bin")
    if not constants.is_file():
        raise RefusedError(f"is the graph of a network of OpenVINO and needs {constants.name} beside it.")
    return constants


def _view(path: Path) -> memoryview:
    """The file's bytes, unread."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        if size == 0:
            raise RefusedError("is empty; get it again.")
        if size > _LARGEST:
            raise RefusedError(f"has {size / 2**30:.0f} GB, more than any weight file that i2i reads; check the path.")
        return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))


def _open(data: memoryview) -> tuple[Kind, Any, Mapping[str, str]]:
    if is_safetensors(data):
        return "safetensors", *read_safetensors(data)
    if is_onnx(data):
        budget = Budget()
        tree = read_model(data, budget)
        check_tree(tree, len(data))
        return "onnx", tree, {}
    if data[:4] != ZIP and data[:1] != _PICKLE:
        raise _stranger(bytes(data[:512]))
    with _no_collection():
        return *_open_pickles(data), {}


def _open_openvino(graph: memoryview, constants: memoryview) -> dict[str, Any]:
    tree = read_openvino(graph, constants)
    check_tree(tree, len(graph) + len(constants))
    return tree


def _open_pickles(data: memoryview) -> tuple[Kind, Any]:
    budget = Budget()
    container: Kind
    if data[:4] == ZIP:
        container, tree = "torch", read_zip(data, budget, read_nested(budget))
    else:
        container, tree = read_pickles(data, budget, read_nested(budget))
    check_tree(tree, len(data))
    return container, script_state_dict(tree, budget) if is_script_module(tree) else tree


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
        return RefusedError("only points to a file that git-lfs keeps; type git lfs pull to fetch that.")
    if sample.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return RefusedError(
            "is a web page and no weight file: the server refused, or wanted a click or a log-in first; "
            "get the file with a browser."
        )
    if set(sample) <= _PRINTABLE:
        return RefusedError("is text and no weight file; check the path, or get it again.")
    return DamagedError("it is neither safetensors nor a torch file nor a pickle nor ONNX")


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
    """Return whether a file begins like a safetensors file: with a plausible length and a brace."""
    return bytes(data[8:9]) == b"{" and int.from_bytes(data[:8], "little") <= len(data) - 8


def read_safetensors(data: memoryview) -> tuple[dict[str, StoredTensor], Mapping[str, str]]:
    """Read the tensors of a safetensors file by name, and the metadata of its header.

    Raises:
        DamagedError: the header is too long or wrong, or tensors do not lie where it says.
    """
    length = int.from_bytes(data[:8], "little")
    if length > _HEADER:
        raise DamagedError(f"its header is longer than {_HEADER >> 20} MB")
    header = json.loads(
        str(data[8 : 8 + length], "utf-8"), object_pairs_hook=_once, parse_int=_number, parse_constant=_number
    )
    metadata = header.pop("__metadata__", {})
    if type(metadata) is not dict or not all(type(value) is str for value in metadata.values()):
        raise DamagedError("its header's notes are no text")
    body = data[8 + length :]
    tensors = {name: _tensor(name, entry, body) for name, entry in header.items()}
    if sum(tensor.nbytes for tensor in tensors.values()) > len(body):
        raise DamagedError("its tensors overlap")
    return tensors, metadata


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DamagedError("its header has a name twice")
    return made


def _number(text: str) -> int:
    if len(text) > 18 or not text.isdigit():
        raise DamagedError("its header has a number that makes no sense")
    return int(text)


def _tensor(name: str, entry: Any, body: memoryview) -> StoredTensor:
    try:
        dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        if type(dtype) is not str or len(shape) > DIMENSIONS:
            raise ValueError
        if dtype not in _DTYPES:
            raise DamagedError(f"{name[:60]!r} is of the kind {dtype[:20]!r}, which is not read")
        kind = _DTYPES[dtype]
        if not 0 <= begin <= end <= len(body) or math.prod(shape) * FORMATS[kind].itemsize != end - begin:
            raise DamagedError(f"{name[:60]!r} does not lie where its header says, or the file is cut off")
        return StoredTensor(kind, shape, row_major(shape), 0, body[begin:end])
    except (TypeError, KeyError, ValueError):
        raise DamagedError(f"the header's entry of {name[:60]!r} makes no sense") from None
