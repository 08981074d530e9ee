"""Batches: samples cached, cropped and mirrored, as a pure function of seed and step.

Step ``s`` always sees the same samples with the same crops, whatever was read before it, in however many processes
and threads. A resumed run therefore continues exactly, and two processes see together what one would see alone.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..api.device import Device
from ..api.field import Field
from .pixels import paint_labels
from .samples import Palette
from .sources import Source

if TYPE_CHECKING:
    from torch import Tensor

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Column:
    """One entry of a batch: its key, and the field of the source that fills it."""

    key: str
    field: Field
    palette: Palette | None = None
    """Paint labels and masks in colour, for trainers that want images; None: leave them as they are."""

    @property
    def shown(self) -> Field:
        """The field as it is in the batch."""
        return self.field if self.palette is None else Field(self.field.name)


@dataclass(frozen=True)
class SampleGroup:
    """Entries of a batch that come from one sample: shuffled, cropped and mirrored together."""

    source: Source
    columns: tuple[Column, ...]
    seeds: tuple[int, ...] = ()
    """Appended to every seed, so that the groups of a batch are shuffled independently."""

    def read(self, index: int, size: int) -> Arrays:
        """Read a sample by the keys of the batch."""
        arrays = self.source.read(index, size)
        return {column.key: _paint(arrays[column.field.name], column) for column in self.columns}


def _paint(array: np.ndarray, column: Column) -> np.ndarray:
    if column.palette is None:
        return array
    if column.field.kind == "mask":
        return np.repeat(array[..., None] * np.uint8(255), 3, axis=2)
    return paint_labels(array, column.palette)


class Cache:
    """Decoded samples of one size, kept in memory while there is room."""

    def __init__(self, group: SampleGroup, size: int, budget: MemoryBudget) -> None:
        self.group, self.size = group, size
        self._budget = budget
        self._samples: dict[int, Arrays] = {}
        self._lock = threading.Lock()

    def __getitem__(self, index: int) -> Arrays:
        if (kept := self._samples.get(index)) is not None:
            return kept
        sample = self.group.read(index, self.size)
        with self._lock:
            if index not in self._samples and self._budget.take(sum(array.nbytes for array in sample.values())):
                self._samples[index] = sample
        return sample


class MemoryBudget:
    """Memory that caches share."""

    def __init__(self, megabytes: int) -> None:
        self._left = megabytes * 2**20
        self._lock = threading.Lock()

    def take(self, needed: int) -> bool:
        """Reserve bytes; return False if there are not so many left."""
        with self._lock:
            if needed > self._left:
                return False
            self._left -= needed
            return True


class Augmentation:
    """A random crop and a mirror image, the same for all entries, from the seed of each sample."""

    def __init__(self, size: int, flip: bool, columns: Sequence[Column]) -> None:
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would look for a newer version on the network
        import albumentations

        steps: list[Any] = [albumentations.RandomCrop(size, size)]
        if flip:
            steps.append(albumentations.HorizontalFlip(p=0.5))
        fields = {column.key: column.shown for column in columns if column.field.kind != "value"}
        # albumentations needs an "image"; the first entry stands for it, whatever its kind.
        keys = sorted(fields, key=lambda key: fields[key].kind != "image")
        self._names = {key: "image" if number == 0 else f"entry{number}" for number, key in enumerate(keys)}
        kinds = {
            name: "image" if fields[key].kind == "image" else "mask"
            for key, name in self._names.items()
            if name != "image"
        }
        self._compose = albumentations.Compose(steps, additional_targets=kinds)
        self._lock = threading.Lock()

    def __call__(self, arrays: Arrays, *seeds: int) -> Arrays:
        """Crop and mirror the arrays of one sample."""
        if not self._names:
            return arrays
        with self._lock:  # the seed is state of the whole pipeline
            self._compose.set_random_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))
            changed = self._compose(**{name: arrays[key] for key, name in self._names.items()})
        return arrays | {key: changed[name] for key, name in self._names.items()}


class Batches:
    """The batches of a training run, by step."""

    def __init__(
        self,
        groups: Sequence[SampleGroup],
        *,
        batch: int,
        size: int,
        load_size: int,
        flip: bool,
        seed: int,
        device: Device,
        only: int | None = None,
        cache_mb: int = 2000,
        workers: int = 1,
    ) -> None:
        """``batch`` counts the samples of all processes; ``only`` keeps the first samples of each group."""
        budget = MemoryBudget(cache_mb)
        self.groups = tuple(groups)
        self._caches = [Cache(group, load_size, budget) for group in groups]
        self._counts = [min(len(group.source), only or len(group.source)) for group in groups]
        self.count = max(self._counts)
        """Samples in an epoch: those of the largest group."""
        self.batch, self.seed, self.device = batch, seed, device
        self.workers = workers
        augmented = load_size > size or flip
        self._augment = [Augmentation(size, flip, group.columns) if augmented else None for group in groups]
        self._order = lru_cache(maxsize=2 * len(groups))(self._draw_order)

    def epoch(self, step: int) -> float:
        """Return the passes over the dataset after ``step`` steps."""
        return step * self.batch / self.count

    def stream(self, after: int, until: int) -> Iterator[dict[str, Tensor]]:
        """Yield the batches of steps ``after + 1`` to ``until``, prepared ahead, on the device."""
        if not self.workers:
            for step in range(after + 1, until + 1):
                yield self.place(self.read(step))
            return
        ahead: deque[Future[Arrays]] = deque()
        with ThreadPoolExecutor(self.workers, thread_name_prefix="batches") as pool:
            try:
                for step in range(after + 1, until + 1):
                    ahead.append(pool.submit(self.read, step))
                    if len(ahead) > 2 * self.workers:
                        yield self.place(ahead.popleft().result())
                while ahead:
                    yield self.place(ahead.popleft().result())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def read(self, step: int) -> Arrays:
        """Read this process's part of the batch of a step: stacked arrays by key."""
        count = self.batch // self.device.world
        first = (step - 1) * self.batch + self.device.rank * count
        arrays: Arrays = {}
        for number in range(len(self.groups)):
            arrays |= _stack([self._sample(number, position) for position in range(first, first + count)])
        return arrays

    def place(self, arrays: Arrays) -> dict[str, Tensor]:
        """Move a batch to the device."""
        return place_batch(arrays, self.groups, self.device)

    def _sample(self, number: int, position: int) -> Arrays:
        """The sample of a group at a position of the endless sequence of shuffled epochs."""
        epoch, place = divmod(position, self._counts[number])
        arrays = self._caches[number][int(self._order(number, epoch)[place])]
        augment = self._augment[number]
        return augment(arrays, self.seed, position, *self.groups[number].seeds) if augment else arrays

    def _draw_order(self, number: int, epoch: int) -> np.ndarray:
        seeds = self.groups[number].seeds
        return np.random.default_rng([self.seed, epoch, *seeds]).permutation(self._counts[number])


