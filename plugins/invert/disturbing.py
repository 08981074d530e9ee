"""What is done to pictures to see which of them embed well.

After Abdal, Qin and Wonka, "Image2StyleGAN" (2019), section 3, who moved, turned, scaled and damaged faces before they
embedded them; blur, noise and JPEG are added, as photographs have them. Every disturbance takes one picture ``(3, R,
R)`` in [-1, 1], a strength and a seed, and gives another such picture. Where one brings into view what lies beyond the
edge, the edge is drawn on: mirrored, a picture that is made smaller would show several faces.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor


Change = Literal["shift", "rotation", "zoom", "blur", "noise", "occlusion", "jpeg"]


@dataclass(frozen=True)
class Disturbance:
    """One way to disturb a picture, more or less."""

    title: str
    unit: str
    """Of its strength."""
    strengths: tuple[float, ...]
    """Those that are tried, from weak to strong."""
    limits: tuple[float, float]
    """The least and the greatest strength that means something."""
    apply: Callable[[Tensor, float, int], Tensor]
    """``apply(picture, strength, seed)``."""
    identity: float = 0.0
    """The strength that leaves a picture alone."""

    def __call__(self, picture: Tensor, strength: float, seed: int = 0) -> Tensor:
        """Disturb a picture ``(3, R, R)`` in [-1, 1]; only noise and occlusion depend on the seed."""
        return picture if strength == self.identity else self.apply(picture, strength, seed).clamp(-1, 1)


def shift(picture: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Move to the right by ``strength`` % of the side."""
    return _warp(picture, ((1, 0, -2 * strength / 100), (0, 1, 0)))


def rotate(picture: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Turn anticlockwise about the middle by ``strength`` degrees."""
    cos, sin = math.cos(math.radians(strength)), math.sin(math.radians(strength))
    return _warp(picture, ((cos, -sin, 0), (sin, cos, 0)))


def zoom(picture: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Scale about the middle to ``strength`` times the size; 1 leaves it."""
    if strength < 1:  # against aliasing: what the smaller picture cannot hold goes first
        picture = _gauss(picture, 0.5 * math.sqrt(strength**-2 - 1))
    return _warp(picture, ((1 / strength, 0, 0), (0, 1 / strength, 0)))


def blur(picture: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Blur by a Gaussian with a standard deviation of ``strength`` % of the side."""
    return _gauss(picture, strength / 100 * picture.shape[-1])


def noise(picture: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Add Gaussian noise with a standard deviation of ``strength`` levels of 255, its own for each pixel and colour."""
    import torch

    drawn = torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed))
    return picture + strength / 127.5 * drawn.to(picture)


def occlude(picture: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Lay a grey square over ``strength`` % of the area, somewhere within the picture."""
    import torch

    size = picture.shape[-1]
    side = min(size, round(size * math.sqrt(strength / 100)))
    where = torch.rand(2, generator=torch.Generator().manual_seed(seed))
    top, left = ((size - side) * where).round().int().tolist()
    covered = picture.clone()
    covered[:, top : top + side, left : left + side] = 0
    return covered


def compress(picture: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Write as a JPEG of the quality 100 - ``strength``, and read again."""
    import numpy as np
    from PIL import Image

    from i2i.toolkit.images import to_array, to_tensor

    file = BytesIO()
    Image.fromarray(to_array(picture)).save(file, format="JPEG", quality=max(1, round(100 - strength)))
    with Image.open(file) as image:
        return to_tensor(np.array(image))[0].to(picture)


DISTURBANCES: dict[Change, Disturbance] = {
    "shift": Disturbance("shift to the right", "% of the side", (5, 12.5, 25), (-100, 100), shift),
    "rotation": Disturbance("rotation", "degrees", (10, 30, 90), (-180, 180), rotate),
    "zoom": Disturbance("zoom", "times", (0.5, 0.75, 1.5, 2), (0.1, 10), zoom, identity=1.0),
    "blur": Disturbance("blur", "% of the side (standard deviation)", (1, 2, 4), (0, 25), blur),
    "noise": Disturbance("noise", "levels of 255 (standard deviation)", (10, 25, 50), (0, 255), noise),
    "occlusion": Disturbance("occlusion", "% of the area", (5, 10, 25), (0, 100), occlude),
    "jpeg": Disturbance("JPEG", "below quality 100", (25, 60, 90), (0, 99), compress),
}
"""By name, in the order in which a study shows them."""


def _warp(picture: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """Look every pixel up where ``matrix`` (2 x 3) takes it; edges are at -1 and 1, y grows downwards."""
    import torch
    import torch.nn.functional as F

    theta = torch.tensor([matrix], dtype=picture.dtype, device=picture.device)
    grid = F.affine_grid(theta, [1, *picture.shape], align_corners=False)
    return F.grid_sample(picture[None], grid, mode="bicubic", padding_mode="border", align_corners=False)[0]


def _gauss(picture: Tensor, deviation: float) -> Tensor:
    """Blur ``(3, R, R)`` by a Gaussian; ``deviation`` in pixels."""
    import torch
    import torch.nn.functional as F

    reach = min(math.ceil(4 * deviation), picture.shape[-1] - 1)
    along = torch.arange(-reach, reach + 1, dtype=picture.dtype, device=picture.device)
    kernel = torch.exp(-0.5 * (along / deviation) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    padded = F.pad(picture[:, None], (reach, reach, reach, reach), mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel), kernel.transpose(2, 3))[:, 0]
