"""Samples: read their fields into arrays, and find every faulty file before training starts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from ..api.dataset import Dataset
from ..api.errors import I2IError
from ..api.field import Field
from ..api.sample import Sample
from ..toolkit.files import user_directory
from ..toolkit.images import ImageError, read_image, resize
from .layouts import SPLITS, find_samples, find_unpaired, side_fields
from .pixels import read_grey, read_labels

Arrays = Mapping[str, np.ndarray]
"""One sample by field name, as ``read_sample`` returns it."""
Palette = Sequence[tuple[int, int, int]]

_SLACK = 0.02  # of an aspect ratio: a row of pixels lost to rounding is no fault
_RULES = 3  # raise it when the checks get stricter, so that files which passed the old ones are checked again
_BLOCK = 64  # samples between two reports of progress, and the most that are finished after an interrupt


@dataclass(frozen=True)
class Fault:
    """Something that cannot be used: where, what is wrong and what to do."""

    path: Path
    reason: str


def read_sample(
    sample: Sample,
    fields: Sequence[Field],
    size: int | None = None,
    palette: Palette = (),
    square: bool = False,
) -> dict[str, np.ndarray]:
    """Read fields of a sample.

    Args:
        fields: The fields to read.
        size: Resize each to ``size`` x ``size`` pixels, images bicubic, labels and masks nearest; None: do not resize.
        palette: RGB colour of each class, for label files in colour.
        square: Cut out the largest square in the middle first.

    Returns:
        Arrays by field name: images uint8 (of 16 bits: uint16) ``(H, W, channels)``, labels uint8 (of more than 256
        classes: int32) ``(H, W)``, masks uint8 ``(H, W)`` of 0 and 1, values float32.

    Raises:
        ImageError: A file cannot be read, the columns of a shared file are not square, or the fields of the sample
            differ in shape, each by more than 2 %.
        I2IError: The sample lacks a field.
    """
    arrays = _read_files(sample, fields, palette)
    _require_one_shape(sample, fields, arrays)
    for field in fields:
        if field.kind == "value":
            arrays[field.name] = np.asarray(_entry(sample.values, sample, field), dtype=np.float32)
            continue
        array = central_square(arrays[field.name]) if square else arrays[field.name]
        arrays[field.name] = array if size is None else resize_field(array, field, size, size)
    return arrays


def _read_files(
    sample: Sample, fields: Sequence[Field], palette: Palette, decoded: dict[object, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Read the files of fields; those that share a file get their columns of it. ``decoded`` keeps whole files."""
    arrays: dict[str, np.ndarray] = {}
    decoded = {} if decoded is None else decoded
    for field in fields:
        if field.kind == "value":
            continue
        path = _entry(sample.files, sample, field)
        key = (path, field.kind, field.channels, field.bits)
        if key not in decoded:
            decoded[key] = read_field(path, field, palette)
        sharing = [name for name, other in sample.files.items() if other == path]
        arrays[field.name] = _column(path, decoded[key], sharing.index(field.name), len(sharing))
    return arrays


def _entry(entries: Mapping[str, object], sample: Sample, field: Field) -> Path:
    if field.name not in entries:
        raise I2IError(
            f"The sample {sample.name!r} has no {field.name!r}; its dataset must give it, or not declare it."
        )
    return entries[field.name]  # type: ignore[return-value]


def read_field(path: Path, field: Field, palette: Palette, note: Callable[[str], None] | None = None) -> np.ndarray:
    """Read a file as a field, in its own size; returns and raises as ``read_sample``.

    Args:
        note: Called with each note on an image in colour, such as a colour profile that is ignored.
    """
    if field.kind == "labels":
        return read_labels(path, field.classes, palette)
    if field.kind == "mask":
        return (read_grey(path, 8)[..., 0] >= 128).astype(np.uint8)
    if field.channels != 3:
        return read_grey(path, field.bits)
    return read_image(path) if note is None else read_image(path, note=note)


def _column(path: Path, image: np.ndarray, place: int, count: int) -> np.ndarray:
    """Cut one of ``count`` columns of equal width out of a file that several fields share."""
    if count == 1:
        return image
    height, width = image.shape[:2]
    if abs(width / (count * height) - 1) > _SLACK:
        wide = "twice" if count == 2 else f"{count} times"
        reason = f"it is {width} x {height} pixels, but an image of {count} columns is {wide} as wide as high"
        raise ImageError(path, f"{reason}; put sides that are not square into folders of their own.")
    own = width // count
    left = width - own if place == count - 1 else place * own
    return np.ascontiguousarray(image[:, left : left + own])


def _require_one_shape(sample: Sample, fields: Sequence[Field], arrays: Arrays) -> None:
    """Crops are shared by the fields of a sample, so their aspect ratios must agree."""
    for one, other in pairwise([field.name for field in fields if field.name in arrays]):
        (height, width), (other_height, other_width) = arrays[one].shape[:2], arrays[other].shape[:2]
        if abs((width / height) / (other_width / other_height) - 1) > _SLACK:
            sizes = f"it is {other_width} x {other_height} pixels and its {one} is {width} x {height}"
            raise ImageError(sample.files[other], f"{sizes}; crop one of them to the other's shape.")


