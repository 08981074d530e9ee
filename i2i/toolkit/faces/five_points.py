"""Face alignment by five points, for identity networks: a similarity transform moves the points onto a template.

Points are ``(x, y)`` in pixels, (0, 0) the centre of the upper left pixel: left eye, right eye, nose, left and right
corner of the mouth, as seen in the image.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...api.errors import I2IError
from .crops import extract_crops

ALIGNED_SIZE = 112
"""Height and width of an aligned face, pixels."""
TEMPLATE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
"""The template of ArcFace (InsightFace): the five points in an image of 112 x 112 pixels."""


def face_template(size: int = ALIGNED_SIZE) -> Tensor:
    """Return the five points in an aligned image of this height and width, ``(5, 2)`` pixels.

    As in InsightFace, multiples of 128 that are not multiples of 112 have margins of 8/128 at the left and right.

    Raises:
        ValueError: the size is not a multiple of 112 or of 128.
    """
    if size <= 0 or (size % 112 and size % 128):
        raise ValueError(f"a face is aligned to a multiple of 112 or of 128 pixels, not to {size}")
    points = torch.tensor(TEMPLATE)
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
        I2IError: all points of an image are equal.
    """
    target = target.to(source).expand_as(source)
    source_mean, target_mean = source.mean(dim=1), target.mean(dim=1)
    (x, y), (u, v) = ((p - p.mean(dim=1, keepdim=True)).unbind(dim=-1) for p in (source, target))
    spread = (x * x + y * y).sum(dim=1)
    if not bool((spread > 0).all()):
        raise I2IError("A face cannot be aligned, as all its landmarks coincide; choose another photo.")
    cosine, sine = (x * u + y * v).sum(dim=1) / spread, (x * v - y * u).sum(dim=1) / spread
    rotation = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)
    translation = target_mean - (rotation @ source_mean[..., None])[..., 0]
    return torch.cat([rotation, translation[..., None]], dim=2)


def align_faces(images: Tensor, landmarks: Tensor, size: int = ALIGNED_SIZE) -> Tensor:
    """Align faces to the template: antialiased, black outside the image, differentiable in the images.

    Unlike in InsightFace, a face that is larger than the aligned one is averaged: a single bilinear sample for each
    pixel would skip most pixels of the image, and an optimisation would change those that it does not skip.

    Args:
        images: ``(N, 3, H, W)`` in [-1, 1].
        landmarks: ``(N, 5, 2)`` or ``(N, 68, 2)``, pixels of the images, any type.
        size: Height and width of the result, pixels.

    Returns:
        ``(N, 3, size, size)`` float32 in [-1, 1]; coordinates do not fit half precision.

    Raises:
        I2IError: all landmarks of an image coincide.
    """
    points = five_points(landmarks.float().to(images.device))
    matrix = similarity_transform(points, face_template(size).to(points))
    rotation, translation = matrix[:, :, :2], matrix[:, :, 2:]
    area = rotation[:, :, :1].square().sum(dim=1, keepdim=True)  # of one pixel: the determinant of a similarity
    inverse = rotation.mT / area  # the transposed rotation, divided by the determinant
    return extract_crops(images, torch.cat([inverse, -inverse @ translation], dim=2), size)
