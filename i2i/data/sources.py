"""Where the pairs or pictures of a run come from: the real set on disk, or the set's own drawn sample."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..api.dataset import Dataset, Direction
from ..api.errors import I2IError, UsageError
from ..runtime.progress import note
from ..toolkit.files import user_directory
from .images import find_pictures
from .pairs import Pair, check_pairs, read_pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..api.device import Device

Choice = Literal["auto", "real", "drawn"]
Wants = Literal["pairs", "pictures"]


class Source:
    """The pairs of one split, by number."""

    kind: Literal["real", "drawn"]
    root: Path | None = None
    noun: str = "pairs"
    """What it holds: pairs or pictures."""

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} must define __len__")

    def name(self, index: int) -> str:
        """What to call a pair in a sheet or a file."""
        raise TypeError(f"{type(self).__name__} must define name")

    def read(self, index: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """The pair ``(A, B)``, each uint8 ``(size, size, 3)`` RGB."""
        raise TypeError(f"{type(self).__name__} must define read")


@dataclass
class RealSource(Source):
    """Pairs in files."""

    pairs: Sequence[Pair]
    root: Path | None
    kind: Literal["real", "drawn"] = "real"

    def __post_init__(self) -> None:
        self.noun = self.pairs[0].noun if self.pairs else self.noun

    def __len__(self) -> int:
        return len(self.pairs)

    def name(self, index: int) -> str:
        return self.pairs[index].name

    def read(self, index: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        return read_pair(self.pairs[index], size)


@dataclass
class DrawnSource(Source):
    """Pairs drawn by the set's own code: each from the seed, the split and its number alone."""

    dataset: Dataset
    split: str
    seed: int
    kind: Literal["real", "drawn"] = "drawn"

    def __len__(self) -> int:
        return self.dataset.drawn[self.split]

    def name(self, index: int) -> str:
        return f"drawn_{self.split}_{index:04d}"

    def read(self, index: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        if not 0 <= index < len(self):
            raise IndexError(f"the drawn sample has {len(self)} pairs, so there is no number {index}")
        rng = np.random.default_rng([self.seed, zlib.crc32(f"{self.dataset.name}/{self.split}".encode()), index])
        return self.dataset.draw(rng, size)


class Targets(Source):
    """One side of pairs, by itself: both pictures of what it reads are the same array."""

    noun = "pictures"

    def __init__(self, pairs: Source, direction: Direction) -> None:
        self.pairs, self.kind, self.root = pairs, pairs.kind, pairs.root
        self._side = 1 if direction == "AtoB" else 0

    def __len__(self) -> int:
        return len(self.pairs)

    def name(self, index: int) -> str:
        return self.pairs.name(index)

    def read(self, index: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        side = self.pairs.read(index, size)[self._side]
        return side, side


def find_root(dataset: Dataset, root: Path | None) -> Path:
    """The folder of a set: the root itself for a set of one's own, else ``root/NAME`` or a root that is the set."""
    if root is None:
        return user_directory() / "datasets" / dataset.name
    named = root / dataset.name
    return root if dataset.own() or (not named.is_dir() and dataset.pairs(root, "train")) else named


def open_source(
    dataset: Dataset,
    root: Path | None,
    split: str,
    source: Choice = "auto",
    seed: int = 0,
    wants: Wants = "pairs",
) -> Source:
    """Open a split of a set: the real pairs where they are there, else the drawn sample.

    Args:
        root: The folder in which sets lie (``--data-root``); None for the folder that ``i2i datasets fetch`` fills.
            For a set of one's own (``folder``: neither archive nor drawn sample) it is the set itself.
        source: ``real`` refuses the drawn sample, ``drawn`` does not look for the real set.
        seed: Picks the drawn sample.
        wants: ``pictures`` takes any folder of pictures for a set of one's own; of other sets it gives the pairs.

    Raises:
        UsageError: the choice cannot be had, or the split is unknown.
        I2IError: the real set's layout is not understood.
    """
    if dataset.own() and root is None:
        raise UsageError(f"The set {dataset.name!r} is pictures of your own: say where they are with --data-root DIR.")
    if root is not None and not root.is_dir() and source != "drawn":
        raise UsageError(f"--data-root {root} is not a folder; check the path.")
    folder = find_root(dataset, root)
    if wants == "pictures" and source != "drawn" and dataset.own() and not _paired(dataset, folder):
        return RealSource(find_pictures(folder), folder)
    if source != "drawn" and (pairs := dataset.pairs(folder, split)):
        return RealSource(pairs, folder)
    if source == "real" or not dataset.drawn:
        raise I2IError(_missing(dataset, folder, split))
    if split not in dataset.drawn:
        raise UsageError(f"The drawn sample of {dataset.name} has no split {split!r}.{_splits(dataset)}")
    return DrawnSource(dataset, split, seed)


def _paired(dataset: Dataset, folder: Path) -> bool:
    """True where a set of one's own is pairs and nothing else: folders A and B, or a layout that its class knows."""
    sides = (folder / "train" / side for side in ("A", "B"))
    return type(dataset).pairs is not Dataset.pairs or all(side.is_dir() for side in sides)


def usable(source: Source, skip_bad: bool, device: Device | None = None) -> Source:
    """The source without faulty pictures: they are found now, not in the middle of the night.

    Args:
        skip_bad: Leave faulty pairs out, saying how many, instead of refusing the set.
        device: Whose first process says so.

    Raises:
        I2IError: there are faulty pairs and they are not to be left out, or nothing else would be left.
    """
    if not isinstance(source, RealSource) or not (faults := check_pairs(source.pairs)):
        return source
    bad = {fault.path for fault in faults}
    good = [pair for pair in source.pairs if not bad & set(pair.files)]
    count = f"{len(source) - len(good)} of {len(source)} {source.noun}"
    if not skip_bad or not good:
        raise I2IError(f"{count} cannot be used, such as {faults[0].path}: {faults[0].reason}{_ways(source, good)}")
    note(f"{count} are faulty and left out (--skip-bad)", device)
    return RealSource(good, source.root)


def _ways(source: RealSource, good: Sequence[Pair]) -> str:
    """What one can do about faulty files besides mending them."""
    ways = [f"list them all with 'i2i datasets check {source.root}'"] if source.noun == "pairs" else []
    ways += ["leave them out with --skip-bad"] if good else []
    text = ", or ".join(ways)
    return f" {text[0].upper()}{text[1:]}." if text else ""


def _splits(dataset: Dataset) -> str:
    return f" It has: {', '.join(dataset.drawn)}."


def _missing(dataset: Dataset, folder: Path, split: str) -> str:
    fetch = f"get the set from {dataset.homepage}, or " if dataset.homepage else ""
    if dataset.archive:
        fetch = f"fetch it with 'i2i datasets fetch {dataset.name}', or "
    return f"There are no pairs in {folder / split}: {fetch}put A|B pictures there, or into {split}/A and {split}/B."
