"""Who gets whose face: targets and sources of an edit as pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import i2i


class Pair(NamedTuple):
    """A picture, and the one whose face it gets."""

    target: i2i.Photo
    source: i2i.Photo


def pair(targets: Sequence[i2i.Photo], sources: Sequence[i2i.Photo]) -> list[Pair]:
    """Each target with its source: one for all, or as many as targets.

    Raises:
        UsageError: their numbers do not fit.
    """
    if len(sources) not in (1, len(targets)):
        raise i2i.UsageError(
            f"{len(targets)} target(s) and {len(sources)} source(s) do not pair: give one --image source=PATH, as many "
            "as there are targets, or --grid to swap everyone with everyone."
        )
    return [Pair(target, sources[number % len(sources)]) for number, target in enumerate(targets)]


def cross(everyone: Sequence[i2i.Photo]) -> list[Pair]:
    """Everyone with everyone else, row by row of the table whose diagonal is left out."""
    return [
        Pair(target, source)
        for row, target in enumerate(everyone)
        for column, source in enumerate(everyone)
        if row != column
    ]


def names_of(photos: Sequence[i2i.Photo]) -> list[str]:
    """For captions, each another: those that would be the same are told apart by their number."""
    names = [photo.name or f"picture {number}" for number, photo in enumerate(photos, 1)]
    return [f"{name} ({number})" if names.count(name) > 1 else name for number, name in enumerate(names, 1)]
