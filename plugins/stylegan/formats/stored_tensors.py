"""Tensors of a file by name, in any wrapping; none is read before it is used."""

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
"""Networks with more modules are refused; the largest StyleGAN has about 200."""
DEPTH = 8
"""Depth to which dictionaries and modules are searched; NVlabs' networks have 4."""
ENTRIES = 100_000
"""Files with more names are refused."""
LENGTH = 200
"""Longer names are skipped: nested and shared, they could exhaust the memory."""


@dataclass(frozen=True)
class UnreadTensor:
    """A tensor of a file with known shape; ``make`` reads its values."""

    shape: Shape
    make: Callable[[], Tensor]

    def converted(self, shape: Shape, change: Callable[[Tensor], Tensor]) -> UnreadTensor:
        """Return a tensor of another shape, computed by ``change`` when it is read."""
        return UnreadTensor(shape, lambda: change(self.make()))


UnreadTensors = dict[str, UnreadTensor]


def unread(value: Any) -> UnreadTensor | None:
    """Return a stored tensor, unread; None for any other value."""
    return UnreadTensor(tuple(value.shape), value.tensor) if isinstance(value, StoredTensor) else None


def flatten(tree: Any) -> UnreadTensors:
    """Return the tensors in nested dictionaries, keys joined by dots; empty where a limit is exceeded."""
    tensors: UnreadTensors = {}
    pending = [("", tree, 0)]
    seen = 0
    while pending:
        prefix, node, depth = pending.pop()
        for key, value in node.items() if isinstance(node, Mapping) else ():
            seen += 1
            if seen > ENTRIES:
                return {}
            stored = unread(value)
            if not isinstance(key, str) or len(prefix) + len(key) > LENGTH:
                continue
            if stored:
                tensors[prefix + key] = stored
            elif isinstance(value, Mapping) and depth < DEPTH:
                pending.append((f"{prefix}{key}.", value, depth + 1))
    return tensors


def part(state: Any, key: str) -> Mapping[Any, Any]:
    """Return a dictionary within the state of a pickled object, or an empty one."""
    value = state.get(key) if isinstance(state, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def modules(record: Record) -> dict[str, Mapping[str, Any]]:
    """Return the state of each module of a pickled network by its path (``""`` for the network itself).

    The result is empty for modules that contain themselves and for more modules than ``MODULES``.
    """
    states: dict[str, Mapping[str, Any]] = {}
    pending = [("", record, 0)]
    while pending:
        path, node, depth = pending.pop()
        if len(states) == MODULES or depth > DEPTH:
            return {}
        states[path] = node.state if isinstance(node.state, Mapping) else {}
        for name, child in part(node.state, "_modules").items():
            if isinstance(child, Record) and len(path) + len(str(name)) < LENGTH:
                pending.append((f"{path}.{name}" if path else str(name), child, depth + 1))
    return states


def parameters(states: Mapping[str, Mapping[str, Any]]) -> UnreadTensors:
    """Return the parameters and buffers of modules under the names of their state dict."""
    tensors: UnreadTensors = {}
    for path, state in states.items():
        for group in ("_parameters", "_buffers"):
            for name, value in part(state, group).items():
                stored = unread(value)
                if stored and len(str(name)) <= LENGTH:
                    tensors[f"{path}.{name}" if path else str(name)] = stored
    return tensors


def under(leaves: Mapping[str, UnreadTensor], prefix: str) -> UnreadTensors:
    """Return the tensors whose names start with ``prefix``, without it."""
    return {name[len(prefix) :]: value for name, value in leaves.items() if name.startswith(prefix)}


def prefix_of(names: Iterable[str], marker: str) -> str | None:
    """Return the prefix of the names that match ``marker``: ``""``, ``"G_ema."``, ``"state_dict.decoder."``.

    Of several prefixes, that of an average is preferred, then the shortest; None where no name matches.
    """
    pattern = re.compile(rf"((?:.*\.)?)(?:{marker})")
    matches = (pattern.fullmatch(name) for name in names)
    return min({match[1] for match in matches if match}, key=_preference, default=None)


def _preference(prefix: str) -> tuple[bool, int, str]:
    return "ema" not in prefix.lower(), len(prefix), prefix
