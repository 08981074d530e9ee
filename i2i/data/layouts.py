"""Layouts of a dataset on disk: find the samples of a split from the names of its files and folders."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..api.dataset import Dataset
from ..api.errors import I2IError
from ..api.field import Field
from ..api.sample import Sample
from ..toolkit.images import IMAGE_SUFFIXES

SPLITS = ("train", "val", "test")


def find_samples(dataset: Dataset, root: Path, split: str) -> Sequence[Sample]:
    """Return the samples of a split: those that the dataset lists, else those of the default layout.

    Raises:
        I2IError: The layout is not understood.
    """
    listed = dataset.samples(root, split)
    return find_pairs(root, split, *side_fields(dataset)) if listed is None else listed


def find_sides(dataset: Dataset, root: Path, split: str) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """Return the samples of side A and of side B, which belong together in no way; both empty if there are none.

    Raises:
        I2IError: The layout is not understood, or one side is empty.
    """
    return _sides(dataset, root, split, dataset.unpaired(root, split))


def _sides(
    dataset: Dataset, root: Path, split: str, listed: Mapping[str, Sequence[Path]] | None
) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """As ``find_sides``, from what the dataset lists of each side."""
    a, b = side_fields(dataset)
    if listed is None:
        listed = _unpaired_folders(root, split, (a.name, b.name))
    if listed is None:
        pairs = find_samples(dataset, root, split)
        return pairs, pairs
    sides = tuple([Sample(path.stem, {side.name: path}) for path in listed.get(side.name, ())] for side in (a, b))
    for side, samples in zip((a, b), sides, strict=True):
        if not samples:
            raise I2IError(f"{root} has no image of side {side.name} in the split {split}: add some.")
    return sides[0], sides[1]


def find_unpaired(dataset: Dataset, root: Path, split: str) -> tuple[Sequence[Sample], Sequence[Sample]] | None:
    """Return the samples of side A and of side B of a split that has unpaired images only; None for other splits.

    Raises:
        I2IError: The layout is not understood, or one side is empty.
    """
    if dataset.samples(root, split) is not None or sum(field.kind != "value" for field in dataset.fields) < 2:
        return None
    listed = dataset.unpaired(root, split)
    if listed is None and (root / split).is_dir():  # the layouts of pairs
        return None
    a, b = _sides(dataset, root, split, listed)
    return (a, b) if a or b else None


def side_fields(dataset: Dataset) -> tuple[Field, Field]:
    """Return the two fields that are side A and side B.

    Raises:
        I2IError: The dataset has fewer than two.
    """
    shown = [field for field in dataset.fields if field.kind != "value"]
    if len(shown) < 2:
        raise I2IError(f"The dataset {dataset.name!r} has no two sides; use a trainer that wants images or its fields.")
    return shown[0], shown[1]


def find_pairs(root: Path, split: str, a: Field | None = None, b: Field | None = None) -> list[Sample]:
    """Find pairs under ``root/split``: A|B images, or folders ``A`` and ``B`` with equal file names but for the suffix.

    Hidden files and files that are no images by name are skipped. In natural order (2 before 10), the same on
    every machine; empty if the directory is not there.

    Args:
        a: Field of side A, whose folder may also bear its name; None for the field "A".
        b: Likewise for side B.

    Raises:
        I2IError: No image in the directory, both layouts at once, an image without its other half, or two of one name.
    """
    names = (a.name if a else "A", b.name if b else "B")
    folder = Path(root) / split
    if not folder.is_dir():
        return []
    single = _images(folder)
    side_a, side_b = _side_folders(folder, names)
    if side_a.is_dir() != side_b.is_dir():
        missing = side_b if side_a.is_dir() else side_a
        raise I2IError(f"{folder} has no folder {missing.name}: put the other half of each pair into {missing}.")
    if not side_a.is_dir():
        if not single:
            raise I2IError(f"{folder} holds no image: put A|B images there, or into {side_a} and {side_b}.")
        return [Sample(name, dict.fromkeys(names, path)) for name, path in single.items()]
    if single:
        example = next(iter(single.values())).name
        raise I2IError(f"{folder} holds images ({example}) beside its folders A and B: remove the ones or the others.")
    return _match(side_a, side_b, names)


def _side_folders(folder: Path, names: tuple[str, str]) -> tuple[Path, Path]:
    """The folders of the two sides: those named after the fields if one is there, else ``A`` and ``B``."""
    named = folder / names[0], folder / names[1]
    return named if any(side.is_dir() for side in named) else (folder / "A", folder / "B")


def _match(side_a: Path, side_b: Path, names: tuple[str, str]) -> list[Sample]:
    a, b = _images(side_a), _images(side_b)
    for present, other, folder in ((a, b, side_b), (b, a, side_a)):
        if single := [path.name for name, path in present.items() if name not in other]:
            raise I2IError(
                f"{folder} lacks the other half of {_some(single)} from {'A' if present is a else 'B'}: add it under "
                "the same name, or remove the single ones."
            )
    if not a:
        raise I2IError(f"{side_a} and {side_b} hold no image: put the halves of each pair there under the same name.")
    return [Sample(name, {names[0]: path, names[1]: b[name]}) for name, path in a.items()]


def _unpaired_folders(root: Path, split: str, names: tuple[str, str]) -> dict[str, list[Path]] | None:
    """Files of the layouts ``trainA``, ``trainB`` and ``train/A``, ``train/B``; None if neither is there."""
    candidates = (
        (root / f"{split}A", root / f"{split}B"),
        _side_folders(root / split, names),
    )
    for folders in candidates:
        there = [folder for folder in folders if folder.is_dir()]
        if len(there) == 1:
            missing = next(folder for folder in folders if folder not in there)
            raise I2IError(f"{there[0]} is there but {missing} is not: put the images of the other side there.")
        if there:
            return {name: _tree(folder) for name, folder in zip(names, folders, strict=True)}
    return None


def _images(folder: Path) -> dict[str, Path]:
    """The images directly in a folder by stem, in natural order."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if is_image(entry.name) and entry.is_file()]
    paths = [folder / name for name in sorted(names, key=natural_order)]
    if doubled := [stem for stem, count in Counter(path.stem for path in paths).items() if count > 1]:
        raise I2IError(f"{folder} holds more than one image called {_some(doubled)}: keep one of each name.")
    return {path.stem: path for path in paths}


def find_images(root: Path, split: str = "train") -> list[Sample]:
    """Find all images below ``root/split``, or below ``root`` if that is not there, in natural order of their paths.

    Hidden files and folders, and files that are no images by name, are skipped. Each is the field ``"image"``.

    Raises:
        I2IError: There is none.
    """
    folder = root / split if (root / split).is_dir() else root
    paths = _tree(folder)
    if not paths:
        raise I2IError(
            f"{folder} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))}), nor do its folders; "
            "name one with --data-root."
        )
    return [Sample(path.relative_to(folder).as_posix(), {"image": path}) for path in paths]


def _tree(folder: Path) -> list[Path]:
    """All images below a folder, in natural order of their paths."""
    places: list[tuple[str, ...]] = []
    for directory, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        above = Path(directory).relative_to(folder).parts
        places += [(*above, name) for name in names if is_image(name)]
    places.sort(key=lambda parts: [natural_order(part) for part in parts])
    return [folder.joinpath(*parts) for parts in places]


def is_image(name: str) -> bool:
    """Return whether a file is an image by its name and not hidden."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 (100,000 times)


def natural_order(name: str) -> tuple[list[str | int], str]:
    """Return the key of natural order: 2 before 10."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if number % 2 else part for number, part in enumerate(parts)], name


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest
