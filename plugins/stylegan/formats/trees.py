"""Names with tensors, whatever a file wraps them in; nothing is copied until it is known to be wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from i2i import Record, StoredTensor

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]

MODULES = 4000
"""A network with more modules is none of ours; the largest StyleGAN has some 200."""
DEPTH = 8
"""Levels of dicts or modules that are searched; NVlabs' networks have 4."""
ENTRIES = 100_000
"""A file with more names is none of ours."""
LENGTH = 200
"""Longer names are passed over: nested and shared, they would fill the memory."""


@dataclass(frozen=True)
class Leaf:
    """One tensor of a file, unread: its shape is known, its values are taken in by ``make``."""

    shape: Shape
    make: Callable[[], Tensor]

    def changed(self, shape: Shape, change: Callable[[Tensor], Tensor]) -> Leaf:
        """The same values under another shape, by ``change``."""
        return Leaf(shape, lambda: change(self.make()))


Leaves = dict[str, Leaf]


def leaf(value: Any) -> Leaf | None:
    """A stored tensor as a leaf; None for anything else."""
    return Leaf(tuple(value.shape), value.tensor) if isinstance(value, StoredTensor) else None


def flatten(tree: Any) -> Leaves:
    """The tensors in nested dicts, their keys joined by dots; empty for a file too large to be one of ours."""
    found: Leaves = {}
    pending = [("", tree, 0)]
    seen = 0
    while pending:
        prefix, node, depth = pending.pop()
        for key, value in node.items() if isinstance(node, Mapping) else ():
            seen += 1
            if seen > ENTRIES:
                return {}
            stored = leaf(value)
            if not isinstance(key, str) or len(prefix) + len(key) > LENGTH:
                continue
            if stored:
                found[prefix + key] = stored
            elif isinstance(value, Mapping) and depth < DEPTH:
                pending.append((f"{prefix}{key}.", value, depth + 1))
    return found


def part(state: Any, key: str) -> Mapping[Any, Any]:
    """A dict within a foreign object's state, or an empty one."""
    value = state.get(key) if isinstance(state, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def modules(record: Record) -> dict[str, Mapping[str, Any]]:
    """The state of each module of a pickled network, by its path (``""`` for the network itself).

    Modules that contain themselves, or more of them than a StyleGAN can have, give an empty dict.
    """
    found: dict[str, Mapping[str, Any]] = {}
    pending = [("", record, 0)]
    while pending:
        path, node, depth = pending.pop()
        if len(found) == MODULES or depth > DEPTH:
            return {}
        found[path] = node.state if isinstance(node.state, Mapping) else {}
        for name, child in part(node.state, "_modules").items():
            if isinstance(child, Record) and len(path) + len(str(name)) < LENGTH:
                pending.append((f"{path}.{name}" if path else str(name), child, depth + 1))
    return found


def parameters(states: Mapping[str, Mapping[str, Any]]) -> Leaves:
    """The parameters and buffers of modules, by the names that their state dict would give them."""
    found: Leaves = {}
    for path, state in states.items():
        for group in ("_parameters", "_buffers"):
            for name, value in part(state, group).items():
                stored = leaf(value)
                if stored and len(str(name)) <= LENGTH:
                    found[f"{path}.{name}" if path else str(name)] = stored
    return found


def under(leaves: Mapping[str, Leaf], prefix: str) -> Leaves:
    """The leaves whose names start with ``prefix``, without it."""
    return {name[len(prefix) :]: value for name, value in leaves.items() if name.startswith(prefix)}


def prefix_of(names: Iterable[str], marker: str) -> str | None:
    """What stands before the names that match the pattern ``marker``: ``""``, ``"G_ema."``, ``"state_dict.decoder."``.

    Of several networks an average comes first, then the one with the shortest prefix; None where no name matches.
    """
    pattern = re.compile(rf"((?:.*\.)?)(?:{marker})")
    matches = (pattern.fullmatch(name) for name in names)
    return min({match[1] for match in matches if match}, key=_preference, default=None)


def _preference(prefix: str) -> tuple[bool, int, str]:
    return "ema" not in prefix.lower(), len(prefix), prefix
