"""How many photos go side by side: as many as memory allows on a card, and on a CPU one.

Sums over a batch of another size are taken in another order, and a hundred steps make a change of one grey value of a
change in the last digit. On a CPU, where a batch gains on the smallest pictures only, every photo therefore goes alone:
its answer is the same to the bit, whoever its neighbours are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import torch

from i2i.toolkit.memory import is_out_of_memory

if TYPE_CHECKING:
    import i2i

T = TypeVar("T")
SHARE = 0.85
"""Of a card's free memory that is planned with; the rest is for what libraries take beside."""


def size_for(device: i2i.Device, count: int, attempt: Callable[[int], object]) -> int:
    """Photos at a time, at most ``count``.

    Args:
        attempt: Does one step with so many photos; tried on a card, to see what a photo takes.
    """
    if device.type != "cuda":
        return 1
    if count <= 2:
        return count
    taken = [_taken(device, attempt, photos) for photos in (1, 2)]
    free, reserved = torch.cuda.mem_get_info(device)[0], torch.cuda.memory_reserved(device)
    return fitting(free + reserved - torch.cuda.memory_allocated(device), taken[0], taken[1], count)


def _taken(device: i2i.Device, attempt: Callable[[int], object], photos: int) -> int:
    """Bytes that a step takes on a card."""
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    attempt(photos)
    return torch.cuda.max_memory_allocated(device) - before


def fitting(free: int, one: int, two: int, count: int) -> int:
    """Photos that fit into ``free`` bytes, when one takes ``one`` and a pair takes ``two``; from 1 to ``count``."""
    each = max(1, two - one)
    return max(1, min(count, int((SHARE * free - one) // each) + 1))


def in_parts(count: int, size: int, work: Callable[[range], list[T]]) -> list[T]:
    """``work`` on the numbers below ``count``, ``size`` at a time; half as many whenever memory does not suffice."""
    found: list[T] = []
    while len(found) < count:
        try:
            found += work(range(len(found), min(count, len(found) + size)))
        except Exception as error:
            if size == 1 or not is_out_of_memory(error):
                raise
            size = max(1, min(size, count - len(found)) // 2)
        else:
            continue
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return found
