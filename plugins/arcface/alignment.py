"""How a face is laid out for ArcFace: five points brought onto a template by a similarity.

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
"""Where InsightFace puts the five points in an image of 112 x 112."""


def template(size: int = SIZE) -> Tensor:
    """Where the five points lie in an aligned image of this height and width, ``(5, 2)`` pixels.

    As in InsightFace, a size that 128 divides, and 112 does not, has 8/128 of a margin at both sides.

    Raises:
        ValueError: neither 112 nor 128 divides the size.
    """
    if size <= 0 or (size % 112 and size % 128):
        raise ValueError(f"a face is aligned to a multiple of 112 or of 128 pixels, not to {size}")
    points = torch.tensor(POINTS)
    if size % 112 == 0:
        return points * (size / 112)
    ratio = size / 128
    return points * ratio + torch.tensor([8 * ratio, 0.0])


def five_points(landmarks: Tensor) -> Tensor:
    """``(N, 68, 2)`` points of the iBUG scheme -> the five ``(N, 5, 2)``; five stay as they are."""
    if landmarks.shape[-2] == 5:
        return landmarks
    left, right = landmarks[:, 36:42].mean(dim=1), landmarks[:, 42:48].mean(dim=1)
    return torch.stack([left, right, landmarks[:, 30], landmarks[:, 48], landmarks[:, 54]], dim=1)


def similarity(source: Tensor, target: Tensor) -> Tensor:
    """The turn, scale and shift that bring points onto points with the least sum of squares.

    It is the solution of Umeyama ("Least-squares estimation of transformation parameters between two point patterns",
    1991), which in the plane needs no singular values: with points as complex numbers about their means, turn and
    scale are the one number ``<source, target> / <source, source>``.

    Args:
        source: ``(N, K, 2)``.
        target: ``(N, K, 2)`` or ``(K, 2)``.

    Returns:
        Matrices ``(N, 2, 3)``: ``target = matrix @ (x, y, 1)``.

    Raises:
        i2i.I2IError: all points of an image are one and the same.
    """
    target = target.to(source).expand_as(source)
    source_mean, target_mean = source.mean(dim=1), target.mean(dim=1)
    (x, y), (u, v) = ((p - p.mean(dim=1, keepdim=True)).unbind(dim=-1) for p in (source, target))
    spread = (x * x + y * y).sum(dim=1)
    if not bool((spread > 0).all()):
        raise i2i.I2IError("A face cannot be aligned by points that all lie in one place; choose another photo.")
    cosine, sine = (x * u + y * v).sum(dim=1) / spread, (x * v - y * u).sum(dim=1) / spread
    turn = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)
    shift = target_mean - (turn @ source_mean[..., None])[..., 0]
    return torch.cat([turn, shift[..., None]], dim=2)


def align(images: Tensor, landmarks: Tensor, size: int = SIZE) -> Tensor:
    """Bring faces onto the template: bilinear, black outside the image, differentiable in the images.

    One pixel is read for each that is written, as InsightFace does it.

    Args:
        images: ``(N, 3, H, W)`` in [-1, 1].
        landmarks: ``(N, 5, 2)`` or ``(N, 68, 2)``, pixels of the images, of any type.
        size: Height and width of what comes out, pixels.

    Returns:
        ``(N, 3, size, size)`` float32 in [-1, 1]; half precision cannot tell neighbouring pixels apart.
    """
    images = images.float()
    points = five_points(landmarks.float().to(images.device))
    matrix = similarity(points, template(size).to(points))
    turn, shift = matrix[:, :, :2], matrix[:, None, :, 2]
    across = torch.arange(size, device=points.device, dtype=points.dtype)
    aligned = torch.cartesian_prod(across, across).flip(1)  # (size * size, 2): x, y of each pixel, row by row
    area = turn[:, :, :1].square().sum(dim=1, keepdim=True)  # of one pixel: the determinant of a similarity
    places = (aligned - shift) @ turn / area  # the inverse: turn / determinant, transposed
    extent = points.new_tensor([images.shape[3], images.shape[2]])
    grid = (2 * places + 1) / extent - 1  # grid_sample counts from edge to edge of the image
    grid = grid.view(-1, size, size, 2)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1  # what lies outside is 0, and black is -1
