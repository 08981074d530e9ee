"""Image jobs: which image file goes where, for commands that take files and folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...api.errors import I2IError, UsageError
from .files import IMAGE_SUFFIXES

SHOWN = 3
"""Number of unusable images that a message names."""


@dataclass(frozen=True)
class ImageJob:
    """One image file to process."""

    picture: Path
    """The file to read."""
    result: Path
    """The file to write."""


def plan_jobs(inputs: Iterable[Path], out: Path, *, overwrite: bool = False) -> list[ImageJob]:
    """Plan the output file of each image: ``DIR/x/y.jpg`` of the directory ``DIR`` becomes ``out/x/y.png``.

    Two images whose results would have the same name get ``y.png`` and ``y-2.png``. Hidden files are left out, and so
    are files in ``out`` if it is inside an input directory.

    Args:
        inputs: Image files and directories, which are searched recursively.
        out: Directory of the results.
        overwrite: Replace existing results.

    Raises:
        UsageError: an input is missing or holds no images, or a result would replace a file.
    """
    pictures = [pair for path in inputs for pair in _pictures(path, out)]
    sources = {picture.resolve() for picture, _ in pictures}
    taken: set[Path] = set()
    jobs = []
    for picture, place in pictures:
        stem, number = (out / place).with_suffix(""), 1
        result = stem.with_name(f"{stem.name}.png")
        while Path(str(result).casefold()) in taken:
            number += 1
            result = stem.with_name(f"{stem.name}-{number}.png")
        if result.resolve() in sources:
            raise UsageError(
                f"--out {out}: the result of {picture} would replace the input {result}; choose another folder."
            )
        if result.exists() and not overwrite:
            raise UsageError(f"{result} is already there; choose another --out, or replace it with --overwrite.")
        taken.add(Path(str(result).casefold()))
        jobs.append(ImageJob(picture, result))
    return jobs


def _pictures(path: Path, out: Path) -> Iterator[tuple[Path, Path]]:
    """Each image of an input, with its place below ``out``."""
    if path.is_file():
        yield path, Path(path.name)
        return
    if not path.is_dir():
        raise UsageError(f"There is no image or folder {path}; check the path.")
    below = sorted(picture.relative_to(path) for picture in path.rglob("*") if picture.suffix.lower() in IMAGE_SUFFIXES)
    own = out.resolve()
    found = [
        part
        for part in below
        if not any(name.startswith(".") for name in part.parts)
        and (path / part).is_file()
        and (own == path.resolve() or own not in (path / part).resolve().parents)
    ]
    if not found:
        raise UsageError(f"The folder {path} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))}); name another.")
    yield from ((path / part, part) for part in found)


def report_faults(faults: Sequence[str], total: int, noun: str, others: str = "") -> None:
    """Raise an error after all jobs are done if some images could not be used.

    Args:
        faults: A sentence for each unusable image.
        total: Number of jobs.
        noun: What the images are called: ``"photos"``.
        others: Where the results of the other images are; empty for nowhere.

    Raises:
        I2IError: there are faults.
    """
    if len(faults) == total == 1:
        raise I2IError(faults[0])
    if faults:
        rest = f"; {others}" if others and len(faults) < total else ""
        listed = " ".join([*faults[:SHOWN], *(["..."] if len(faults) > SHOWN else [])])
        raise I2IError(f"{len(faults)} of {total} {noun} could not be used{rest}. {listed}")
