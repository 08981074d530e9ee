"""Where the face is in a picture: the hull of its landmarks with the forehead, grown and faded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from i2i.toolkit.faces.landmarks import eye_distance

if TYPE_CHECKING:
    from torch import Tensor

FOREHEAD = 0.5
"""How far the brows are carried upwards, as a share of the way from mouth to eyes: landmarks end at the brows."""


def face_region(landmarks: Tensor, side: int, grow: float, feather: float, forehead: float = FOREHEAD) -> Tensor:
    """How much each pixel belongs to the face.

    Args:
        landmarks: ``(N, 68, 2)`` x, y pixels, (0, 0) the centre of the upper left one.
        side: Height and width of the pictures, pixels.
        grow: How far the face reaches beyond its hull, in eye distances.
        feather: Over how much it fades there, in eye distances.
        forehead: How far the brows are carried upwards, as ``FOREHEAD`` is meant.

    Returns:
        ``(N, 1, side, side)``, 1 within and 0 outside.
    """
    eyes = eye_distance(landmarks).view(-1, 1, 1)
    hulls = with_forehead(landmarks, forehead).detach().cpu()
    beyond = torch.stack([_beyond(each, side) for each in hulls]).to(landmarks)
    share = ((grow + feather - beyond / eyes) / feather).clamp(0, 1)
    region: Tensor = (share * share * (3 - 2 * share))[:, None]
    return region


def with_forehead(landmarks: Tensor, share: float = FOREHEAD) -> Tensor:
    """``(N, 68, 2)`` -> ``(N, 78, 2)``: the brows once more, higher up."""
    eyes, mouth = landmarks[:, 36:48].mean(dim=1), landmarks[:, 48:60].mean(dim=1)
    return torch.cat([landmarks, landmarks[:, 17:27] + share * (eyes - mouth)[:, None]], dim=1)


def _beyond(points: Tensor, side: int) -> Tensor:
    """How far each pixel ``(side, side)`` lies beyond the hull of ``(K, 2)`` points; negative within.

    It is the largest of the distances from the lines along the hull's sides: at its corners a little short.
    """
    hull = torch.from_numpy(cv2.convexHull(np.ascontiguousarray(points.numpy(), np.float32))[:, 0])
    along = hull.roll(-1, 0) - hull
    outward = torch.stack([along[:, 1], -along[:, 0]], dim=1) / along.norm(dim=1, keepdim=True).clamp_min(1e-6)
    if ((hull - hull.mean(dim=0)) * outward).sum() < 0:  # the hull goes round the other way
        outward = -outward
    across = torch.arange(side, dtype=torch.float32)
    pixels = torch.stack(torch.meshgrid(across, across, indexing="xy"), dim=-1)  # (side, side, 2): x, y
    beyond: Tensor = (pixels @ outward.T - (hull * outward).sum(dim=1)).amax(dim=-1)
    return beyond
