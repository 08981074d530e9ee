"""Alignment of faces for ArcFace: a similarity transform moves five points onto a template.

Points are ``(x, y)`` in pixels, (0, 0) the centre of the upper left pixel: left eye, right eye, nose, left and right
corner of the mouth, as seen in the image.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i

SIZE = 112
"""Height and width of an aligned face, pixels."""
POINTS = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
"""InsightFace's template: the five points in an image of 112 x 112 pixels."""


def template(size: int = SIZE) -> Tensor:
    """Return the five points in an aligned image of this height and width, ``(5, 2)`` pixels.

    As in InsightFace, multiples of 128 that are not multiples of 112 have margins of 8/128 at the left and right.

    Raises:
        ValueError: the size is not a multiple of 112 or of 128.
    """
    if size <= 0 or (size % 112 and size % 128):
        raise ValueError(f"a face is aligned to a multiple of 112 or of 128 pixels, not to {size}")
    points = torch.tensor(POINTS)
    if size % 112 == 0:
        return points * (size / 112)
    ratio = size / 128
    return points * ratio + torch.tensor([8 * ratio, 0.0])


def five_points(landmarks: Tensor) -> Tensor:
    """Reduce landmarks ``(N, 68, 2)`` in iBUG order to the five points ``(N, 5, 2)``; five stay unchanged."""
    if landmarks.shape[-2] == 5:
        return landmarks
    left, right = landmarks[:, 36:42].mean(dim=1), landmarks[:, 42:48].mean(dim=1)
    return torch.stack([left, right, landmarks[:, 30], landmarks[:, 48], landmarks[:, 54]], dim=1)


def similarity_transform(source: Tensor, target: Tensor) -> Tensor:
    """Compute the rotation, scale and translation that map points onto points with the least squared error.

    This is the solution of Umeyama ("Least-squares estimation of transformation parameters between two point patterns",
    1991), which in the plane needs no singular values: with points as complex numbers relative to their means,
    rotation and scale are the complex number ``<source, target> / <source, source>``.

    Args:
        source: ``(N, K, 2)``.
        target: ``(N, K, 2)`` or ``(K, 2)``.

    Returns:
        Matrices ``(N, 2, 3)``: ``target = matrix @ (x, y, 1)``.

    Raises:
        i2i.I2IError: all points of an image are equal.
    """
    target = target.to(source).expand_as(source)
    source_mean, target_mean = source.mean(dim=1), target.mean(dim=1)
    (x, y), (u, v) = ((p - p.mean(dim=1, keepdim=True)).unbind(dim=-1) for p in (source, target))
    spread = (x * x + y * y).sum(dim=1)
    if not bool((spread > 0).all()):
        raise i2i.I2IError("A face cannot be aligned, as all its landmarks coincide; choose another photo.")
    cosine, sine = (x * u + y * v).sum(dim=1) / spread, (x * v - y * u).sum(dim=1) / spread
    rotation = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)
    translation = target_mean - (rotation @ source_mean[..., None])[..., 0]
    return torch.cat([rotation, translation[..., None]], dim=2)


def align(images: Tensor, landmarks: Tensor, size: int = SIZE) -> Tensor:
    """Align faces to the template: bilinear, black outside the image, differentiable in the images.

    As in InsightFace, there is no antialiasing.

    Args:
        images: ``(N, 3, H, W)`` in [-1, 1].
        landmarks: ``(N, 5, 2)`` or ``(N, 68, 2)``, pixels of the images, any type.
        size: Height and width of the result, pixels.

    Returns:
        ``(N, 3, size, size)`` float32 in [-1, 1]; coordinates do not fit half precision.
    """
    images = images.float()
    points = five_points(landmarks.float().to(images.device))
    matrix = similarity_transform(points, template(size).to(points))
    rotation, translation = matrix[:, :, :2], matrix[:, None, :, 2]
    across = torch.arange(size, device=points.device, dtype=points.dtype)
    aligned = torch.cartesian_prod(across, across).flip(1)  # (size * size, 2): x, y of each pixel, row by row
    area = rotation[:, :, :1].square().sum(dim=1, keepdim=True)  # of one pixel: the determinant of a similarity
    positions = (aligned - translation) @ rotation / area  # the inverse: turn / determinant, transposed
    extent = points.new_tensor([images.shape[3], images.shape[2]])
    grid = (2 * positions + 1) / extent - 1  # grid_sample counts from edge to edge of the image
    grid = grid.view(-1, size, size, 2)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1  # padding is 0, and black is -1
