"""The names that weight files may use, and what stands for each: data or a function of ours, never the thing itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ...api.contents import Record, StoredTensor
from . import arrays
from .limits import Damaged, Refused
from .storages import DTYPES, Storage
from .unpickler import Admitted, Machine

_LAYER = re.compile(r"torch\.nn\.modules\.[a-z_]{1,40}\.[A-Z][A-Za-z0-9_]{0,60}", re.ASCII)
_SOURCES = ("module_src", "build_module_src")  # program text that NVlabs' files carry; dropped unread


def find(module: str, name: str) -> Admitted:
    """The stand-in for a name.

    Raises:
        Refused: no weight file needs it; the text has the name.
    """
    whole = f"{module}.{name}"
    known = _KNOWN.get((module, name))
    if known is not None:
        return known
    if _LAYER.fullmatch(whole):
        return record(whole)
    told = "".join(letter if letter.isprintable() else "?" for letter in whole)
    raise Refused(
        f"asks for {told[:120]}, which no weight file needs, and was not opened: it may be made to run code on your "
        "machine, so get the weights from another place."
    )


def _fill_record(record: Record, state: Any) -> None:
    if type(state) is not dict:
        raise Damaged(f"an object of the class {record.class_name} has no state of its own")
    for source in _SOURCES:
        state.pop(source, None)
    record.state = state


def _fill_dictionary(dictionary: Any, state: Any) -> None:
    """Attributes of a dictionary, such as the versions that torch hangs on a state dict, are not kept."""
    if type(state) is not dict:
        raise Damaged("a dictionary in it is built wrongly")


def record(name: str) -> Admitted:
    """What stands for a class: its objects become records of this name."""
    return Admitted(name, new=lambda machine: machine.await_state(Record(name, {}), _fill_record))


def _dictionary(machine: Machine, pairs: Any = ()) -> dict[Any, Any]:
    if type(pairs) not in (list, tuple):
        raise ValueError("its arguments make no sense")
    machine.budget.spend(len(pairs))
    made: dict[Any, Any] = {}
    for key, value in pairs:
        made[machine.key(key)] = value
    machine.await_state(made, _fill_dictionary)
    return made


def _set(machine: Machine, items: Any = ()) -> set[Any]:
    if type(items) not in (list, tuple):
        raise ValueError("its arguments make no sense")
    machine.budget.spend(len(items))
    return {machine.key(item) for item in items}


def _encode(machine: Machine, text: Any, encoding: Any) -> memoryview:
    """How protocol 2 writes bytes: as text in Latin-1."""
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise ValueError("only latin1 is read")
    machine.budget.spend_text(len(text))
    return memoryview(text.encode("latin1"))


def _persistent_object(machine: Machine, meta: Any) -> Record:
    """NVlabs' networks: ``meta`` has the class's name, its program text and the object's state."""
    state = {} if meta["state"] is None else meta["state"]
    if type(meta["class_name"]) is not str or type(state) is not dict:
        raise ValueError("its arguments make no sense")
    return Record(meta["class_name"], state)


def _tensor(machine: Machine, storage: Any, offset: Any, shape: Any, stride: Any) -> StoredTensor:
    if type(storage) is not Storage:
        raise ValueError("a tensor is no view of a storage")
    machine.budget.spend(8 + len(shape) + len(stride))
    return storage.view(offset, shape, stride)


def _tensor_v2(
    machine: Machine,
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
    return _tensor(machine, storage, offset, shape, stride)


def _parameter(machine: Machine, data: Any, requires_grad: Any, hooks: Any) -> StoredTensor:
    if type(data) is not StoredTensor:
        raise ValueError("a parameter is no tensor")
    return data


def _size(machine: Machine, numbers: Any) -> tuple[int, ...]:
    if type(numbers) is not tuple or len(numbers) > 64 or any(type(number) is not int for number in numbers):
        raise ValueError("its arguments make no sense")
    return numbers


def _device(machine: Machine, kind: Any, index: Any = None) -> str:
    if type(kind) is not str or type(index) not in (int, type(None)):
        raise ValueError("its arguments make no sense")
    return kind if index is None else f"{kind}:{index}"


def _nested(machine: Machine, data: Any) -> Any:
    """A storage pickled outside torch's own files lies there as a torch file of its own."""
    if machine.nested is None:
        raise ValueError("it lies within itself")
    if type(data) is not memoryview:
        raise ValueError("its arguments make no sense")
    return machine.nested(data)


def _known() -> Mapping[tuple[str, str], Admitted]:
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
        "torch.storage._load_from_bytes": _nested,
        **arrays.FUNCTIONS,
    }
    easy = Admitted(
        "dnnlib.util.EasyDict", call=_dictionary, new=lambda machine: machine.await_state({}, _fill_dictionary)
    )
    known = [
        *(Admitted(name, call=function) for name, function in functions.items()),
        *(Admitted(name) for name in (*DTYPES, *arrays.CLASSES)),
        *(record(name) for name in ("argparse.Namespace", "dnnlib.tflib.network.Network")),
        easy,
    ]
    return {(module, name): entry for entry in known for module, _, name in [entry.name.rpartition(".")]}


_KNOWN = _known()
