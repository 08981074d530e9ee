"""Sources: the samples of one split by number, from files on disk or from the dataset's own synthetic samples."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..api.dataset import Dataset
from ..api.errors import I2IError, PluginError, UsageError
from ..api.field import Field
from ..api.sample import Sample
from ..runtime.notes import note
from ..toolkit.files import user_directory
from .layouts import find_images, find_samples, find_sides, side_fields
from .samples import Palette, check_samples, read_sample

if TYPE_CHECKING:
    from ..api.device import Device

Choice = Literal["auto", "real", "drawn"]
IMAGE = Field("image")
"""The field of single images that lie in a folder."""
SEED = Field("seed", "value")
"""The field of trainers that make their samples themselves."""
TRAINING_SEEDS, VALIDATION_SEEDS = 65_536, 32
"""Seeds in an epoch, and in a validation: such trainers render images, which takes time."""


@dataclass
class Source(ABC):
    """The samples of one split, by number."""

    fields: tuple[Field, ...]
    """What each sample has."""
    kind: Literal["real", "drawn"]
    root: Path | None = None
    """Directory of the dataset; None for synthetic samples."""
    noun: str = "pairs"
    """What its samples are called in messages: pairs, images or samples."""

    @property
    def origin(self) -> str:
        """``kind`` as messages name it; records keep ``drawn``, as version 0.1 wrote it."""
        return "synthetic" if self.kind == "drawn" else self.kind

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples."""

    @abstractmethod
    def name(self, index: int) -> str:
        """Return what to call a sample in a grid or a file."""

    @abstractmethod
    def read(self, index: int, size: int) -> dict[str, np.ndarray]:
        """Read the fields of a sample at ``size`` x ``size`` pixels, as ``read_sample`` returns them."""


@dataclass
class RealSource(Source):
    """Samples in files."""

    samples: Sequence[Sample] = ()
    palette: Palette = ()
    square: bool = False
    """Whether the largest square in the middle is taken, as of single images of any shape."""

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.samples)

    def name(self, index: int) -> str:
        """Return the name of a sample."""
        return self.samples[index].name

    def read(self, index: int, size: int) -> dict[str, np.ndarray]:
        """Read the files of a sample."""
        return read_sample(self.samples[index], self.fields, size, self.palette, self.square)


@dataclass
class SyntheticSource(Source):
    """Synthetic samples; each depends only on the seed, the split and its number."""

    dataset: Dataset | None = None
    split: str = "train"
    seed: int = 0

    def __len__(self) -> int:
        """Return the number of synthetic samples in the split."""
        return self._dataset().drawn[self.split]

    def name(self, index: int) -> str:
        """Return the split and the number."""
        return f"drawn_{self.split}_{index:04d}"

    def read(self, index: int, size: int) -> dict[str, np.ndarray]:
        """Draw a sample."""
        if not 0 <= index < len(self):
            raise IndexError(f"the split {self.split} has {len(self)} synthetic samples, so there is no number {index}")
        dataset = self._dataset()
        rng = np.random.default_rng([self.seed, zlib.crc32(f"{dataset.name}/{self.split}".encode()), index])
        drawn = dataset.draw(rng, size)
        if isinstance(drawn, tuple | list):
            names = [field.name for field in dataset.fields if field.kind != "value"]
            drawn = dict(zip(names, drawn, strict=False))
        return {field.name: _check_synthetic(dataset, field, drawn.get(field.name), size) for field in self.fields}

    def _dataset(self) -> Dataset:
        if self.dataset is None:
            raise ValueError("a SyntheticSource needs a dataset")
        return self.dataset


@dataclass
class SeedSource(Source):
    """Numbers in place of samples, for trainers that make their samples themselves."""

    first: int = 0
    """The smallest number."""
    count: int = TRAINING_SEEDS

    def __len__(self) -> int:
        """Return how many numbers there are."""
        return self.count

    def name(self, index: int) -> str:
        """Return the number as text."""
        return f"seed_{self.first + index}"

    def read(self, index: int, size: int) -> dict[str, np.ndarray]:
        """Return a number, int64 without dimensions."""
        return {SEED.name: np.array(self.first + index, dtype=np.int64)}


