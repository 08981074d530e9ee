"""Faces in a photo: the outputs of S3FD, sifted."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .s3fd import S3FD, SMALLEST, STRIDES, boxes_of

LARGEST = 640
"""Longer side of what the detector sees, pixels: larger photos are shrunk. The smallest frames that the detector knows
have 16 pixels (table 1), a fortieth of it."""
SURE = 0.5
"""The least score of a face, as face-alignment has it."""
OVERLAP = 0.3
"""Of two frames that share more of their union than this, the surer one is kept (section 3.4 of the paper)."""
MOST = 2000
"""Frames that are compared with each other, the surest: a bound on the memory that takes."""


def detect(network: S3FD, image: Tensor) -> Tensor:
    """The faces in a photo, the surest first.

    Args:
        image: ``(1, 3, H, W)`` RGB in [-1, 1], where the network is.

    Returns:
        ``(K, 5)`` float32 on the CPU: x0, y0, x1, y1 in pixels of the photo, (0, 0) the centre of the upper left one,
        and the score.
    """
    height, width = image.shape[2:]
    small = _shrunk(image)
    scale = image.new_tensor([width / small.shape[3], height / small.shape[2]], device="cpu").float()
    padding = [max(0, SMALLEST - small.shape[3]), max(0, SMALLEST - small.shape[2])]
    if any(padding):
        small = F.pad(small, (0, padding[0], 0, padding[1]), value=-1.0)
    found = []
    for (scores, offsets), stride in zip(network(small), STRIDES, strict=True):
        sure = scores > SURE
        found.append(torch.cat([boxes_of(offsets, stride)[sure], scores[sure][:, None]], dim=1))
    faces = torch.cat(found).float().cpu()
    faces = faces[faces[:, 4].argsort(descending=True, stable=True)[:MOST]]
    faces = faces[suppress(faces[:, :4])]
    return torch.cat([faces[:, :4] * scale.repeat(2) - 0.5, faces[:, 4:]], dim=1)


def suppress(boxes: Tensor) -> Tensor:
    """Which frames ``(K, 4)``, the best first, no better one overlaps by more than ``OVERLAP``: indices, ascending."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    low, high = torch.maximum(boxes[:, None, :2], boxes[:, :2]), torch.minimum(boxes[:, None, 2:], boxes[:, 2:])
    shared = (high - low).clamp(min=0).prod(dim=2)
    overlaps = shared > OVERLAP * (area[:, None] + area - shared)
    alive = torch.ones(len(boxes), dtype=torch.bool)
    for place in range(len(boxes)):
        if alive[place]:
            alive[place + 1 :] &= ~overlaps[place, place + 1 :]
    return alive.nonzero()[:, 0]


def _shrunk(image: Tensor) -> Tensor:
    """The photo, at most ``LARGEST`` pixels long."""
    height, width = image.shape[2:]
    if max(height, width) > LARGEST:
        factor = LARGEST / max(height, width)
        height, width = max(1, round(height * factor)), max(1, round(width * factor))
        image = F.interpolate(image, (height, width), mode="bilinear", antialias=True)
    return image
