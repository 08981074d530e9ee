"""From the names and layouts of one code base to those of another: a table of patterns, and what is done to shapes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .trees import Leaf, Leaves, Shape

if TYPE_CHECKING:
    from torch import Tensor

Row = tuple[str, "str | Callable[[re.Match[str]], str]", str]
"""A pattern for a whole foreign name, the canonical name (with ``\\1`` or by a function), and a key of ``CHANGES``."""

CHANGES: dict[str, tuple[int | None, Callable[[Shape], Shape], Callable[[Tensor], Tensor]]] = {
    "same": (None, lambda shape: shape, lambda tensor: tensor),
    "kernel": (4, lambda s: (s[3], s[2], s[0], s[1]), lambda t: t.permute(3, 2, 0, 1)),
    "turned kernel": (4, lambda s: (s[3], s[2], s[0], s[1]), lambda t: t.flip(0, 1).permute(3, 2, 0, 1)),
    "dense": (2, lambda s: (s[1], s[0]), lambda t: t.t()),
    "plus one": (1, lambda shape: shape, lambda t: t.float() + 1),
    "quarter": (2, lambda shape: shape, lambda t: t.float() / 4),
    "first of four": (4, lambda s: s[1:] if s[0] == 1 else s, lambda t: t[0]),
    "first of five": (5, lambda s: s[1:] if s[0] == 1 else s, lambda t: t[0]),
    "map": (4, lambda s: s[2:] if s[:2] == (1, 1) else s, lambda t: t[0, 0]),
    "channels": (4, lambda s: s[1:2] if (s[0], *s[2:]) == (1, 1, 1) else s, lambda t: t.reshape(-1)),
    "scalar": (1, lambda s: () if s == (1,) else s, lambda t: t.reshape(())),
}
"""What is done to a tensor: the rank it must have, its shape after, and the change itself."""


def noise_map(match: re.Match[str]) -> str:
    """The canonical name of noise map number ``match[1]``: 0 is the 4 px level's, then come two a level."""
    number = int(match[1])
    return f"synthesis.b{4 << (number + 1) // 2}.conv{1 - number % 2}.noise_const"


def change(stored: Leaf, name: str) -> Leaf:
    """A leaf changed as ``CHANGES`` says; one of another rank is left alone, for its shape to be found wrong later."""
    rank, reshape, apply = CHANGES[name]
    return stored if rank not in (None, len(stored.shape)) else stored.changed(reshape(stored.shape), apply)


def translate(leaves: Leaves, table: Sequence[Row]) -> Leaves:
    """Leaves under canonical names; a name that the table does not know keeps itself, so that it is noticed later."""
    rows = [(re.compile(pattern), target, name) for pattern, target, name in table]
    found: Leaves = {}
    for name, stored in leaves.items():
        for pattern, target, how in rows:
            match = pattern.fullmatch(name)
            if match:
                found[match.expand(target) if isinstance(target, str) else target(match)] = change(stored, how)
                break
        else:
            found[name] = stored
    return found
