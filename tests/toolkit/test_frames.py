"""Frames that are computed as they are read."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from i2i.toolkit.images.frames import LazyFrames


def frames(count: int, batch: int = 1, cancel_after: int | None = None) -> tuple[LazyFrames, list[tuple[int, int]]]:
    """Frames that are filled with their number, and the batches that were computed."""
    computed: list[tuple[int, int]] = []

    def compute(first: int, end: int) -> list[Tensor]:
        computed.append((first, end))
        return [torch.full((1, 3, 2, 2), float(number)) for number in range(first, end)]

    return LazyFrames(
        count, compute, batch, lambda: cancel_after is not None and len(computed) >= cancel_after
    ), computed


def test_frames_are_computed_in_batches_when_they_are_read() -> None:
    lazy, computed = frames(5, batch=2)
    assert len(lazy) == 5 and bool(lazy) and computed == []
    assert [float(frame.mean()) for frame in lazy] == [0, 1, 2, 3, 4]
    assert computed == [(0, 2), (2, 4), (4, 5)]


def test_single_frames_and_slices_are_computed_alone() -> None:
    lazy, computed = frames(5, batch=4)
    assert float(lazy[-1].mean()) == 4 and computed == [(4, 5)]
    assert [float(frame.mean()) for frame in lazy[1:3]] == [1, 2] and computed[1:] == [(1, 2), (2, 3)]
    with pytest.raises(IndexError):
        lazy[5]


def test_cancelled_frames_end_after_the_batch() -> None:
    lazy, computed = frames(9, batch=3, cancel_after=1)
    assert len(list(lazy)) == 3 and computed == [(0, 3)]
    assert len(list(frames(9, cancel_after=0)[0])) == 1


def test_no_frames_are_false() -> None:
    lazy, computed = frames(0)
    assert not lazy and list(lazy) == [] and computed == []
