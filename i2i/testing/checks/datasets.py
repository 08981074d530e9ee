"""Contract test of datasets, and datasets of random samples with given fields."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...api.dataset import Dataset
from ...api.errors import I2IError, PluginError
from ...api.field import Field
from ...api.sample import Sample
from ...data.layouts import find_samples, find_sides
from ...data.sources import open_source
from ..stand_ins import draw_photo
from .contract_run import TRAINING_SIZE, ContractRun, RequirementMissing


def check_dataset(run: ContractRun) -> None:
    """Draw synthetic samples and find real ones."""
    dataset: Dataset = run.build()
    assert dataset.licence, "state the licence"
    for split in dataset.drawn:
        _check_synthetic(dataset, split)
    root = run.root or _write_layout(run, dataset)
    samples = _found_samples(run, dataset, root)
    assert len({sample.name for sample in samples}) == len(samples), "two samples have one name"
    opened = open_source(dataset, root, "train", "real")
    sample = opened.read(0, TRAINING_SIZE)
    assert sample.keys() == {each.name for each in dataset.fields}
    absent = run.folder / "nothing"
    assert not find_samples(dataset, absent, "train"), "samples are found in a directory that does not exist"


def _found_samples(run: ContractRun, dataset: Dataset, root: Path) -> Sequence[Sample]:
    """Return the samples of the split ``train``, after the two sides of unpaired images were found.

    Raises:
        RequirementMissing: the dataset has a layout of its own, and its author gives no directory.
    """
    try:
        samples = find_samples(dataset, root, "train")
        sides = find_sides(dataset, root, "train")
    except I2IError as error:
        if run.root is not None or isinstance(error, PluginError):
            raise
        samples, sides = (), ((), ())
    if not samples and run.root is None:
        raise RequirementMissing(f"dataset {run.name!r} has a layout of its own: give a directory in `roots`")
    assert samples and all(sides), f"no sample was found in {root}"
    return samples


def _check_synthetic(dataset: Dataset, split: str) -> None:
    assert dataset.drawn[split] > 0, f"the split {split} has no synthetic sample"
    source = open_source(dataset, None, split, "drawn")
    first, again, second = (source.read(number, TRAINING_SIZE) for number in (0, 0, len(source) - 1))
    for name, array in first.items():
        assert np.array_equal(array, again[name]), f"{name} differs between two draws with the same random numbers"
    if len(source) > 1:
        assert any(not np.array_equal(array, second[name]) for name, array in first.items()), "all samples are equal"


def _write_layout(run: ContractRun, dataset: Dataset) -> Path:
    """Write two samples in the default layout: a directory for each field."""
    rng = np.random.default_rng(0)
    for number in range(2):
        for each in dataset.fields:
            if each.kind != "value":
                path = run.folder / "real" / "train" / each.name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_field(path, random_field(each, rng, TRAINING_SIZE))
    return run.folder / "real"


def dataset_of(wanted: tuple[Field, ...]) -> type[Dataset]:
    """Return a dataset of random samples with these fields."""

    class TinyFields(Dataset):
        name = "tiny-fields"
        summary = "Random samples with the fields of a trainer."
        fields = wanted
        classes = tuple(f"class {number}" for number in range(max(map(_classes, wanted))))
        palette = tuple((40 * number % 256, 90, 200) for number in range(len(classes)))
        drawn = {"train": 4, "val": 2}

        def draw(self, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
            return {each.name: random_field(each, rng, size) for each in wanted}

    return TinyFields


def _classes(field: Field) -> int:
    return (field.classes or 2) if field.kind == "labels" else 0


def random_field(field: Field, rng: np.random.Generator, size: int) -> np.ndarray:
    if field.kind == "value":
        return rng.random(1).astype(np.float32)
    if field.kind == "labels":
        return rng.integers(0, _classes(field), (size, size)).astype(np.uint8)
    if field.kind == "mask":
        return (rng.random((size, size)) > 0.5).astype(np.uint8)
    photo = draw_photo(rng, size)[..., : field.channels]
    return photo.astype(np.uint16) * 257 if field.bits == 16 else photo


def write_field(path: Path, array: np.ndarray) -> None:
    """Write an image, label map or mask as a PNG file of its own channels and bits."""
    from PIL import Image

    Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array).save(path)
