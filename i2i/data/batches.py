"""Batches of pairs or pictures: cached, cropped and mirrored alike on both sides, and a pure function of seed and step.

Step ``s`` always sees the same pictures cut in the same way, whatever was read before it, in however many processes
and threads. A resumed run therefore goes on exactly, and two processes see together what one would see alone.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..api.dataset import Direction
from ..api.device import Device
from .sources import Source

if TYPE_CHECKING:
    from torch import Tensor

Arrays = dict[str, np.ndarray]


class Cache:
    """Decoded pairs of one size, kept in memory while they fit."""

    def __init__(self, source: Source, size: int, megabytes: int) -> None:
        self.source, self.size = source, size
        self._room = megabytes * 2**20
        self._pairs: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._lock = threading.Lock()

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if (kept := self._pairs.get(index)) is not None:
            return kept
        pair = self.source.read(index, self.size)
        needed = pair[0].nbytes + (0 if pair[1] is pair[0] else pair[1].nbytes)
        with self._lock:
            if index not in self._pairs and needed <= self._room:
                self._pairs[index] = pair
                self._room -= needed
        return pair


class Augmentation:
    """A random crop and a mirror image, the same for both sides, drawn from a seed of its own for each pair."""

    def __init__(self, size: int, flip: bool) -> None:
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would look for a newer version on the network
        import albumentations

        steps: list[Any] = [albumentations.RandomCrop(size, size)]
        if flip:
            steps.append(albumentations.HorizontalFlip(p=0.5))
        self._compose = albumentations.Compose(steps, additional_targets={"target": "image"})
        self._lock = threading.Lock()

    def __call__(self, source: np.ndarray, target: np.ndarray, *seed: int) -> tuple[np.ndarray, np.ndarray]:
        with self._lock:  # the seed is state of the whole pipeline
            self._compose.set_random_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
            if source is target:
                one = self._compose(image=source)["image"]
                return one, one
            both = self._compose(image=source, target=target)
        return both["image"], both["target"]


class Batches:
    """The batches of a training run, by step."""

    def __init__(
        self,
        source: Source,
        *,
        batch: int,
        size: int,
        load_size: int,
        flip: bool,
        direction: Direction,
        seed: int,
        device: Device,
        only: int | None = None,
        cache_mb: int = 2000,
        workers: int = 1,
    ) -> None:
        """``batch`` counts the pairs of all processes; ``only`` keeps the first pairs of the source."""
        self.cache = Cache(source, load_size, cache_mb)
        self.pairs = min(len(source), only or len(source))
        self.batch, self.seed, self.device = batch, seed, device
        self.swap = direction == "BtoA"
        self.workers = workers
        self._augment = Augmentation(size, flip) if load_size > size or flip else None
        self._order = lru_cache(maxsize=2)(self._draw_order)

    def epoch(self, step: int) -> float:
        """Passes over the set after ``step`` steps."""
        return step * self.batch / self.pairs

    def stream(self, after: int, until: int) -> Iterator[dict[str, Tensor]]:
        """The batches of steps ``after + 1`` to ``until``, prepared ahead: ``{"input", "target"}`` on the device."""
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
        """This process's share of the batch of a step, uint8 ``(N, H, W, 3)`` each."""
        share = self.batch // self.device.world
        first = (step - 1) * self.batch + self.device.rank * share
        return _stack([self._pair(position) for position in range(first, first + share)])

    def place(self, arrays: Arrays) -> dict[str, Tensor]:
        """To the device, float32 in [-1, 1]."""
        return _place(arrays, self.device)

    def _pair(self, position: int) -> tuple[np.ndarray, np.ndarray]:
        """The input and target at a position of the endless sequence of shuffled passes."""
        epoch, place = divmod(position, self.pairs)
        a, b = self.cache[int(self._order(epoch)[place])]
        source, target = (b, a) if self.swap else (a, b)
        return self._augment(source, target, self.seed, position) if self._augment else (source, target)

    def _draw_order(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, epoch]).permutation(self.pairs)


def fixed_batches(
    source: Source, size: int, direction: Direction, batch: int, device: Device, indices: Sequence[int]
) -> Iterator[tuple[list[str], dict[str, Tensor]]]:
    """Pairs as they are, in order: their names and ``{"input", "target"}`` on the device."""
    for start in range(0, len(indices), batch):
        chosen = indices[start : start + batch]
        pairs = [source.read(index, size) for index in chosen]
        arrays = _stack([(b, a) if direction == "BtoA" else (a, b) for a, b in pairs])
        yield [source.name(index) for index in chosen], _place(arrays, device)


def _stack(pairs: list[tuple[np.ndarray, np.ndarray]]) -> Arrays:
    inputs, targets = zip(*pairs, strict=True)
    stacked = np.stack(inputs)
    alike = all(one is other for one, other in pairs)  # single pictures
    return {"input": stacked, "target": stacked if alike else np.stack(targets)}


def _place(arrays: Arrays, device: Device) -> dict[str, Tensor]:
    put = device.put(arrays["input"])
    return {"input": put, "target": put if arrays["target"] is arrays["input"] else device.put(arrays["target"])}
