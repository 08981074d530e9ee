"""Pairs of pictures in folders: find them, read them, and find every bad one before training starts."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from ..api.errors import I2IError
from ..toolkit.files import user_directory
from ..toolkit.images import IMAGE_SUFFIXES, ImageError, read_image, resize

SPLITS = ("train", "val", "test")

_SLACK = 0.02  # of an aspect: a pixel row lost to rounding is no fault
_RULES = 1  # raise it when the checks get stricter, so that files passed by the old ones are looked at again
_BLOCK = 64  # files between two reports of progress, and the most that are finished after an interrupt


@dataclass(frozen=True)
class Pair:
    """Two pictures that belong together, unread."""

    name: str
    a: Path
    """The picture A, or the file that holds A on its left half and B on its right."""
    b: Path | None = None
    """The picture B; None where ``a`` holds both."""
    noun: ClassVar[str] = "pairs"
    """What several are called."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the pair: one or two."""
        return (self.a,) if self.b is None else (self.a, self.b)

    def sides(self, pictures: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The pictures of its files as A and B; raises ``ImageError`` where their shapes are not fit for it."""
        height, width = pictures[0].shape[:2]
        if self.b is not None:
            other_height, other_width = pictures[1].shape[:2]
            if abs((width / height) / (other_width / other_height) - 1) > _SLACK:
                sizes = f"it is {other_width} x {other_height} pixels and its A is {width} x {height}"
                raise ImageError(self.b, f"{sizes}; crop one of them to the other's shape.")
            return pictures[0], pictures[1]
        if abs(width / (2 * height) - 1) > _SLACK:
            reason = f"it is {width} x {height} pixels, but an A|B picture is twice as wide as high"
            raise ImageError(self.a, f"{reason}; put sides that are not square into folders A and B.")
        half = width // 2
        return np.ascontiguousarray(pictures[0][:, :half]), np.ascontiguousarray(pictures[0][:, width - half :])


@dataclass(frozen=True)
class Fault:
    """Something that cannot be used: where, what is wrong and what to do."""

    path: Path
    reason: str


def find_pairs(root: Path, split: str) -> list[Pair]:
    """The pairs under ``root/split``: A|B pictures, or ``A/`` and ``B/`` with equal file names but for the suffix.

    Hidden files and files that are no pictures by name are passed over. In natural order (2 before 10), the same on
    every machine; empty where the folder is not there.

    Raises:
        I2IError: no picture in the folder, both layouts at once, a picture without its other half, or two of one name.
    """
    folder = Path(root) / split
    if not folder.is_dir():
        return []
    single = _pictures(folder)
    side_a, side_b = folder / "A", folder / "B"
    if side_a.is_dir() != side_b.is_dir():
        missing = side_b if side_a.is_dir() else side_a
        raise I2IError(f"{folder} has no folder {missing.name}: put the other half of each pair into {missing}.")
    if not side_a.is_dir():
        if not single:
            raise I2IError(f"{folder} holds no picture: put A|B pictures there, or into {side_a} and {side_b}.")
        return [Pair(name, path) for name, path in single.items()]
    if single:
        example = next(iter(single.values())).name
        raise I2IError(
            f"{folder} holds pictures ({example}) beside its folders A and B: take the ones or the others away."
        )
    return _match(side_a, side_b)


def _match(side_a: Path, side_b: Path) -> list[Pair]:
    a, b = _pictures(side_a), _pictures(side_b)
    for here, there, folder in ((a, b, side_b), (b, a, side_a)):
        if lonely := [path.name for name, path in here.items() if name not in there]:
            raise I2IError(
                f"{folder} lacks the other half of {_some(lonely)} from {'A' if here is a else 'B'}: add it under the "
                "same name, or take the single ones away."
            )
    if not a:
        raise I2IError(f"{side_a} and {side_b} hold no picture: put the halves of each pair there under the same name.")
    return [Pair(name, path, b[name]) for name, path in a.items()]


def _pictures(folder: Path) -> dict[str, Path]:
    """The pictures directly in a folder by stem, in natural order."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if is_picture(entry.name) and entry.is_file()]
    paths = [folder / name for name in sorted(names, key=natural)]
    if doubled := [stem for stem, count in Counter(path.stem for path in paths).items() if count > 1]:
        raise I2IError(f"{folder} holds more than one picture called {_some(doubled)}: keep one of each name.")
    return {path.stem: path for path in paths}


def is_picture(name: str) -> bool:
    """True for a file that is a picture by its name and not hidden."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 (100,000 times)


def natural(name: str) -> tuple[list[str | int], str]:
    """The key of natural order: 2 before 10."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if number % 2 else part for number, part in enumerate(parts)], name


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest


def read_pair(pair: Pair, size: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Read both sides.

    Args:
        size: Resize each side to ``size`` x ``size`` pixels; None leaves each as it is.

    Returns:
        ``(A, B)``, each uint8 ``(H, W, 3)`` RGB.

    Raises:
        ImageError: a file cannot be read, an A|B file is not twice as wide as high, or A and B differ in shape, each
            by more than 2 %.
    """
    a, b = pair.sides([read_image(path) for path in pair.files])
    return (a, b) if size is None else (resize(a, size, size), resize(b, size, size))


def check_pairs(pairs: Sequence[Pair], progress: Callable[[int, int], None] | None = None) -> list[Fault]:
    """Decode every file of the pairs in a few threads, and tell all that training would trip over.

    Files found good are remembered in the user's folder by path, size and time of change, also when the check is
    broken off: the next one only asks for their size and time.

    Args:
        progress: Called with pairs done and pairs in all.

    Returns:
        The faults, in the order of the pairs.
    """
    if not pairs:
        return []
    memory = (
        user_directory()
        / "checked"
        / f"{hashlib.sha256(str(pairs[0].a.parent.absolute()).encode()).hexdigest()[:16]}.txt"
    )
    known = frozenset(memory.read_text(encoding="ascii", errors="ignore").split()) if memory.is_file() else frozenset()
    faults: list[Fault] = []
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for start in range(0, len(pairs), _BLOCK):
            block = pairs[start : start + _BLOCK]
            results = list(pool.map(lambda pair: _check(pair, known), block))
            faults += [fault for result in results if not isinstance(result, str) for fault in result]
            _remember(memory, [mark for mark in results if isinstance(mark, str) and mark not in known])
            if progress is not None:
                progress(start + len(block), len(pairs))
    return faults


def _check(pair: Pair, known: frozenset[str]) -> list[Fault] | str:
    """The faults of a pair, or the mark by which a good one is known again."""
    pictures, faults = [], []
    try:
        mark = _mark(pair)
        if mark in known:
            return mark
        for path in pair.files:
            try:
                pictures.append(read_image(path))
            except ImageError as error:
                faults.append(Fault(error.path, error.reason))
        if not faults:
            pair.sides(pictures)
    except ImageError as error:
        faults.append(Fault(error.path, error.reason))
    except OSError as error:
        faults.append(Fault(Path(error.filename or pair.a), f"it cannot be read ({error.strerror}); check the path."))
    return faults or mark


def _mark(pair: Pair) -> str:
    digest = hashlib.blake2b(f"{_RULES} {pair.noun}".encode(), digest_size=12)
    for path in pair.files:
        stat = path.stat()
        digest.update(f"\0{path.absolute()}\0{stat.st_size}\0{stat.st_mtime_ns}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _remember(memory: Path, marks: Sequence[str]) -> None:
    """Add marks; a line torn by a crash matches nothing. Where the user's folder cannot be written, nothing is kept."""
    if not marks:
        return
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with memory.open("a", encoding="ascii") as stream:
            stream.write("\n".join(["", *marks, ""]))
    except OSError:
        return


def check_splits(
    find: Callable[[str], list[Pair]], progress: Callable[[str, int, int], None] | None = None
) -> tuple[dict[str, int], list[Fault]]:
    """Check the splits of a set that are there.

    Args:
        find: Gives the pairs of a split, as ``Dataset.pairs`` with its folder filled in.
        progress: Called with the split, pairs done and pairs in all.

    Returns:
        The number of pairs in each split that has any, and every fault. A split whose layout is not understood is a
        fault as well, and does not keep the others from being checked.
    """
    counts: dict[str, int] = {}
    faults: list[Fault] = []
    for split in SPLITS:
        try:
            pairs = find(split)
        except I2IError as error:
            faults.append(Fault(Path(split), str(error)))
            continue
        if pairs:
            counts[split] = len(pairs)
            faults += check_pairs(pairs, progress and partial(progress, split))
    return counts, faults
