"""Datasets: where image pairs come from, their layout, licence and synthetic sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from .options import Options

if TYPE_CHECKING:
    import numpy as np

    from ..data.pairs import Pair


Direction = Literal["AtoB", "BtoA"]

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Archive:
    """Where a set is fetched from."""

    url: str
    bytes: int | None = None
    """About how many bytes; what is less than half or more than twice that is not taken for it."""
    pictures: int | None = None
    """Pairs in all splits together, where ``Dataset.counts`` does not tell them apart."""


class Dataset:
    """A set of picture pairs: where it comes from, how it is laid out, and a drawn sample of its own."""

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    """Its options; where there are any, it is constructed as ``Dataset(options)``."""
    licence: ClassVar[str] = "unknown"
    homepage: ClassVar[str] = ""
    sides: ClassVar[tuple[str, str]] = ("A", "B")
    """What the left (A) and the right (B) picture of a pair show."""
    direction: ClassVar[Direction] = "AtoB"
    """The usual direction, the default of ``--direction``."""
    counts: ClassVar[Mapping[str, int]] = {}
    """Pairs in each split of the real set."""
    archive: ClassVar[Archive | None] = None
    """Where ``i2i datasets fetch`` gets it, or None where it cannot be downloaded by itself."""
    drawn: ClassVar[Mapping[str, int]] = {}
    """Pairs in each split of the drawn sample; empty where the set has none."""

    @classmethod
    def own(cls) -> bool:
        """True for a set of the user's own pictures: ``--data-root`` names the set itself, for there is no other."""
        return cls.archive is None and not cls.drawn

    def pairs(self, root: Path, split: str) -> list[Pair]:
        """The real pairs of a split under ``root``, in a fixed order, unread; empty where there are none.

        Raises:
            I2IError: the folder is there but its layout is not understood.
        """
        from ..data.pairs import find_pairs

        return find_pairs(root, split)

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """One drawn pair ``(A, B)``, each uint8 ``(size, size, 3)`` RGB, from ``rng`` alone."""
        raise TypeError(f"{type(self).__name__} must define draw(self, rng, size)")
