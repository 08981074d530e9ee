"""State dicts: read them from weight files, and load them into frozen networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...api.contents import StoredTensor
from ...api.errors import I2IError
from .reader import read_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

_WRAPPERS = ("state_dict", "params")
"""Under which names files keep a state dict that is not the whole file."""


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a state dict by name, on the CPU, each with its own memory.

    The state dict is the whole file or its entry ``state_dict`` or ``params``. Entries that are not tensors are left
    out, and the prefix ``module.`` of ``DataParallel`` is removed.

    Args:
        path: A weight file of any format that ``read_weights`` reads.

    Raises:
        I2IError: the file is missing, damaged, holds no state dict, or is refused by ``read_weights``.
    """
    contents = read_weights(path)
    tree = contents.tree if isinstance(contents.tree, dict) else {}
    inner = (found for wrapper in _WRAPPERS if (found := _named_tensors(tree.get(wrapper))))
    tensors = {**_named_tensors(tree), **next(inner, {})}  # a checkpoint may keep single tensors beside its state dict
    if not tensors:
        raise I2IError(f"{path} holds no state dict (names with tensors); save the network's state_dict() instead.")
    return {key.removeprefix("module."): stored.tensor() for key, stored in tensors.items()}


def _named_tensors(tree: Any) -> dict[str, StoredTensor]:
    pairs = tree.items() if isinstance(tree, dict) else ()
    return {key: value for key, value in pairs if isinstance(key, str) and isinstance(value, StoredTensor)}


def load_frozen_network(network: nn.Module, state: Mapping[str, Tensor], what: str, needed: str) -> None:
    """Load a state dict into a frozen network, in float32, with every key accounted for; memory may be shared.

    The batch counters of normalisations are of no use to a frozen network: they may be missing, and become 0.

    Args:
        what: What the network is, for the error: ``"ArcFace network"``.
        needed: What to do about it, for the error: ``"take a backbone.pth"``.

    Raises:
        I2IError: keys are missing or unknown, or of other shapes; names them.
    """
    import torch

    own = network.state_dict()
    counters = {key: torch.zeros((), dtype=torch.long) for key in own if key.endswith("num_batches_tracked")}
    state = {**state, **counters}
    faults = {
        "lacks": own.keys() - state.keys(),
        "has the unknown": state.keys() - own.keys(),
        "has other shapes in": {key for key in own.keys() & state.keys() if own[key].shape != state[key].shape},
    }
    if wrong := [f"{text} {_first_of(sorted(keys))}" for text, keys in faults.items() if keys]:
        raise I2IError(f"the file is no {what} (it {' and '.join(wrong)}); {needed}.")
    network.load_state_dict({key: value.float() for key, value in state.items()} | counters, assign=True)


def _first_of(keys: list[str]) -> str:
    shown = ", ".join(repr(key) for key in keys[:3])
    return f"{shown} and {len(keys) - 3} more" if len(keys) > 3 else shown
