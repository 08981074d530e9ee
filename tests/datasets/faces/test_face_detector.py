"""Strangers see faces: dlib's detector finds them, and its 68-point predictor puts the points where they are stated."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from tests.helpers.needing_dlib import require_dlib

SEEDS = range(10_000_000, 10_000_030)
TURN = 30.0
"""Degrees of yaw and of pitch, either way, up to which a detector of frontal faces is asked."""


@pytest.fixture(scope="module")
def seen(faces: Any) -> list[tuple[Any, np.ndarray | None]]:
    """25 faces at 256 px, and dlib's points of each ``(68, 2)``, or None where it finds no face."""
    require_dlib()
    dlib, model = import_module("dlib"), import_module("i2i_plugins.dlib.model_records")
    detect, predict = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(model.landmarks_record().path))
    found: list[tuple[Any, np.ndarray | None]] = []
    for seed in SEEDS:
        values = faces.values(seed)
        about = faces.describe(values)
        if max(abs(about["yaw"]), abs(about["pitch"])) > TURN or len(found) == 25:
            continue
        drawn = faces.render(values, 256)
        boxes = detect(drawn.image, 0)
        points = predict(drawn.image, boxes[0]).parts() if len(boxes) else None
        found.append((drawn, None if points is None else np.array([(point.x, point.y) for point in points])))
    return found


def test_dlib_detects_synthetic_faces(seen: list[tuple[Any, np.ndarray | None]]) -> None:
    assert len(seen) == 25
    assert sum(points is not None for _, points in seen) >= 24  # 95 %; measured: 112 of 113


def test_dlib_landmarks_agree(seen: list[tuple[Any, np.ndarray | None]]) -> None:
    distances = []
    for drawn, points in seen:
        if points is not None:
            eyes = np.linalg.norm(drawn.landmarks[45] - drawn.landmarks[36])
            distances.append(np.linalg.norm(points - drawn.landmarks, axis=1).mean() / eyes)
    assert np.median(distances) < 0.07  # of the eye distance; measured: 0.053
