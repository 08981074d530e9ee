"""Weight files as torch tensors: state dicts, and foreign networks by their key names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import I2IError, UsageError, did_you_mean
from .reading import StoredTensor, read
from .registry import Registry, load_registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

_WRAPPERS = ("state_dict", "params")
"""Under which names files keep a state dict that is not the whole file."""


def read_state(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a state dict by name, on the CPU, each with memory of its own; see ``i2i.reading`` for the kinds.

    The state dict is the whole file or lies in it under ``state_dict`` or ``params``. What is no tensor is left out,
    and so is the prefix ``module.`` that parallel training leaves.

    Raises:
        I2IError: the file is missing, damaged, holds no state dict, or asks for anything but data.
    """
    contents = read(path)
    tree = contents.tree if isinstance(contents.tree, dict) else {}
    inner = (found for wrapper in _WRAPPERS if (found := _named_tensors(tree.get(wrapper))))
    tensors = {**_named_tensors(tree), **next(inner, {})}  # a checkpoint may keep single tensors beside its state dict
    if not tensors:
        raise I2IError(f"{path} holds no state dict (names with tensors); save the network's state_dict() instead.")
    return {key.removeprefix("module."): stored.tensor() for key, stored in tensors.items()}


def _named_tensors(tree: Any) -> dict[str, StoredTensor]:
    pairs = tree.items() if isinstance(tree, dict) else ()
    return {key: value for key, value in pairs if isinstance(key, str) and isinstance(value, StoredTensor)}


def load_network(path: str | Path, kind: str, *, registry: Registry | None = None) -> nn.Module:
    """A foreign network, read by its key names, in evaluation mode on the CPU.

    Args:
        kind: What the file holds: ``unet256``, ``patchgan``, ...; trainers and extractors name the kinds that they
            read in ``kinds``.

    Raises:
        UsageError: no plugin reads the kind.
        I2IError: the file cannot be read safely, or does not fit the kind.
    """
    registry = registry or load_registry()
    kinds: dict[str, Callable[[dict[str, Tensor]], nn.Module]] = {}
    for noun in ("trainer", "extractor"):
        for giver in registry.all(noun).values():
            kinds.update(getattr(giver, "kinds", {}))
    if kind not in kinds:
        raise UsageError(f"No plugin reads networks of the kind {kind!r}.{did_you_mean(kind, kinds)}")
    state = read_state(path)
    try:
        return kinds[kind](state)
    except I2IError as error:
        raise I2IError(f"{path}: {error}") from None
