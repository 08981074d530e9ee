"""Tables that translate tensor names and layouts of other code bases to canonical ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .stored_tensors import Shape, UnreadTensor, UnreadTensors

if TYPE_CHECKING:
    from torch import Tensor

NameRule = tuple[str, "str | Callable[[re.Match[str]], str]", str]
"""A pattern for a whole name, the canonical name (with ``\\1`` or by a function), and a key of ``CONVERSIONS``."""

CONVERSIONS: dict[str, tuple[int | None, Callable[[Shape], Shape], Callable[[Tensor], Tensor]]] = {
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
"""Conversions of a tensor: the rank it must have, its new shape, and the function."""


def noise_map(match: re.Match[str]) -> str:
    """Return the canonical name of noise map number ``match[1]``: 0 is that of 4 px, then two for each resolution."""
    number = int(match[1])
    return f"synthesis.b{4 << (number + 1) // 2}.conv{1 - number % 2}.noise_const"


def convert(stored: UnreadTensor, name: str) -> UnreadTensor:
    """Apply a conversion; a tensor of another rank stays as it is, and the later check of shapes refuses it."""
    rank, reshape, apply = CONVERSIONS[name]
    return stored if rank not in (None, len(stored.shape)) else stored.converted(reshape(stored.shape), apply)


def translate(tensors: UnreadTensors, table: Sequence[NameRule]) -> UnreadTensors:
    """Translate names; a name that is not in the table stays, and the later check of names refuses it."""
    rows = [(re.compile(pattern), target, name) for pattern, target, name in table]
    translated: UnreadTensors = {}
    for name, stored in tensors.items():
        for pattern, target, how in rows:
            match = pattern.fullmatch(name)
            if match:
                translated[match.expand(target) if isinstance(target, str) else target(match)] = convert(stored, how)
                break
        else:
            translated[name] = stored
    return translated
