"""Frames of an animation that are computed as they are read, so that one of any length fits in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from torch import Tensor


class LazyFrames(Sequence["Tensor"]):
    """A sequence of images ``(1, 3, H, W)`` that are computed each time they are read, a batch at a time."""

    def __init__(
        self,
        count: int,
        compute: Callable[[int, int], Sequence[Tensor]],
        batch: int = 1,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Compute nothing yet.

        Args:
            count: Number of frames.
            compute: Called with the numbers of the first frame and of the one after the last; returns those frames.
            batch: Number of frames that are computed at once, while all are read in order.
            stop: Returns True once the user cancels: iteration ends after the batch, with one frame at least.
        """
        self._count, self._compute, self._batch, self._stop = count, compute, batch, stop

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Tensor: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Tensor]: ...

    def __getitem__(self, index: int | slice) -> Tensor | Sequence[Tensor]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._count))]
        number = range(self._count)[index]
        return self._compute(number, number + 1)[0]

    def __iter__(self) -> Iterator[Tensor]:
        for first in range(0, self._count, self._batch):
            if first and self._stop():
                return
            yield from self._compute(first, min(first + self._batch, self._count))
