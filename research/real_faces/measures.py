"""Measures of a face by its 68 landmarks: lengths in eye distances, in a frame that turns with the face."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from i2i.toolkit.faces.landmarks import EYES, eye_distance

if TYPE_CHECKING:
    from torch import Tensor

LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
"""Upper and lower eyelids, counted from 0."""
INNER_LIPS = ((61, 67), (62, 66), (63, 65))
JAW = ((2, 14), (3, 13), (4, 12))
BROWS = ((19, 37), (24, 44))
"""The top of each brow and the lid below it."""


def _mean_length(points: Tensor, pairs: tuple[tuple[int, int], ...]) -> float:
    ones, others = zip(*pairs, strict=True)
    mean: Tensor = (points[list(ones)] - points[list(others)]).norm(dim=1).mean()
    return float(mean)


def _corner_raise(points: Tensor) -> float:
    """Return how far the corners of the mouth lie above the middle of the upper lip."""
    return float(points[[51, 62], 1].mean() - points[[48, 54], 1].mean())


def _nose_offset(points: Tensor) -> float:
    """Return how far the tip of the nose lies to the right of the middle of the outer eye corners."""
    return float(points[30, 0] - points[[36, 45], 0].mean())


MEASURES: Mapping[str, Callable[[Tensor], float]] = {
    "mouth_width": lambda points: _mean_length(points, ((48, 54),)),
    "corner_raise": _corner_raise,
    "mouth_opening": lambda points: _mean_length(points, INNER_LIPS),
    "eye_opening": lambda points: _mean_length(points, LIDS),
    "jaw_width": lambda points: _mean_length(points, JAW),
    "brow_height": lambda points: _mean_length(points, BROWS),
    "nose_offset": _nose_offset,
}
"""Each takes landmarks ``(68, 2)`` as ``to_face_frame`` returns them."""


def to_face_frame(landmarks: Tensor) -> Tensor:
    """Return landmarks ``(68, 2)`` in eye distances, the eyes level, their middle at (0, 0), y down."""
    left, right = (landmarks[part].mean(dim=0) for part in EYES)
    across = (right - left) / eye_distance(landmarks)
    axes = landmarks.new_tensor([[float(across[0]), float(across[1])], [-float(across[1]), float(across[0])]])
    frame: Tensor = (landmarks - (left + right) / 2) @ axes.T / eye_distance(landmarks)
    return frame


def measure_landmarks(landmarks: Tensor) -> dict[str, float]:
    """Return all ``MEASURES`` of landmarks ``(68, 2)`` in pixels."""
    points = to_face_frame(landmarks)
    return {name: measure(points) for name, measure in MEASURES.items()}