def open_seeds(split: str) -> SeedSource:
    """Return the seeds of ``train`` or ``val``, which have none in common."""
    if split == "train":
        return SeedSource((SEED,), "drawn", noun="seeds")
    return SeedSource((SEED,), "drawn", noun="seeds", first=TRAINING_SEEDS, count=VALIDATION_SEEDS)


def _check_synthetic(dataset: Dataset, field: Field, array: np.ndarray | None, size: int) -> np.ndarray:
    """Return the synthetic value of a field in the form of ``read_sample``."""
    if field.kind == "value" and array is not None:
        return np.asarray(array, dtype=np.float32)
    wanted = (size, size, field.channels) if field.kind == "image" else (size, size)
    fits = isinstance(array, np.ndarray) and array.shape == wanted and array.dtype.kind in "bui"
    if not fits or not isinstance(array, np.ndarray):
        came = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise PluginError(
            f"The dataset {dataset.name!r} drew {came} for the field {field.name!r}, where integers {wanted} are "
            "expected; tell its author."
        )
    if field.kind == "image":
        return array if array.dtype == (np.uint16 if field.bits == 16 else np.uint8) else array.astype(np.uint8)
    return array.astype(np.uint8) if array.max(initial=0) <= 255 else array.astype(np.int32)


def select_fields(source: Source, fields: Sequence[Field], noun: str | None = None) -> Source:
    """Return the source with only some of its fields, which alone are read."""
    return replace(source, fields=tuple(fields), noun=noun or source.noun)


def find_root(dataset: Dataset, root: Path | None) -> Path:
    """Return the directory of a dataset: the root itself for the user's own, else ``root/NAME`` or the root if it fits.

    Args:
        root: ``--data-root``; None for the user's folder of datasets.
    """
    if root is None:
        return user_directory() / "datasets" / dataset.name
    named = root / dataset.name
    return root if dataset.own() or (not named.is_dir() and find_samples(dataset, root, "train")) else named


def open_source(dataset: Dataset, root: Path | None, split: str, source: Choice = "auto", seed: int = 0) -> Source:
    """Open a split of a dataset: the real samples if they are there, else the synthetic ones.

    Args:
        root: The folder in which datasets lie (``--data-root``); None for the folder that ``i2i datasets fetch`` fills.
            For the user's own images (``folder``: neither archive nor synthetic samples) it is the dataset itself.
        source: ``real`` refuses synthetic samples, ``drawn`` does not look for real ones.
        seed: Picks the synthetic samples.

    Raises:
        UsageError: The choice cannot be met, or the split is unknown.
        I2IError: The real dataset's layout is not understood.
    """
    folder = _folder(dataset, root, source)
    samples = find_samples(dataset, folder, split) if source != "drawn" else ()
    if samples:
        return RealSource(
            dataset.fields, "real", folder, _noun(dataset), samples=samples, palette=tuple(dataset.palette)
        )
    return _synthetic(dataset, folder, split, source, seed)


def open_images(dataset: Dataset, root: Path | None, split: str, source: Choice = "auto", seed: int = 0) -> Source:
    """Open a split for a trainer that learns from single images: any folder of the user's own images, else samples.

    Raises:
        UsageError: As ``open_source``.
        I2IError: As ``open_source``.
    """
    folder = _folder(dataset, root, source)
    if source != "drawn" and dataset.own() and not _has_pairs(dataset, folder):
        return RealSource((IMAGE,), "real", folder, "images", samples=find_images(folder, split), square=True)
    return open_source(dataset, root, split, source, seed)


