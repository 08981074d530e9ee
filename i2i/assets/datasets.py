"""Download files and datasets, verify their hashes, and unpack and count datasets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..api.errors import I2IError
from ..toolkit.files import hash_file, user_directory, write_json
from ..toolkit.locks import file_lock

if TYPE_CHECKING:
    from ..api.dataset import Archive, Dataset
    from .downloads import StageProgress

_ENOUGH = 0.9  # of the images that a split should hold: below it, something is missing
_GROWTH = 4  # how much larger than its archive a dataset may be: images hardly compress
_SPARE = 2**26
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml")  # how a notice begins that a server sends in a file's place


def fetch_dataset(
    dataset: Dataset,
    root: Path | None = None,
    progress: StageProgress | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> Path:
    """Download a set, check it and unpack it to ``root/NAME``; safe to repeat and to break off at any moment.

    An archive that lies in ``root`` under the name it has on the server is used as it is. The sha256 of the first good
    archive is stored in the user's folder, and later ones must match. A split may lack a tenth of its images at most.

    Args:
        root: The folder for datasets; None for the one in the user's folder.
        note: Called with a sentence about anything worth knowing.

    Returns:
        The folder of the set.

    Raises:
        I2IError: it cannot be fetched, or is not what it should be; says what to do.
    """
    root = user_directory() / "datasets" if root is None else root
    folder = root / dataset.name
    if dataset.own() and not dataset.homepage:
        raise I2IError(
            f"The dataset {dataset.name!r} has your own images, so nothing is downloaded: give their folder with "
            "--data-root DIR when you train."
        )
    if dataset.archive is None:
        where = f" Get it from {dataset.homepage} and" if dataset.homepage else " Please"
        raise I2IError(
            f"The dataset {dataset.name!r} cannot be downloaded automatically.{where} put its splits into {folder}."
        )
    if _is_installed(dataset, folder, note):
        return folder
    archive = dataset.archive
    file = root / Path(urlsplit(archive.url).path).name
    with file_lock(folder, waiting=lambda: note(f"Waiting for another process that downloads {dataset.name}.")):
        if _is_installed(dataset, folder, note):
            return folder
        digest = fetch_file(
            archive.url, file, size=archive.bytes, progress=progress and partial(progress, "fetching"), note=note
        )
        _install(dataset, archive, file, folder, progress, note)
        record_checksum(archive.url, digest)
    note(f"{dataset.name} lies in {folder}; its archive {file} is no longer needed.")
    return folder


def _is_installed(dataset: Dataset, folder: Path, note: Callable[[str], None]) -> bool:
    """Return whether the directory of a dataset is there.

    Raises:
        I2IError: it is there and holds no pairs.
    """
    if not (folder.is_dir() and any(folder.iterdir())):
        return False
    if not count_pairs(dataset, folder):
        raise I2IError(
            f"{folder} is there but holds no pairs of {dataset.name}: move it away and run the command again."
        )
    note(f"{dataset.name} is there already, in {folder}.")
    return True


def fetch_file(
    url: str,
    file: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> str:
    """Have what an address holds at ``file``, by network unless it is there already.

    If another process downloads the file, wait for it and use its file.

    Args:
        sha256: The expected hash; None for that of the first download from this address, if any.
        size: About how many bytes it should have; from half to twice as many are taken.
        progress: Called with the bytes done and the bytes in all, None where the server does not tell.
        note: Called with a sentence about anything worth knowing.

    Returns:
        Its sha256; store it with ``record`` once the file is verified.

    Raises:
        I2IError: it cannot be fetched, or is something else; what was fetched in vain lies in ``FILE.wrong``.
    """
    with file_lock(file, waiting=lambda: note(f"Waiting for another process that downloads {file}.")):
        return _bring(url, file, sha256, size, progress, note)


def _bring(
    url: str,
    file: Path,
    sha256: str | None,
    size: int | None,
    progress: Callable[[int, int | None], None] | None,
    note: Callable[[str], None],
) -> str:
    from .downloads import checksum_error, download

    expected = sha256 or recorded_checksum(url)
    fresh = not file.is_file()
    if fresh:
        digest = download(url, file, progress=progress, sha256=expected)
    else:
        note(f"Using {file}, which is there already.")
        digest = hash_file(file)
        if expected is not None and digest != expected:
            raise checksum_error(str(file), digest, expected, "move it away and run the command again")
    if fault := file_fault(file, size):
        kept = file.replace(file.with_name(file.name + ".wrong")) if fresh else file
        raise I2IError(f"{kept} {fault}: delete it and run the command again, or see in a browser what {url} says.")
    return digest


def file_fault(file: Path, size: int | None) -> str | None:
    """Say why a file cannot be what was asked for, as the end of a sentence; None if it can be.

    Args:
        size: About how many bytes it should have; from half to twice as many are taken.
    """
    there = file.stat().st_size
    if size is not None and not size / 2 <= there <= 2 * size:
        return f"has {there} bytes where about {size} are expected, so it is something else (often an error page)"
    with file.open("rb") as stream:
        start = stream.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "is a web page, not the file" if start.startswith(_PAGES) else None


def count_pairs(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Pairs of the real set in each split that has any."""
    from ..data.layouts import SPLITS, find_samples

    found = {split: len(find_samples(dataset, folder, split)) for split in SPLITS}
    return {split: count for split, count in found.items() if count}


