"""Pairs of targets and sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import i2i


class SwapPair(NamedTuple):
    """A target, and the source whose face it gets."""

    target: i2i.Photo
    source: i2i.Photo


def pair_up(targets: Sequence[i2i.Photo], sources: Sequence[i2i.Photo]) -> list[SwapPair]:
    """Pair each target with a source: the only source, or the one at the same position.

    Raises:
        UsageError: the numbers of targets and sources do not match.
    """
    if len(sources) not in (1, len(targets)):
        raise i2i.UsageError(
            f"{len(targets)} target(s) and {len(sources)} source(s) do not pair: give one --image source=PATH, as many "
            "as there are targets, or --grid to swap everyone with everyone."
        )
    return [SwapPair(target, sources[number % len(sources)]) for number, target in enumerate(targets)]


def cross(photos: Sequence[i2i.Photo]) -> list[SwapPair]:
    """Pair each photo with every other one, row by row of a table without its diagonal."""
    return [
        SwapPair(target, source)
        for row, target in enumerate(photos)
        for column, source in enumerate(photos)
        if row != column
    ]


def unique_names(photos: Sequence[i2i.Photo]) -> list[str]:
    """Return a name for each photo; equal names get the number of the photo."""
    names = [photo.name or f"image {number}" for number, photo in enumerate(photos, 1)]
    return [f"{name} ({number})" if names.count(name) > 1 else name for number, name in enumerate(names, 1)]
