"""The drawn samples: whatever set is registered with one is drawn and measured here."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import pytest

import i2i

SETS: dict[str, Any] = {name: each for name, each in i2i.load_registry().all("dataset").items() if each.drawn}
OURS = ("cityscapes", "edges2handbags", "edges2shoes", "facades", "night2day")
LABELLED = {"facades": (1, 100), "cityscapes": (1, 120)}
"""Set -> which side is a label map, and after how many pairs every one of its classes has been seen."""


def drawn(name: str, seed: int, size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    return SETS[name]().draw(np.random.default_rng(seed), size)


def palette(name: str) -> dict[str, tuple[int, int, int]]:
    if name == "facades":
        from i2i_datasets.facades.palette import PALETTE
    else:
        from i2i_datasets.cityscapes.palette import PALETTE
    return PALETTE


def colours(image: np.ndarray) -> set[tuple[int, int, int]]:
    codes = np.unique(image.reshape(-1, 3).astype(np.int64) @ [65536, 256, 1])
    return {(int(code) >> 16, int(code) >> 8 & 255, int(code) & 255) for code in codes}


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two images after a little blur, 1 for equal ones."""
    blurred = [cv2.GaussianBlur(image.astype(np.float32), (0, 0), 2).ravel() for image in (a, b)]
    return float(np.corrcoef(*blurred)[0, 1])


def test_published_datasets_have_synthetic_pairs() -> None:
    assert set(OURS) <= set(SETS)
    assert all(SETS[name].drawn == {"train": 400, "val": 100} for name in OURS)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("size", [64, 100, 256])
def test_draw_returns_contiguous_rgb_images_of_size(name: str, size: int) -> None:
    for image in drawn(name, 3, size):
        assert image.shape == (size, size, 3)
        assert image.dtype == np.uint8
        assert image.flags.c_contiguous


@pytest.mark.parametrize("name", SETS)
def test_draw_1024_px(name: str) -> None:
    large, small = drawn(name, 5, 1024), drawn(name, 5, 256)
    for big, little in zip(large, small, strict=True):
        assert big.shape == (1024, 1024, 3)
        assert likeness(cv2.resize(big, (256, 256), interpolation=cv2.INTER_AREA), little) > 0.97


@pytest.mark.parametrize("name", SETS)
def test_draw_shows_the_same_scene_at_any_size(name: str) -> None:
    same, others = [], []
    for seed in range(6):
        for side in (0, 1):
            big, small = drawn(name, seed, 256)[side], drawn(name, seed, 128)[side]
            big = cv2.resize(big, (128, 128), interpolation=cv2.INTER_AREA)
            same.append(likeness(big, small))
            others.append(likeness(big, drawn(name, seed + 50, 128)[side]))
    assert min(same) > 0.97  # measured: 0.990 or more; hard edges of labels fall on other pixels
    assert np.mean(others) < min(same)


@pytest.mark.parametrize("name", SETS)
def test_synthetic_pairs_are_varied(name: str) -> None:
    small = [
        np.concatenate([cv2.resize(p, (16, 16), interpolation=cv2.INTER_AREA) for p in drawn(name, s)])
        for s in range(24)
    ]
    spread = np.std(np.stack(small).astype(np.float32), axis=0).mean()
    assert spread > 12  # grey levels; a sample of one image has 0


@pytest.mark.parametrize("name", LABELLED)
def test_label_map_uses_the_palette_only(name: str) -> None:
    side, count = LABELLED[name]
    known, seen = set(palette(name).values()), set()
    for seed in range(count):
        found = colours(drawn(name, seed, 96)[side])
        assert found <= known
        seen |= found
    missing = {kind for kind, colour in palette(name).items() if colour not in seen}
    assert not missing


@pytest.mark.parametrize("name", LABELLED)
def test_photo_follows_label_map(name: str) -> None:
    """Classes explain colour: within a class of one image, colours vary less than over the image."""
    gains = []
    for seed in range(20):
        pair = drawn(name, seed, 128)
        photo = pair[1 - LABELLED[name][0]].reshape(-1, 3).astype(np.float64)
        codes = pair[LABELLED[name][0]].reshape(-1, 3).astype(np.int64) @ [65536, 256, 1]
        within = sum(photo[codes == code].var(axis=0).sum() * (codes == code).mean() for code in np.unique(codes))
        gains.append(within / photo.var(axis=0).sum())
    assert np.mean(gains) < 0.75


def test_facade_is_mostly_wall() -> None:
    wall = [np.mean(np.all(drawn("facades", seed)[1] == palette("facades")["wall"], axis=2)) for seed in range(30)]
    assert 0.3 < np.mean(wall) < 0.75


@pytest.mark.parametrize("name", ["edges2shoes", "edges2handbags"])
def test_edges_are_thin_black_lines_on_white(name: str) -> None:
    for seed in range(12):
        edges, photo = drawn(name, seed, 256)
        assert np.array_equal(edges[..., 0], edges[..., 1]) and np.array_equal(edges[..., 0], edges[..., 2])
        assert set(np.unique(edges)) == {0, 255}
        ink = (edges[..., 0] == 0).mean()
        assert 0.006 < ink < 0.07  # of real pairs nine in ten lie between 0.010 and 0.043
        assert (photo[:8].min(axis=2) > 240).mean() > 0.6  # white round the thing
        thing = cv2.dilate((photo.min(axis=2) < 235).astype(np.uint8), np.ones((7, 7), np.uint8))
        assert thing[edges[..., 0] == 0].mean() > 0.95  # lines lie on the thing


@pytest.mark.parametrize("name", ["edges2shoes", "edges2handbags"])
def test_edge_density_equals_real_pairs(name: str, shared: Any) -> None:
    files = sorted((shared / "data" / name / "train").iterdir())[:60]
    real = np.median([(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)[:, :256] < 128).mean() for file in files])
    ours = np.median([(drawn(name, seed, 256)[0][..., 0] < 128).mean() for seed in range(30)])
    assert 0.6 < ours / real < 1.7


def test_night2day_brightness_and_alignment() -> None:
    for seed in range(12):
        night, day = (image.astype(np.float32).mean(axis=2) for image in drawn("night2day", seed))
        assert night.mean() < 0.6 * day.mean()
        assert night.max() > 120  # stars, windows or lamps
    pairs = [drawn("night2day", seed) for seed in range(12)]
    outlines = [[cv2.Canny(image, 30, 90) > 0 for image in pair] for pair in pairs]
    own = np.mean([likeness(a, b) for a, b in outlines])
    foreign = np.mean([likeness(outlines[i][0], outlines[i - 1][1]) for i in range(12)])
    assert own > foreign + 0.1


def test_registration_imports_no_torch() -> None:
    code = (
        "import sys; from i2i.testing import registry_of; "
        f"sets = registry_of(plugins={list(OURS)!r}).all('dataset'); "
        "assert len(sets) == 5, sets; sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
