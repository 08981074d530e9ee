"""Who gets whose face: targets and sources of an edit as pairs, and the pairs as batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
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


def batches(pairs: Sequence[Pair], size: int) -> Iterator[list[int]]:
    """Numbers of pairs that can be drawn together, at most ``size`` at a time.

    Targets that have noise or changed weights of their own are drawn by a generator of their own.
    """
    numbers = sorted(range(len(pairs)), key=lambda number: _ground(pairs[number]))
    for _, group in groupby(numbers, key=lambda number: _ground(pairs[number])):
        alike = list(group)
        for start in range(0, len(alike), size):
            yield alike[start : start + size]


def _ground(pair: Pair) -> int:
    latent = pair.target.latent
    return id(latent) if latent is not None and (latent.noise or latent.changes) else 0


def name_of(photo: i2i.Photo, number: int) -> str:
    """For captions."""
    return photo.name or f"picture {number + 1}"
