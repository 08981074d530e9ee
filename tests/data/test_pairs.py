"""Pairs are found in a fixed order, read as two sides, and every bad one is found before training."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2i import I2IError, Pair
from i2i.api.dataset import Dataset
from i2i.api.sample import Sample
from i2i.data import samples
from i2i.data.layouts import find_pairs
from i2i.data.samples import Fault, check_samples, check_splits, read_sample
from i2i.toolkit.images import ImageError


def read(sample: Sample, size: int | None = None) -> list[np.ndarray]:
    return list(read_sample(sample, Dataset.fields, size).values())


def check(found: list[Sample], progress: Callable[[int, int], None] | None = None) -> list[Fault]:
    return check_samples(found, Dataset.fields, progress=progress)


def _save(path: Path, width: int = 32, height: int = 16, colour: tuple[int, int, int] = (200, 0, 0)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), colour).save(path)
    return path


def test_side_by_side_pictures_in_natural_order(tmp_path: Path) -> None:
    for name in ("10.jpg", "9.PNG", "1.webp", "notes.txt", ".hidden.jpg", "._1.png"):
        (tmp_path / "train").mkdir(exist_ok=True)
        (tmp_path / "train" / name).write_bytes(b"unread")
    (tmp_path / "train" / "folder.jpg").mkdir()
    found = find_pairs(tmp_path, "train")
    assert [(pair.name, *(path.name for path in pair.files.values())) for pair in found] == [
        ("1", "1.webp", "1.webp"),
        ("9", "9.PNG", "9.PNG"),
        ("10", "10.jpg", "10.jpg"),
    ]


def test_two_folders_are_paired_by_stem(tmp_path: Path) -> None:
    for name in ("A/b2.jpg", "A/b10.JPG", "A/a.png", "B/a.tif", "B/b2.png", "B/b10.bmp"):
        _save(tmp_path / "val" / name)
    found = find_pairs(tmp_path, "val")
    assert [pair.name for pair in found] == ["a", "b2", "b10"]
    assert [pair.files["B"].name for pair in found] == ["a.tif", "b2.png", "b10.bmp"]


def test_a_split_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert find_pairs(tmp_path, "test") == []


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["readme.txt"], "holds no image"),
        (["A/1.jpg"], "has no folder B"),
        (["B/1.jpg"], "has no folder A"),
        (["A/x.txt", "B/x.txt"], "hold no image"),
        (["A/1.jpg", "A/2.jpg", "B/1.jpg"], r"B lacks the other half of 2\.jpg from A"),
        (
            ["A/1.jpg", *(f"B/{n}.jpg" for n in range(1, 7))],
            r"A lacks the other half of 2\.jpg, 3\.jpg, 4\.jpg and 2 more",
        ),
        (["A/1.jpg", "A/1.png", "B/1.jpg"], "more than one image called 1:"),
        (["1.jpg", "1.png"], "more than one image called 1:"),
        (["A/1.jpg", "B/1.jpg", "stray.jpg"], r"stray\.jpg"),
    ],
)
def test_layouts_that_cannot_be_meant_are_refused(tmp_path: Path, names: list[str], said: str) -> None:
    for name in names:
        path = tmp_path / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with pytest.raises(I2IError, match=said):
        find_pairs(tmp_path, "train")


def test_side_by_side_is_split_at_half_width(tmp_path: Path) -> None:
    both = np.zeros((64, 129, 3), np.uint8)
    both[:, :64], both[:, 65:] = (255, 0, 0), (0, 0, 255)  # the column in the middle belongs to neither side
    pair = Pair("odd", _save_array(tmp_path / "odd.png", both))
    for size, shape in ((None, (64, 64, 3)), (8, (8, 8, 3))):
        a, b = read(pair, size)
        assert a.shape == b.shape == shape
        assert (a == (255, 0, 0)).all() and (b == (0, 0, 255)).all()


def _save_array(path: Path, array: np.ndarray) -> Path:
    Image.fromarray(np.ascontiguousarray(array)).save(path)
    return path


@pytest.mark.parametrize(("width", "good"), [(196, False), (197, True), (200, True), (203, True), (205, False)])
def test_side_by_side_must_be_twice_as_wide_as_high_within_two_percent(tmp_path: Path, width: int, good: bool) -> None:
    pair = Pair("x", _save(tmp_path / "x.png", width, 100))
    if good:
        assert [side.shape for side in read(pair)] == [(100, width // 2, 3)] * 2
    else:
        with pytest.raises(ImageError, match=rf"{width} x 100 pixels.*folders of their own"):
            read(pair)


def test_two_files_need_one_shape_but_not_one_size(tmp_path: Path) -> None:
    a = _save(tmp_path / "a.png", 40, 20)
    sides = read(Pair("x", a, _save(tmp_path / "b.png", 80, 40, (0, 9, 0))), 16)
    assert [side.shape for side in sides] == [(16, 16, 3)] * 2 and sides[1][0, 0].tolist() == [0, 9, 0]
    with pytest.raises(ImageError, match=r"b2\.png: it is 80 x 30 pixels and its A is 40 x 20"):
        read(Pair("x", a, _save(tmp_path / "b2.png", 80, 30)))


def _set_with_faults(root: Path) -> list[Path]:
    for number in range(70):
        _save(root / "train" / f"{number}.png")
    _save(root / "train" / "3.png", 20, 20)
    cut = root / "train" / "66.png"
    cut.write_bytes(cut.read_bytes()[:-30])
    (root / "train" / "5.png").write_bytes(b"")
    return [root / "train" / name for name in ("3.png", "5.png", "66.png")]


def test_every_fault_is_named_in_order(tmp_path: Path) -> None:
    bad = _set_with_faults(tmp_path)
    seen: list[tuple[int, int]] = []
    faults = check(find_pairs(tmp_path, "train"), lambda done, total: seen.append((done, total)))
    assert [fault.path for fault in faults] == bad
    for fault, said in zip(faults, ("twice as wide", "empty", "cut off"), strict=True):
        assert said in fault.reason
    assert seen == [(64, 70), (70, 70)]


def test_both_files_of_a_pair_are_named(tmp_path: Path) -> None:
    for side in "AB":
        _save(tmp_path / "train" / side / "1.png").write_bytes(b"")
    faults = check(find_pairs(tmp_path, "train"))
    assert [fault.path for fault in faults] == [tmp_path / "train" / side / "1.png" for side in "AB"]


def test_good_files_are_decoded_once_and_again_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    genuine = samples.read_image
    monkeypatch.setattr(samples, "read_image", lambda path: (decoded.append(path.name), genuine(path))[1])
    files = [_save(tmp_path / "train" / f"{number}.png") for number in range(3)]
    files[1].write_bytes(b"")
    found = find_pairs(tmp_path, "train")
    assert len(check(found)) == 1 and sorted(decoded) == ["0.png", "1.png", "2.png"]
    decoded.clear()
    assert len(check(found)) == 1 and decoded == ["1.png"], "only the bad one is looked at again"
    decoded.clear()
    size = files[2].stat().st_size
    files[2].write_bytes(b"x" * size)
    os.utime(files[2], ns=(1, 1))
    assert [fault.path.name for fault in check(found)] == ["1.png", "2.png"]
    assert sorted(decoded) == ["1.png", "2.png"]


def test_a_torn_or_foreign_memory_is_no_trouble(tmp_path: Path, own_home: Path) -> None:
    found = [Pair("x", _save(tmp_path / "x.png"))]
    assert check(found) == []
    (memory,) = (own_home / "checked").iterdir()
    memory.write_bytes(memory.read_bytes()[:9] + b"\xff\xfe")
    assert check(found) == []
    memory.unlink()
    memory.parent.rmdir()
    memory.parent.write_text("a file where the folder should be")
    assert check(found) == []


def test_a_file_that_goes_between_finding_and_checking_is_a_fault(tmp_path: Path) -> None:
    (fault,) = check([Pair("x", tmp_path / "gone.png")])
    assert fault.path == tmp_path / "gone.png" and "No such file" in fault.reason


def test_a_split_of_unknown_layout_does_not_hide_the_faults_of_others(tmp_path: Path) -> None:
    bad = _set_with_faults(tmp_path)
    _save(tmp_path / "val" / "A" / "1.png")
    checked = check_splits(Dataset(), tmp_path)
    assert checked.pairs == {"train": 70} and checked.unpaired == {}
    assert [fault.path for fault in checked.faults] == [*bad, Path("val")]
    assert isinstance(checked.faults[-1], Fault) and "has no folder B" in checked.faults[-1].reason


def test_splits_of_pairs_and_of_unpaired_images_are_searched_once(tmp_path: Path) -> None:
    asked: list[str] = []

    class Mixed(Dataset):
        def unpaired(self, root: Path, split: str) -> dict[str, list[Path]] | None:
            asked.append(split)
            return {side: sorted((root / side).iterdir()) for side in "AB"} if split == "val" else None

    _save(tmp_path / "train" / "1.png")
    _save(tmp_path / "A" / "1.png", 16, 16)
    _save(tmp_path / "B" / "2.png", 16, 16).write_bytes(b"")
    (tmp_path / "test" / "A").mkdir(parents=True)
    shown: list[str] = []
    checked = check_splits(Mixed(), tmp_path, lambda title, done, count: shown.append(f"{title} {done}/{count}"))
    assert (checked.pairs, checked.unpaired) == ({"train": 1}, {"val": {"A": 1, "B": 1}})
    assert [fault.path for fault in checked.faults] == [tmp_path / "B" / "2.png", Path("test")]
    assert shown == ["train 1/1", "val A 1/1", "val B 1/1"] and asked == ["train", "val", "test"]
