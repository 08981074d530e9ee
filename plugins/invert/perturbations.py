"""Perturbations of images, to evaluate which images can be inverted well.

Abdal, Qin and Wonka, "Image2StyleGAN" (2019), section 3, translate, rotate, scale and occlude faces before they invert
them; blur, noise and JPEG are added, as photos have them. Each perturbation maps an image ``(3, R, R)`` in [-1, 1], a
strength and a seed to an image of the same shape. Pixels beyond the border repeat the border: with mirrored pixels, a
downscaled image would show several faces.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from i2i.toolkit.images import to_array, to_tensor

from .options import PerturbationName


@dataclass(frozen=True)
class Perturbation:
    """A perturbation of images with a strength."""

    title: str
    """Title for plots and notes."""
    unit: str
    """Unit of the strength."""
    strengths: tuple[float, ...]
    """Default strengths, ascending."""
    limits: tuple[float, float]
    """Smallest and largest valid strength."""
    apply: Callable[[Tensor, float, int], Tensor]
    """``apply(image, strength, seed)``."""
    identity: float = 0.0
    """The strength that does not change an image."""
    defect: bool = False
    """Whether it takes something from the photo, so that a reconstruction may be closer to the photo without it."""
    covered: Callable[[int, float, int], Tensor] | None = None
    """``covered(size, strength, seed)``: 1 where it hides the photo, else 0, ``(size, size)``; None where it hides
    nothing."""

    def __call__(self, image: Tensor, strength: float, seed: int = 0) -> Tensor:
        """Perturb an image ``(3, R, R)`` in [-1, 1]; only noise and occlusion depend on the seed."""
        return image if strength == self.identity else self.apply(image, strength, seed).clamp(-1, 1)


def shift(image: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Translate to the right by ``strength`` % of the width."""
    return _warp(image, ((1, 0, -2 * strength / 100), (0, 1, 0)))


def rotate(image: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Rotate anticlockwise about the centre by ``strength`` degrees."""
    cos, sin = math.cos(math.radians(strength)), math.sin(math.radians(strength))
    return _warp(image, ((cos, -sin, 0), (sin, cos, 0)))


def zoom(image: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Scale about the centre by the factor ``strength``."""
    if strength < 1:  # a low-pass filter against aliasing
        image = _gaussian_blur(image, 0.5 * math.sqrt(strength**-2 - 1))
    return _warp(image, ((1 / strength, 0, 0), (0, 1 / strength, 0)))


def blur(image: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Blur by a Gaussian with a standard deviation of ``strength`` % of the width."""
    return _gaussian_blur(image, strength / 100 * image.shape[-1])


def noise(image: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Add Gaussian noise with a standard deviation of ``strength`` levels of 255, independent for each channel."""
    sampled = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))
    return image + strength / 127.5 * sampled.to(image)


def occlude(image: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Cover ``strength`` % of the area by a grey square at a random position."""
    return image * (1 - covered_square(image.shape[-1], strength, seed).to(image))


def covered_square(size: int, strength: float, seed: int = 0) -> Tensor:
    """Return 1 in the square of ``occlude``, and 0 outside, ``(size, size)``."""
    side = min(size, round(size * math.sqrt(strength / 100)))
    position = torch.rand(2, generator=torch.Generator().manual_seed(seed))
    top, left = ((size - side) * position).round().int().tolist()
    covered = torch.zeros(size, size)
    covered[top : top + side, left : left + side] = 1
    return covered


def compress(image: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Compress as a JPEG of the quality 100 - ``strength``."""
    file = BytesIO()
    Image.fromarray(to_array(image)).save(file, format="JPEG", quality=max(1, round(100 - strength)))
    with Image.open(file) as compressed:
        return to_tensor(np.array(compressed))[0].to(image)


PERTURBATIONS: dict[PerturbationName, Perturbation] = {
    "shift": Perturbation("shift to the right", "% of the side", (5, 12.5, 25), (-100, 100), shift),
    "rotation": Perturbation("rotation", "degrees", (10, 30, 90), (-180, 180), rotate),
    "zoom": Perturbation("zoom", "times", (0.5, 0.75, 1.5, 2), (0.1, 10), zoom, identity=1.0),
    "blur": Perturbation("blur", "% of the side (standard deviation)", (1, 2, 4), (0, 25), blur),
    "noise": Perturbation("noise", "levels of 255 (standard deviation)", (10, 25, 50), (0, 255), noise, defect=True),
    "occlusion": Perturbation(
        "occlusion", "% of the area", (5, 10, 25), (0, 100), occlude, defect=True, covered=covered_square
    ),
    "jpeg": Perturbation("JPEG", "below quality 100", (25, 60, 90), (0, 99), compress, defect=True),
}
"""The perturbations by name, in the order of an evaluation."""


def _warp(image: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """Sample every pixel where ``matrix`` (2 x 3) maps it; borders are at -1 and 1, y grows downwards."""
    theta = torch.tensor([matrix], dtype=image.dtype, device=image.device)
    grid = F.affine_grid(theta, [1, *image.shape], align_corners=False)
    return F.grid_sample(image[None], grid, mode="bicubic", padding_mode="border", align_corners=False)[0]


def _gaussian_blur(image: Tensor, deviation: float) -> Tensor:
    """Blur ``(3, R, R)`` by a Gaussian; ``deviation`` in pixels."""
    radius = min(math.ceil(4 * deviation), image.shape[-1] - 1)
    offsets = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
    kernel = torch.exp(-0.5 * (offsets / deviation) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    padded = F.pad(image[:, None], (radius, radius, radius, radius), mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel), kernel.transpose(2, 3))[:, 0]
