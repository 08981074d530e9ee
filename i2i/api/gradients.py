"""Which rows of w gradients are wanted for: editors say so, and generators that can leave out those of the others."""

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
    """Within it, what generators draw need pass gradients to these rows of w alone; to others it may pass none.

    Most of what a drag moves are the first rows, and the later layers, whose maps are the largest, then have no
    gradients of styles to find. Only drawing has to lie within; the way back may be taken outside.
    """
    before = _WANTED.set(frozenset(rows))
    try:
        yield
    finally:
        _WANTED.reset(before)


def rows_of(w: Tensor) -> tuple[Tensor, ...]:
    """For generators: ``w (N, num_ws, w_dim)`` -> its rows ``(N, w_dim)``, detached where no gradient is wanted."""
    wanted, rows = _WANTED.get(), w.unbind(dim=1)
    return tuple(row if wanted is None or number in wanted else row.detach() for number, row in enumerate(rows))
