"""Batches are a function of seed and step: the same after a resume, in any number of threads and processes."""

from __future__ import annotations

import numpy as np
import pytest

from i2i.api.dataset import Dataset
from i2i.data.batches import Augmentation, Batches, Cache, Column, MemoryBudget, SampleGroup
from i2i.data.sources import Source
from i2i.runtime.device import TorchDevice


class Numbered(Source):
    """Pairs that know their number: A is a gradient plus the number, B its negative."""

    def __init__(self, count: int = 10) -> None:
        super().__init__(Dataset.fields, "real")
        self.count, self.reads = count, []

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return str(index)

    def read(self, index: int, size: int) -> dict[str, np.ndarray]:
        self.reads.append(index)
        ramp = np.arange(size, dtype=np.uint8)
        a = np.stack([ramp[:, None] + 0 * ramp, ramp + 0 * ramp[:, None], np.full((size, size), index)], axis=2)
        return {"A": a.astype(np.uint8), "B": (255 - a).astype(np.uint8)}


def group(source=None, direction="AtoB") -> SampleGroup:
    a, b = Dataset.fields if direction == "AtoB" else Dataset.fields[::-1]
    return SampleGroup(source or Numbered(), (Column("input", a), Column("target", b)))


def batches(source=None, rank=0, world=1, direction="AtoB", **options) -> Batches:
    device = TorchDevice("cpu", rank=rank, world=world)
    given = {"batch": 2, "size": 32, "load_size": 40, "flip": True, "seed": 5, **options}
    return Batches([group(source, direction)], device=device, **given)


def test_a_pass_shows_every_pair_once_and_passes_differ():
    made = batches()
    passes = [
        [int(picture[0, 0, 2]) for step in range(first, first + 5) for picture in made.read(step)["input"]]
        for first in (1, 6)
    ]
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(10))
    assert passes[0] != passes[1]


def test_both_sides_are_cut_and_mirrored_alike():
    made = batches()
    cuts = set()
    for step in range(1, 30):
        arrays = made.read(step)
        assert arrays["input"].shape == (2, 32, 32, 3) and arrays["input"].dtype == np.uint8
        assert np.array_equal(arrays["input"], 255 - arrays["target"])
        cuts |= {(int(p[0, 0, 0]), int(p[0, 0, 1]), int(p[0, 1, 1]) > int(p[0, 0, 1])) for p in arrays["input"]}
    assert {mirrored for *_, mirrored in cuts} == {True, False}
    assert {row for row, *_ in cuts} >= {0, 8} and max(row for row, *_ in cuts) == 8


def test_a_step_does_not_depend_on_what_was_read_before():
    late, straight = batches(), batches()
    for step in range(1, 7):
        straight.read(step)
    assert np.array_equal(late.read(7)["input"], straight.read(7)["input"])
    assert not np.array_equal(late.read(7)["input"], batches(seed=6).read(7)["input"])


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_the_stream_is_the_same_in_any_number_of_threads(workers):
    streamed = [batch["target"] for batch in batches(workers=workers).stream(2, 9)]
    made = batches()
    assert len(streamed) == 7
    for step, tensor in enumerate(streamed, start=3):
        wanted = made.read(step)["target"].transpose(0, 3, 1, 2) / np.float32(127.5) - 1
        assert np.allclose(tensor.numpy(), wanted, atol=1e-6)


def test_processes_see_together_what_one_would_see_alone():
    alone = batches(batch=4).read(3)["input"]
    shares = [batches(batch=4, rank=rank, world=2).read(3)["input"] for rank in (0, 1)]
    assert np.array_equal(np.concatenate(shares), alone)


def test_direction_swaps_the_sides():
    forth, back = batches().read(1), batches(direction="BtoA").read(1)
    assert np.array_equal(forth["input"], back["target"]) and np.array_equal(forth["target"], back["input"])


def test_a_failure_in_a_thread_reaches_the_caller():
    class Broken(Numbered):
        def read(self, index, size):
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        next(iter(batches(Broken(), workers=2).stream(0, 5)))


def test_the_cache_keeps_what_fits():
    source = Numbered()
    cache = Cache(group(source), 290, MemoryBudget(1))  # a pair takes a little under half a MiB
    for _ in range(2):
        for index in range(3):
            cache[index]
    assert source.reads == [0, 1, 2, 2]


def test_augmentation_looks_for_no_newer_version(monkeypatch):
    import os

    Augmentation(8, True, group().columns)
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"]