def fixed_batches(
    groups: Sequence[SampleGroup], size: int, batch: int, device: Device, count: int
) -> Iterator[dict[str, Tensor]]:
    """Yield the first ``count`` samples as they are, in order; a smaller group starts again when it ends."""
    for start in range(0, count, batch):
        arrays: Arrays = {}
        for group in groups:
            chosen = [index % len(group.source) for index in range(start, min(start + batch, count))]
            arrays |= _stack([group.read(index, size) for index in chosen])
        yield place_batch(arrays, groups, device)


def _stack(samples: Sequence[Arrays]) -> Arrays:
    return {key: np.stack([sample[key] for sample in samples]) for key in samples[0]}


def place_batch(arrays: Mapping[str, np.ndarray], groups: Sequence[SampleGroup], device: Device) -> dict[str, Tensor]:
    """Move stacked arrays to the device, in the form that ``Field`` states; single images are input and target."""
    batch = {
        column.key: place_field(arrays[column.key], column.shown, device)
        for group in groups
        for column in group.columns
    }
    if list(batch) == ["target"]:
        return {"input": batch["target"], "target": batch["target"]}
    return batch


def place_field(array: np.ndarray, field: Field, device: Device) -> Tensor:
    """Move stacked arrays of one field to the device: what ``Field`` says of its kind in a batch."""
    import torch

    if field.kind == "image" and array.dtype == np.uint8:
        return device.put(array)
    if array.dtype == np.int64:  # seeds
        return torch.from_numpy(array).to(device)
    if field.kind == "labels":
        return torch.from_numpy(array).to(device).long()
    if field.kind == "image":
        tensor = torch.from_numpy(array.astype(np.float32)).to(device)
        return tensor.permute(0, 3, 1, 2).div_(32767.5).sub_(1)
    tensor = torch.from_numpy(array.astype(np.float32)).to(device)
    return tensor[:, None] if field.kind == "mask" else tensor
