"""Face detection in a photo: S3FD and non-maximum suppression."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .s3fd import MIN_SIDE, S3FD, STRIDES, boxes_of

MAX_SIDE = 640
"""Longer side of the detector's input, pixels; larger photos are downsampled. The smallest boxes of the detector have
16 pixels (table 1), 1/40 of it."""
MIN_SCORE = 0.5
"""Smallest score of a face, as in face-alignment."""
MAX_OVERLAP = 0.3
"""Largest intersection over union of two boxes; the one with the lower score is dropped (section 3.4)."""
MAX_BOXES = 2000
"""Largest number of boxes in non-maximum suppression, those of the highest scores; limits the memory."""


def detect(network: S3FD, image: Tensor) -> Tensor:
    """Detect the faces in a photo, by falling score.

    Args:
        image: ``(1, 3, H, W)`` RGB in [-1, 1], where the network is.

    Returns:
        ``(K, 5)`` float32 on the CPU: x0, y0, x1, y1 in pixels of the photo, (0, 0) the centre of the upper left one,
        and the score.
    """
    height, width = image.shape[2:]
    small = _downsample(image)
    scale = image.new_tensor([width / small.shape[3], height / small.shape[2]], device="cpu").float()
    padding = [max(0, MIN_SIDE - small.shape[3]), max(0, MIN_SIDE - small.shape[2])]
    if any(padding):
        small = F.pad(small, (0, padding[0], 0, padding[1]), value=-1.0)
    boxes = []
    for (scores, offsets), stride in zip(network(small), STRIDES, strict=True):
        confident = scores > MIN_SCORE
        boxes.append(torch.cat([boxes_of(offsets, stride)[confident], scores[confident][:, None]], dim=1))
    faces = torch.cat(boxes).float().cpu()
    faces = faces[faces[:, 4].argsort(descending=True, stable=True)[:MAX_BOXES]]
    faces = faces[suppress(faces[:, :4])]
    return torch.cat([faces[:, :4] * scale.repeat(2) - 0.5, faces[:, 4:]], dim=1)


def suppress(boxes: Tensor) -> Tensor:
    """Apply non-maximum suppression to boxes ``(K, 4)``, best first; return the indices that remain, ascending."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    low, high = torch.maximum(boxes[:, None, :2], boxes[:, :2]), torch.minimum(boxes[:, None, 2:], boxes[:, 2:])
    shared = (high - low).clamp(min=0).prod(dim=2)
    overlaps = shared > MAX_OVERLAP * (area[:, None] + area - shared)
    kept = torch.ones(len(boxes), dtype=torch.bool)
    for index in range(len(boxes)):
        if kept[index]:
            kept[index + 1 :] &= ~overlaps[index, index + 1 :]
    return kept.nonzero()[:, 0]


def _downsample(image: Tensor) -> Tensor:
    """Downsample a photo to a longer side of at most ``MAX_SIDE`` pixels."""
    height, width = image.shape[2:]
    if max(height, width) > MAX_SIDE:
        factor = MAX_SIDE / max(height, width)
        height, width = max(1, round(height * factor)), max(1, round(width * factor))
        image = F.interpolate(image, (height, width), mode="bilinear", antialias=True)
    return image
