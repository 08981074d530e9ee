"""Layers of w that need gradients: editors name them, and generators may skip the gradients of the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_WANTED: ContextVar[frozenset[int] | None] = ContextVar("wanted", default=None)


@contextmanager
def gradients_for(rows: Iterable[int]) -> Iterator[None]:
    """Declare that only these layers of w need gradients; generators may detach the others within this context.

    A drag moves the first layers only. The later ones, which have the largest feature maps, then need no gradients of
    their styles. Only the forward pass has to be inside; the backward pass may be outside.
    """
    before = _WANTED.set(frozenset(rows))
    try:
        yield
    finally:
        _WANTED.reset(before)


def rows_of(w: Tensor) -> tuple[Tensor, ...]:
    """Split ``w (N, num_ws, w_dim)`` into its layers ``(N, w_dim)``, detached where no gradient is needed."""
    wanted, rows = _WANTED.get(), w.unbind(dim=1)
    return tuple(row if wanted is None or number in wanted else row.detach() for number, row in enumerate(rows))
