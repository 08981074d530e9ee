"""The synthetic faces themselves: figures of a detector and landmarks trained on photos."""

from __future__ import annotations

from math import acos, cos, degrees, nan, radians
from typing import Any

import torch
from torch import Tensor

from i2i_plugins.demo import synthetic_faces

from .. import pools
from ..training.landmarks import eye_distance
from .dlib_detector import Detector, Predictor
from .figures import Figure
from .samples import EvaluationSamples

FRONTAL = 30.0
"""Degrees between the line of the nose and that to the viewer, up to which a face is called frontal."""


def seen(bench: EvaluationSamples) -> list[Figure]:
    """How many of the faces dlib's detector sees."""
    pool, detector = bench.large, Detector()
    found = [detector.box(image) is not None for image in pool.images.permute(0, 2, 3, 1).contiguous().numpy()]
    near = [one for one, turned in zip(found, turns(pool), strict=True) if turned <= FRONTAL]
    share = "fraction of faces at 256 px that dlib's frontal detector detects"
    return [
        Figure("seen/frontal", sum(near) / len(near), f"{share}, of those within 30 degrees of frontal", least=0.95),
        Figure("seen/all", sum(found) / len(found), f"{share}, of all"),
    ]


def agreement(bench: EvaluationSamples) -> list[Figure]:
    """How far dlib's 68 points lie from the true ones."""
    pool, detector, predictor = bench.large, Detector(), Predictor(bench.registry)
    errors: list[Tensor] = []
    for image, true, turned in zip(
        pool.images.permute(0, 2, 3, 1).contiguous().numpy(), pool.landmarks, turns(pool), strict=True
    ):
        box = detector.box(image) if turned <= FRONTAL else None
        if box is not None:
            errors.append((predictor(image, box) - true).norm(dim=1).mean() / eye_distance(true[None])[0])
    error = torch.stack(errors) if errors else torch.tensor([nan])
    unit = "mean distance of dlib's 68 points from the ground truth of frontal faces, fraction of the eye distance"
    return [
        Figure("landmarks/median", float(error.median()), f"{unit}, median of faces", under=0.07),
        Figure("landmarks/p95", float(error.quantile(0.95)), f"{unit}, 95th percentile of faces"),
    ]


def turns(pool: pools.Pool) -> list[float]:
    """Degrees by which each face is turned or nods away from the viewer."""
    faces = synthetic_faces.faces()
    found: list[dict[str, Any]] = [faces.describe(values) for values in pool.values.numpy()]
    return [degrees(acos(cos(radians(each["yaw"])) * cos(radians(each["pitch"])))) for each in found]
