"""TorchScript programs: of the module that lies in one, the tensors by name; its program text is never read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ...api.contents import Record, StoredTensor
from . import allow_list as names
from .limits import Budget
from .unpickler import Admitted, Machine

_CLASS = re.compile(r"__torch__(\.[A-Za-z_][A-Za-z0-9_]{0,60}){1,20}", re.ASCII)


def find(module: str, name: str) -> Admitted:
    """The stand-in for a name in a program: its own classes are records, and a few things are written as lists.

    Raises:
        Refused: as ``names.find``.
    """
    whole = f"{module}.{name}"
    if whole in _LISTS:
        return _LISTS[whole]
    return names.record(whole) if _CLASS.fullmatch(whole) else names.find(module, name)


def is_module(tree: Any) -> bool:
    """True for what ``find`` makes of a program's module."""
    return type(tree) is Record and tree.class_name.startswith("__torch__.")


def state_dict(module: Record, budget: Budget) -> dict[str, StoredTensor]:
    """The tensors of a module and of those in it, by the names that torch gives them: ``"layer1.0.weight"``.

    Args:
        module: From a tree that ``check_tree`` has let pass: it ends, and soon.
        budget: The names are paid for: each is as long as the way to it.

    Raises:
        Damaged: the names are longer in all than any network's.
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


def _list(machine: Machine, items: Any) -> list[Any]:
    if type(items) is not list:
        raise ValueError("its arguments make no sense")
    return items


def _tagged(machine: Machine, value: Any, kind: Any) -> Any:
    """A value with its type in words, which plain data have no use for."""
    return value


def _lists() -> Mapping[str, Admitted]:
    functions: dict[str, Callable[..., Any]] = {
        **{f"build_{kind}list": _list for kind in ("int", "double", "bool", "tensor")},
        "restore_type_tag": _tagged,
    }
    return {f"torch.jit._pickle.{name}": Admitted(f"torch.jit._pickle.{name}", call=f) for name, f in functions.items()}


_LISTS = _lists()