def resize_field(array: np.ndarray, field: Field, width: int, height: int) -> np.ndarray:
    """Resize ``(H, W)`` or ``(H, W, C)`` to ``height`` x ``width``: images bicubic, labels and masks nearest."""
    if array.shape[:2] == (height, width):
        return array
    if field.kind in ("labels", "mask"):
        return np.array(Image.fromarray(array).resize((width, height), Image.Resampling.NEAREST))
    if array.shape[2] == 3:
        return resize(array, width, height)
    # Pillow's 16-bit modes have no bicubic filter; float keeps every level.
    grey = Image.fromarray(array[..., 0].astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    most = np.iinfo(array.dtype).max
    resized: np.ndarray = np.array(grey).round().clip(0, most).astype(array.dtype)[..., None]
    return resized


def central_square(array: np.ndarray) -> np.ndarray:
    """Cut out the largest square in the middle: ``(H, W, ...)`` -> ``(S, S, ...)`` with ``S = min(H, W)``."""
    height, width = array.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(array[top : top + side, left : left + side])


def check_samples(
    samples: Sequence[Sample],
    fields: Sequence[Field],
    palette: Palette = (),
    progress: Callable[[int, int], None] | None = None,
) -> list[Fault]:
    """Decode every file of the samples in a few threads, and report all faults that would stop a training.

    Files found good are remembered in the user's folder by path, size and time of change, also when the check is
    interrupted: the next check only asks for their size and time.

    Args:
        progress: Called with the samples done and their number.

    Returns:
        The faults, in the order of the samples.
    """
    if not samples or not samples[0].files:
        return []
    folder = str(next(iter(samples[0].files.values())).parent.absolute())
    memory = user_directory() / "checked" / f"{hashlib.sha256(folder.encode()).hexdigest()[:16]}.txt"
    known = frozenset(memory.read_text(encoding="ascii", errors="ignore").split()) if memory.is_file() else frozenset()
    faults: list[Fault] = []
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for start in range(0, len(samples), _BLOCK):
            block = samples[start : start + _BLOCK]
            results = list(pool.map(lambda sample: _check(sample, fields, palette, known), block))
            faults += [fault for result in results if not isinstance(result, str) for fault in result]
            _remember(memory, [mark for mark in results if isinstance(mark, str) and mark not in known])
            if progress is not None:
                progress(start + len(block), len(samples))
    return faults


def _check(sample: Sample, fields: Sequence[Field], palette: Palette, known: frozenset[str]) -> list[Fault] | str:
    """The faults of a sample, or the mark by which a good one is known again."""
    arrays: dict[str, np.ndarray] = {}
    faults: list[Fault] = []
    try:
        mark = _mark(sample, fields, palette)
        if mark in known:
            return mark
        faulty: set[Path] = set()
        decoded: dict[object, np.ndarray] = {}
        for field in fields:
            if field.kind == "value" or sample.files.get(field.name) in faulty:
                continue
            try:
                arrays |= _read_files(sample, [field], palette, decoded)
            except ImageError as error:
                faults.append(Fault(error.path, error.reason))
                faulty.add(error.path)
        if not faults:
            _require_one_shape(sample, fields, arrays)
    except ImageError as error:
        faults.append(Fault(error.path, error.reason))
    except OSError as error:
        path = Path(error.filename or next(iter(sample.files.values())))
        faults.append(Fault(path, f"it cannot be read ({error.strerror}); check the path."))
    return faults or mark


def _mark(sample: Sample, fields: Sequence[Field], palette: Palette) -> str:
    digest = hashlib.blake2b(f"{_RULES} {list(fields)} {list(sample.files)}".encode(), digest_size=12)
    if any(field.kind == "labels" for field in fields):
        digest.update(f"{list(palette)}".encode())
    for path in dict.fromkeys(sample.files.values()):
        stat = path.stat()
        digest.update(f"\0{path.absolute()}\0{stat.st_size}\0{stat.st_mtime_ns}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _remember(memory: Path, marks: Sequence[str]) -> None:
    """Add marks. A line torn by a crash matches nothing; if the user's folder cannot be written, nothing is kept."""
    if not marks:
        return
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with memory.open("a", encoding="ascii") as stream:
            stream.write("\n".join(["", *marks, ""]))
    except OSError:
        return


@dataclass(frozen=True)
class CheckedSplits:
    """What a check of the splits of a dataset has found."""

    pairs: dict[str, int]
    """The number of samples in each split that has any."""
    unpaired: dict[str, dict[str, int]]
    """The number of images of each side, by its name, in each split that has unpaired images only."""
    faults: list[Fault]
    """In the order of the splits."""


def check_splits(
    dataset: Dataset, root: Path, progress: Callable[[str, int, int], None] | None = None
) -> CheckedSplits:
    """Check the splits of a dataset that are there, those of unpaired images too.

    Args:
        root: The folder of the dataset.
        progress: Called with the split (of unpaired images: the split and the side), samples done and their number.

    Returns:
        What is there, and every fault. A split whose layout is not understood is a fault as well, and does not keep
        the others from being checked.
    """
    checked = CheckedSplits({}, {}, [])

    def check(title: str, samples: Sequence[Sample], fields: Sequence[Field]) -> None:
        checked.faults.extend(check_samples(samples, fields, dataset.palette, progress and partial(progress, title)))

    for split in SPLITS:
        try:
            sides = find_unpaired(dataset, root, split)
            samples = find_samples(dataset, root, split) if sides is None else ()
        except I2IError as error:
            checked.faults.append(Fault(Path(split), str(error)))
            continue
        if samples:
            checked.pairs[split] = len(samples)
            check(split, samples, dataset.fields)
        for field, images in zip(side_fields(dataset), sides, strict=True) if sides else ():
            checked.unpaired.setdefault(split, {})[field.name] = len(images)
            check(f"{split} {field.name}", images, [field])
    return checked