def open_sides(
    dataset: Dataset, root: Path | None, split: str, source: Choice = "auto", seed: int = 0
) -> tuple[Source, Source]:
    """Open side A and side B of a split, which belong together in no way.

    Raises:
        UsageError: As ``open_source``.
        I2IError: As ``open_source``.
    """
    folder = _folder(dataset, root, source)
    a, b = side_fields(dataset)
    sides = find_sides(dataset, folder, split) if source != "drawn" else ((), ())
    if all(sides):
        palette = tuple(dataset.palette)
        one, other = (
            RealSource((field,), "real", folder, "images", samples=samples, palette=palette)
            for field, samples in zip((a, b), sides, strict=True)
        )
        return one, other
    synthetic = _synthetic(dataset, folder, split, source, seed)
    return select_fields(synthetic, (a,), "images"), select_fields(synthetic, (b,), "images")


def _folder(dataset: Dataset, root: Path | None, source: Choice) -> Path:
    if dataset.own() and root is None:
        raise UsageError(f"The dataset {dataset.name!r} has your own images: give their folder with --data-root DIR.")
    if root is not None and not root.is_dir() and source != "drawn":
        raise UsageError(f"--data-root {root} is not a folder; check the path.")
    return find_root(dataset, root)


def _synthetic(dataset: Dataset, folder: Path, split: str, source: Choice, seed: int) -> Source:
    if source == "real" or not dataset.drawn:
        raise I2IError(_missing_message(dataset, folder, split))
    if split not in dataset.drawn:
        splits = ", ".join(dataset.drawn)
        raise UsageError(f"{dataset.name} has no synthetic samples in the split {split!r}. It has: {splits}.")
    return SyntheticSource(
        tuple(dataset.fields), "drawn", None, _noun(dataset), dataset=dataset, split=split, seed=seed
    )


def _noun(dataset: Dataset) -> str:
    return "pairs" if tuple(dataset.fields) == Dataset.fields else "samples"


def _has_pairs(dataset: Dataset, folder: Path) -> bool:
    """Return whether the user's own images are pairs: folders A and B, or a layout that the class lists."""
    sides = (folder / "train" / side for side in ("A", "B"))
    kind = type(dataset)
    listed = kind.pairs is not Dataset.pairs or kind.samples is not Dataset.samples
    return listed or all(side.is_dir() for side in sides)


def usable(source: Source, skip_bad: bool, device: Device | None = None) -> Source:
    """Return the source without faulty samples; finds them before training starts.

    Args:
        skip_bad: Leave faulty samples out, saying how many, instead of refusing the dataset.
        device: Its first process prints the message.

    Raises:
        I2IError: There are faulty samples and they are not to be left out, or nothing else would be left.
    """
    if not isinstance(source, RealSource):
        return source
    faults = check_samples(source.samples, source.fields, source.palette)
    if not faults:
        return source
    bad = {fault.path for fault in faults}
    good = [sample for sample in source.samples if not bad & set(sample.files.values())]
    count = f"{len(source) - len(good)} of {len(source)} {source.noun}"
    if not skip_bad or not good:
        raise I2IError(f"{count} cannot be used, such as {faults[0].path}: {faults[0].reason}{_remedy(source, good)}")
    note(f"{count} are faulty and left out (--skip-bad)", device)
    return replace(source, samples=good)


def _remedy(source: RealSource, good: Sequence[Sample]) -> str:
    """What one can do about faulty files besides repairing them."""
    remedies = [] if source.noun == "images" else [f"list them all with 'i2i datasets check {source.root}'"]
    remedies += ["leave them out with --skip-bad"] if good else []
    text = ", or ".join(remedies)
    return f" {text[0].upper()}{text[1:]}." if text else ""


def _missing_message(dataset: Dataset, folder: Path, split: str) -> str:
    fetch = f"download the dataset from {dataset.homepage}, or " if dataset.homepage else ""
    if dataset.archive:
        fetch = f"fetch it with 'i2i datasets fetch {dataset.name}', or "
    return f"There are no pairs in {folder / split}: {fetch}put A|B images there, or into {split}/A and {split}/B."
