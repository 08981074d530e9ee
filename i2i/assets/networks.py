"""External networks, recognised by their key names."""

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
    """Load an external network, recognised by its key names, in evaluation mode on the CPU.

    Args:
        kind: What the file holds: ``unet256``, ``patchgan``, ...; trainers and extractors name the kinds that they
            read in ``kinds``.

    Raises:
        UsageError: no plugin reads the kind.
        I2IError: the file cannot be read safely, or does not fit the kind.
    """
    registry = registry or load_registry()
    readers = {
        name: registry.entry(noun, key)
        for noun in ("trainer", "extractor")
        for key, kinds in registry.values(noun, "kinds").items()
        for name in kinds or ()
    }
    if kind not in readers:
        raise UsageError(f"No plugin reads networks of the kind {kind!r}.{did_you_mean(kind, readers)}")
    entry = readers[kind]
    read: Callable[[dict[str, Tensor]], nn.Module] = entry.load().kinds[kind]
    state = read_state_dict(path)
    try:
        with guarding(plugin_owner(registry, entry.kind, entry.name), f"kinds[{kind!r}]"):
            return read(state)
    except I2IError as error:
        raise I2IError(f"{path}: {error}") from None
