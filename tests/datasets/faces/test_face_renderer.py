"""Images of synthetic faces: the same wherever and however large they are drawn, whole, and smooth at their edges."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

import i2i

Render = Callable[..., Any]


def digest(found: Any) -> str:
    return hashlib.sha256(found.image.tobytes() + found.landmarks.tobytes()).hexdigest()


def test_render_does_not_depend_on_process_or_threads(drawn: Render) -> None:
    code = (
        "import cv2, hashlib; cv2.setNumThreads(1); from i2i_datasets.faces.dataset import Faces; faces = Faces()\n"
        "for seed in (1, 2):\n"
        "    found = faces.render(faces.values(seed), 64)\n"
        "    print(hashlib.sha256(found.image.tobytes() + found.landmarks.tobytes()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert told.stdout.split() == [digest(drawn(seed)) for seed in (1, 2)]


def test_render_is_deterministic_and_keeps_its_values(faces: Any, drawn: Render) -> None:
    values = faces.values(3)
    before = values.copy()
    assert digest(faces.render(values, 64)) == digest(drawn(3)) == digest(faces.render(list(values), 64))
    np.testing.assert_array_equal(values, before)
    assert digest(drawn(3)) != digest(drawn(4))


@pytest.mark.parametrize("size", [32, 33, 64, 100, 129, 200])
def test_render_shows_the_same_face_at_any_size(size: int, drawn: Render) -> None:
    for seed in (1, 6):
        found, large = drawn(seed, size), drawn(seed, 256)
        assert found.image.shape == (size, size, 3) and found.image.dtype == np.uint8
        assert found.image.flags.c_contiguous
        assert found.landmarks.shape == (68, 2) and found.landmarks.dtype == np.float32
        # The relief is sampled more coarsely: a landmark's depth, and with it its place in a turned head, moves by up
        # to 0.7 % of the image, that of the chin as well, although it lies on the steep edge below the face.
        away = np.linalg.norm(found.landmarks - ((large.landmarks + 0.5) * (size / 256) - 0.5), axis=1) / size
        assert away.max() < 0.01 and np.median(away) < 0.001
        shrunk = cv2.resize(large.image, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
        assert np.abs(found.image - shrunk).mean() < 8  # grey levels; measured: 5 at 32 px, 1 at 200
        assert np.abs(drawn(seed + 1, size).image - shrunk).mean() > 24


def test_render_refuses_small_sizes(faces: Any) -> None:
    with pytest.raises(ValueError, match="at least 32 x 32 pixels, not 31"):
        faces.render(faces.values(0), 31)
    with pytest.raises(i2i.UsageError, match="type --size 32"):
        faces.draw(np.random.default_rng(0), 31)


def test_render_has_no_nan(faces: Any) -> None:
    """Ordinary faces, and ones with every parameter at an end of its range."""
    ends = np.random.default_rng(0).choice([-3.0, 3.0], (16, len(faces.names)))
    rows = [*(faces.values(seed) for seed in range(12)), *ends]
    with np.errstate(divide="raise", over="raise", invalid="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        for values in rows:
            found = faces.render(values, 32)
            assert np.isfinite(found.landmarks).all()
            assert found.image.std() > 8  # grey levels


def test_lashes_of_small_eyes_have_no_nan(faces: Any, made: Callable[..., np.ndarray]) -> None:
    values = made(eye_size=-3, eye_spacing=-1.35902400129364)  # a pixel lies where the width of a lash would be 0
    with np.errstate(divide="raise", invalid="raise"):
        assert faces.render(values, 64).image.std() > 8


def coverage(shown: Render, size: int, **changes: float) -> np.ndarray:
    """The share of each pixel that head, neck and clothes cover: where another background changes it little."""
    dark, light = (shown(size, back_level=level, **changes).image.astype(np.float64) for level in (-3, 3))
    seen = np.median((light - dark)[: size // 16], axis=(0, 1))  # the top rows are background alone
    return np.clip(1 - ((light - dark) / seen).mean(axis=2), 0, 1)


def test_background_does_not_change_the_face(shown: Render) -> None:
    changes = {"hair_length": 0.5, "clothes_level": 1.0}
    bald = shown(128, **changes)
    other = shown(128, hair_length=0.5, clothes_level=-1.0, back_level=2.0, back_red=2.0, back_tilt=1.0)
    inner = np.zeros((128, 128), np.uint8)
    cv2.fillConvexPoly(inner, cv2.convexHull(np.round(bald.landmarks[17:]).astype(np.int32)), 1)  # brows to mouth
    inner = cv2.erode(inner, np.ones((3, 3), np.uint8)).astype(bool)
    np.testing.assert_array_equal(bald.image[inner], other.image[inner])
    assert (bald.image != other.image)[:8].any(axis=2).mean() > 0.8  # the top, but for hair


def test_head_outline_is_antialiased(shown: Render) -> None:
    covered = coverage(shown, 128, hair_length=-2.0)
    left = int(shown(128, hair_length=-2.0).landmarks[:17, 0].min())
    rows = covered[40:70, max(left - 14, 0) : left + 20]  # from the temple to the ear
    partly = ((rows > 0.15) & (rows < 0.85)).sum(axis=1)
    assert (
        partly >= 1
    ).mean() > 0.3  # of two samples across a pixel, half the rows have one each side; a hard edge has none
    assert partly.max() <= 3  # a blurred one has more


def test_line_drawing_passes_through_landmarks(faces: Any) -> None:
    from i2i_datasets.faces.line_drawing import sketch

    for seed in range(4):
        points = faces.render(faces.values(seed), 128).landmarks
        lines = sketch(points, 128)
        assert lines.shape == (128, 128, 3) and lines.dtype == np.uint8
        x, y = np.round(points).astype(int).clip(1, 126).T
        darkest = np.min([lines[y + dy, x + dx, 0] for dx in (-1, 0, 1) for dy in (-1, 0, 1)], axis=0)
        assert darkest.max() < 130
        reach = cv2.dilate((lines[..., 0] < 250).astype(np.uint8), np.ones((3, 3), np.uint8))
        assert 0.02 < (lines[..., 0] < 128).mean() < 0.12 and reach.mean() < 0.3


def test_draw_pairs_lines_with_the_face(faces: Any) -> None:
    lines, image = faces.draw(np.random.default_rng(5), 64)
    seed = int(np.random.default_rng(5).integers(2**31))
    np.testing.assert_array_equal(image, faces.render(faces.values(seed), 64).image)
    assert lines.shape == image.shape and lines.min() == 0 and lines.max() == 255
