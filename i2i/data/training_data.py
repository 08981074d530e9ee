"""Training data: from a dataset and what a trainer wants to the groups of its batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..api.dataset import Dataset, Direction
from ..api.device import Device
from ..api.errors import UsageError
from ..api.field import Field
from ..api.trainer import DataInfo, Trainer
from .batches import Column, SampleGroup
from .layouts import find_samples, find_sides, side_fields
from .samples import Palette
from .sources import SEED, Choice, Source, open_images, open_seeds, open_sides, open_source, select_fields, usable


@dataclass(frozen=True)
class TrainingData:
    """A split of a dataset in the form of a trainer's batches."""

    groups: tuple[SampleGroup, ...]
    """One group; of unpaired images one for each side."""

    def __len__(self) -> int:
        """Return the number of samples in an epoch."""
        return max(len(group.source) for group in self.groups)

    @property
    def source(self) -> Source:
        """The source of the first group, for what all groups share: kind, root and noun."""
        return self.groups[0].source

    @property
    def counts(self) -> list[int]:
        """The number of samples in each group."""
        return [len(group.source) for group in self.groups]

    def usable(self, skip_bad: bool, device: Device) -> TrainingData:
        """Return the data without faulty samples; raises as ``i2i.data.sources.usable``."""
        return TrainingData(
            tuple(
                SampleGroup(usable(group.source, skip_bad, device), group.columns, group.seeds) for group in self.groups
            )
        )


def open_data(
    kind: type[Trainer],
    dataset: Dataset,
    root: Path | None,
    split: str,
    source: Choice,
    seed: int,
    direction: Direction,
) -> TrainingData:
    """Open a split of a dataset for a trainer.

    Args:
        kind: The trainer's class, whose ``wants`` decides.
        root: ``--data-root``.
        source: Real or synthetic samples.
        seed: Picks the synthetic samples.

    Raises:
        UsageError: The dataset has not what the trainer wants, or the choice cannot be met.
        I2IError: The layout is not understood.
    """
    learning = kind.learns_from()
    if learning == "unpaired":
        sides = open_sides(dataset, root, split, source, seed)
        first, second = sides if direction == "AtoB" else sides[::-1]
        return TrainingData(
            (
                SampleGroup(first, (_column("input", first.fields[0], dataset.palette),)),
                SampleGroup(second, (_column("target", second.fields[0], dataset.palette),), seeds=(1,)),
            )
        )
    if learning == "images":
        opened = open_images(dataset, root, split, source, seed)
        field = opened.fields[0] if len(opened.fields) == 1 else _by_direction(dataset, direction)[1]
        chosen = select_fields(opened, (field,), "images")
        return TrainingData((SampleGroup(chosen, (_column("target", field, dataset.palette),)),))
    if learning == "fields":
        fields = _wanted_fields(kind, dataset)
        opened = select_fields(open_source(dataset, root, split, source, seed), fields)
        return TrainingData((SampleGroup(opened, tuple(Column(field.name, field) for field in fields)),))
    return open_pairs(dataset, root, split, source, seed, direction)


def seed_data(split: str) -> TrainingData:
    """Return the seeds of a split, for a trainer without a dataset."""
    return TrainingData((SampleGroup(open_seeds(split), (Column(SEED.name, SEED),)),))


def open_pairs(
    dataset: Dataset, root: Path | None, split: str, source: Choice, seed: int, direction: Direction
) -> TrainingData:
    """Open a split as pairs of input and target; raises as ``open_data``."""
    fields = _by_direction(dataset, direction)
    opened = select_fields(open_source(dataset, root, split, source, seed), side_fields(dataset))
    columns = zip(("input", "target"), fields, strict=True)
    return TrainingData((SampleGroup(opened, tuple(_column(key, field, dataset.palette) for key, field in columns)),))


def has_split(kind: type[Trainer], dataset: Dataset, data: TrainingData, split: str) -> bool:
    """Return whether the dataset that ``data`` was opened from has another split for the trainer."""
    root = data.source.root
    if root is None:
        return bool(dataset.drawn.get(split))
    if kind.learns_from() == "unpaired":
        return all(find_sides(dataset, root, split))
    if kind.learns_from() == "images" and data.source.fields == (Field("image"),):
        return (root / split).is_dir()
    return bool(find_samples(dataset, root, split))


def describe_data(data: TrainingData, dataset: Dataset | None, direction: Direction, size: int) -> DataInfo:
    """Return the facts about the data for the trainer; ``dataset`` is None where it needs none."""
    return DataInfo(
        fields=tuple(_field_of_column(column) for group in data.groups for column in group.columns),
        classes=tuple(dataset.classes) if dataset else (),
        palette=tuple(dataset.palette) if dataset else (),
        direction=direction,
        size=size,
    )


def _field_of_column(column: Column) -> Field:
    shown = column.shown
    return Field(column.key, shown.kind, shown.channels, shown.bits, shown.classes)


def _by_direction(dataset: Dataset, direction: Direction) -> tuple[Field, Field]:
    a, b = side_fields(dataset)
    return (a, b) if direction == "AtoB" else (b, a)


def _column(key: str, field: Field, palette: Palette) -> Column:
    """An entry that is an image: label maps and masks are painted."""
    return Column(key, field, None if field.kind == "image" else palette)


def _wanted_fields(kind: type[Trainer], dataset: Dataset) -> Sequence[Field]:
    """The dataset's own fields that a trainer names."""
    wanted = kind.wants if isinstance(kind.wants, tuple) else ()
    declared = {field.name: field for field in dataset.fields}
    for field in wanted:
        own = declared.get(field.name)
        if own is None or own.kind != field.kind:
            there = ", ".join(f"{name} ({each.kind})" for name, each in declared.items())
            raise UsageError(
                f"The trainer {kind.name!r} needs the field {field.name!r} of kind {field.kind}, and the dataset "
                f"{dataset.name!r} has: {there}; choose another --dataset."
            )
        if field.kind == "image" and own.channels != field.channels:
            raise UsageError(
                f"The trainer {kind.name!r} needs the field {field.name!r} with {field.channels} channels, and the "
                f"dataset {dataset.name!r} has {own.channels}; choose another --dataset."
            )
    return [declared[field.name] for field in wanted]
