"""Foreign networks, read by their key names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..api.errors import I2IError, UsageError, did_you_mean
from ..guards import guarding, plugin_owner
from ..registry import Registry, load_registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn
from ..toolkit.weights.state_dicts import read_state_dict


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
    owners: dict[str, str] = {}
    for noun in ("trainer", "extractor"):
        for name, giver in registry.all(noun).items():
            known = getattr(giver, "kinds", {})
            kinds.update(known)
            owners.update(dict.fromkeys(known, plugin_owner(registry, noun, name)))
    if kind not in kinds:
        raise UsageError(f"No plugin reads networks of the kind {kind!r}.{did_you_mean(kind, kinds)}")
    state = read_state_dict(path)
    try:
        with guarding(owners[kind], f"kinds[{kind!r}]"):
            return kinds[kind](state)
    except I2IError as error:
        raise I2IError(f"{path}: {error}") from None
