"""Frames of the way, large enough to be looked at, with handles and targets marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from i2i.toolkit.images import enlarge, to_array, to_tensor

if TYPE_CHECKING:
    from torch import Tensor

HANDLE, TARGET, WAY = (235, 40, 40), (40, 90, 235), (255, 255, 255)


def marked(picture: Tensor, points: Tensor, targets: Tensor) -> Tensor:
    """A frame ``(1, 3, S, S)``: handles red, targets blue, a white line between them.

    Args:
        picture: ``(1, 3, R, R)`` in [-1, 1].
        points, targets: ``(H, 2)`` pixels of it.
    """
    array = np.ascontiguousarray(enlarge(to_array(picture)))
    scale = len(array) / picture.shape[-1]
    radius = max(2, len(array) // 128)
    ends = np.stack([points.cpu().numpy(), targets.cpu().numpy()], axis=1)
    for start, end in ((ends + 0.5) * scale - 0.5).round().astype(int).tolist():
        cv2.line(array, start, end, WAY, max(1, radius // 2), cv2.LINE_AA)
        cv2.circle(array, end, radius, TARGET, -1, cv2.LINE_AA)
        cv2.circle(array, start, radius, HANDLE, -1, cv2.LINE_AA)
    return to_tensor(array)


def plain(picture: Tensor) -> Tensor:
    """A frame without marks, of the same size."""
    return to_tensor(enlarge(to_array(picture)))