def recorded_checksum(url: str) -> str | None:
    """Return the sha256 of the first download from an address, or None.

    Raises:
        I2IError: the record is damaged.
    """
    return _sums().get(url)


def record_checksum(url: str, sha256: str) -> None:
    """Store the sha256 of the first download from an address."""
    ledger = _ledger()
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(ledger):  # another process may add a line of its own
        write_json(ledger, {**_sums(), url: sha256})


def _ledger() -> Path:
    return user_directory() / "sha256.json"


def _sums() -> dict[str, str]:
    ledger = _ledger()
    if not ledger.is_file():
        return {}
    try:
        sums = json.loads(ledger.read_text(encoding="utf-8"))
    except ValueError:
        sums = None
    if not isinstance(sums, dict):
        raise I2IError(f"{ledger}, the record of what was fetched, is damaged: delete it and run the command again.")
    return sums


def _install(
    dataset: Dataset,
    archive: Archive,
    file: Path,
    folder: Path,
    progress: StageProgress | None,
    note: Callable[[str], None],
) -> None:
    """Unpack beside, count, and only then give the folder its name."""
    from .archives import unpack

    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    most = _GROWTH * file.stat().st_size + _SPARE
    try:
        unpack(file, fresh, max_bytes=most, progress=progress and partial(progress, "unpacking"))
        inner = _below_wrapping(fresh)
        _compare(dataset, archive, file, count_pairs(dataset, inner), note)
        if folder.is_dir():
            folder.rmdir()
        inner.replace(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _below_wrapping(folder: Path) -> Path:
    """The folder that holds the splits: archives wrap them in one named after the set."""
    from ..data.layouts import SPLITS

    while len(inside := [path for path in folder.iterdir() if not path.name.startswith(".")]) == 1:
        if not inside[0].is_dir() or inside[0].name in SPLITS:
            break
        folder = inside[0]
    return folder


def _compare(
    dataset: Dataset, archive: Archive, file: Path, found: dict[str, int], note: Callable[[str], None]
) -> None:
    """Refuse a set that lacks much, and tell of one that differs a little."""
    again = f"delete {file} and run the command again"
    if not found:
        raise I2IError(f"{file} holds no pairs of {dataset.name} in train, val or test: {again}.")
    wanted = dict(dataset.counts) or ({"all splits": archive.pictures} if archive.pictures else {})
    for split, count in wanted.items():
        here = sum(found.values()) if split == "all splits" else found.get(split, 0)
        if here < _ENOUGH * count:
            raise I2IError(
                f"{file} holds {here} pairs of {dataset.name} in {split} where {count} are expected: {again}."
            )
        if here != count:
            note(f"{dataset.name} has {here} pairs in {split}; {count} were expected.")
