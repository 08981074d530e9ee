"""Adaptive discriminator augmentation (Karras et al. 2020, "Training GANs with Limited Data").

Real and generated images get the same kinds of random augmentation before the discriminator, each with probability p.
While p is well below 1, the generator still learns the distribution of the images without augmentation.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

EVERY = 4
"""Steps between updates of p."""


def augment(images: Tensor, p: Tensor) -> Tensor:
    """Apply the paper's pixel blitting, geometric and colour transformations to each image.

    Gradients of any order exist. With p = 0 the result equals the input, bit by bit.

    Args:
        images: ``(N, 3, S, S)``.
        p: Probability of each transformation, a scalar tensor on the device of the images.
    """
    size = images.shape[-1]
    return recolour(resample(images, geometry(len(images), size, p)), *colours(len(images), p))


def geometry(n: int, size: int, p: Tensor) -> Tensor:
    """Sample a geometric transformation for each of n images: ``(N, 3, 3)`` (appendix B, first two groups).

    The matrices map positions in the new image to positions in the old one, in pixels from the centre. Each
    transformation has the same distribution as its inverse, so the inverse is sampled directly.
    """
    sample = _RandomParameters(n, p)
    matrix = torch.eye(3, device=p.device).expand(n, 3, 3)
    # Pixel blitting: no interpolation.
    matrix = _product(matrix, _scaling(1 - 2 * sample.integer(2), sample.one))
    matrix = _product(matrix, _rotation(sample.integer(4) * (math.pi / 2)))
    mask = sample.happens()
    matrix = _product(matrix, _translation(*((sample.uniform(0.125, mask) * size).round() for _ in range(2))))
    # General geometric transformations. Two rotations with probability 1 - sqrt(1 - p) each: at least one with p.
    scale = torch.exp2(0.2 * sample.normal())
    matrix = _product(matrix, _scaling(scale, scale))
    half = _RandomParameters(n, 1 - (1 - p).sqrt())
    matrix = _product(matrix, _rotation(half.uniform(math.pi)))
    stretch = torch.exp2(0.2 * sample.normal())
    matrix = _product(matrix, _scaling(stretch, 1 / stretch))
    matrix = _product(matrix, _rotation(half.uniform(math.pi)))
    mask = sample.happens()
    return _product(matrix, _translation(*(sample.normal(mask) * (0.125 * size) for _ in range(2))))


def colours(n: int, p: Tensor) -> tuple[Tensor, Tensor]:
    """Sample colour transformations (appendix B): matrices ``(N, 3, 3)`` and offsets ``(N, 3, 1)``."""
    sample = _RandomParameters(n, p)
    eye = torch.eye(3, device=p.device)
    grey = torch.full((3, 3), 1 / 3, device=p.device)  # projection onto the grey axis
    turn = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=p.device) / math.sqrt(3)

    def per_image(value: Tensor) -> Tensor:
        return value.view(n, 1, 1)

    offset = per_image(0.2 * sample.normal()).expand(n, 3, 1)
    matrix = per_image(torch.exp2(0.5 * sample.normal())) * eye
    matrix = _product(eye - 2 * per_image(sample.integer(2)) * grey, matrix)
    hue = per_image(sample.uniform(math.pi))
    matrix = _product(eye + (1 - hue.cos()) * (grey - eye) + hue.sin() * turn, matrix)
    matrix = _product(eye + (torch.exp2(sample.normal()) - 1).view(n, 1, 1) * (eye - grey), matrix)
    return matrix, _product(matrix, offset)


def recolour(images: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """Compute ``matrix @ colour + offset`` at each pixel of ``(N, 3, S, S)``."""
    planes = [matrix[:, :, channel, None, None] * images[:, channel, None] for channel in range(3)]
    return planes[0] + planes[1] + planes[2] + offset[..., None]


def resample(images: Tensor, matrix: Tensor) -> Tensor:
    """Resample images ``(N, C, S, S)`` by the matrices of ``geometry``, with reflection at the edges.

    Bicubic interpolation (Keys 1981, a = -1/2), exact at pixel centres. Built on ``gather``, which has second
    derivatives, unlike ``grid_sample``.
    """
    n, channels, size, _ = images.shape
    middle = (size - 1) / 2
    line = torch.arange(size, device=images.device) - middle
    x, y = line.repeat(size), line.repeat_interleave(size)
    positions = (matrix[:, axis, :1] * x + matrix[:, axis, 1:2] * y + matrix[:, axis, 2:] + middle for axis in (0, 1))
    columns, rows = (_taps(position, size) for position in positions)
    flat = images.reshape(n, channels, size * size)
    result = torch.zeros_like(flat)
    for row, row_weight in rows:
        for column, column_weight in columns:
            pixels = flat.gather(2, (row * size + column)[:, None].expand_as(flat))
            result = result + pixels * (row_weight * column_weight)[:, None]
    return result.view_as(images)


def _taps(position: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    """Return the four pixels around each position on a line of ``size`` pixels, and their weights."""
    below = position.floor()
    t = position - below
    weights = (
        ((-0.5 * t + 1) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1,
        ((-1.5 * t + 2) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )
    return [(_reflect_index(below.long() + step - 1, size), weight) for step, weight in enumerate(weights)]


def _reflect_index(index: Tensor, size: int) -> Tensor:
    """Map any integer to a pixel index below ``size``, by reflection at both edges."""
    inside = index.remainder(2 * size)
    return torch.where(inside < size, inside, 2 * size - 1 - inside)


class _RandomParameters:
    """Random parameters for n images from torch's global generator: with probability p a sample, else the identity."""

    def __init__(self, n: int, p: Tensor) -> None:
        self.n, self.p = n, p
        self.one = torch.ones(n, device=p.device)

    def happens(self) -> Tensor:
        """Return a mask ``(N,)`` that is True with probability p."""
        return torch.rand(self.n, device=self.p.device) < self.p

    def integer(self, below: int) -> Tensor:
        """Sample integers from 0 to ``below - 1``; 0 where masked."""
        return torch.randint(below, (self.n,), device=self.p.device) * self.happens()

    def uniform(self, limit: float, happens: Tensor | None = None) -> Tensor:
        """Sample uniformly from -limit to limit; 0 where masked."""
        values = (2 * torch.rand(self.n, device=self.p.device) - 1) * limit
        return values * (self.happens() if happens is None else happens)

    def normal(self, happens: Tensor | None = None) -> Tensor:
        """Sample from the standard normal distribution; 0 where masked."""
        values = torch.randn(self.n, device=self.p.device)
        return values * (self.happens() if happens is None else happens)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Multiply matrices element by element: TF32 products on a GPU would misplace pixels."""
    return (left[..., :, :, None] * right[..., None, :, :]).sum(dim=-2)


def _matrix(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    zero, one = torch.zeros_like(y), torch.ones_like(y)
    return _matrix((x.to(y.dtype), zero, zero), (zero, y, zero), (zero, zero, one))


def _rotation(angle: Tensor) -> Tensor:
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    return _matrix((angle.cos(), -angle.sin(), zero), (angle.sin(), angle.cos(), zero), (zero, zero, one))


def _translation(x: Tensor, y: Tensor) -> Tensor:
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _matrix((one, zero, x), (zero, one, y), (zero, zero, one))


class AdaptiveAugmentation:
    """``augment`` with a probability p that adapts to the overfitting of the discriminator (section 3.1).

    The mean sign of the logits of real images approaches 1 as the discriminator overfits. Above the target p rises,
    below it falls, at a rate that takes p from 0 to 1 in ``kimg`` thousand images.
    """

    def __init__(
        self, kind: Literal["ada", "fixed", "none"], device: str, *, p: float, target: float, kimg: float
    ) -> None:
        """Create the augmentation.

        Args:
            kind: ``ada`` adapts p, ``fixed`` keeps it, ``none`` does nothing.
            p: Probability for the kind ``fixed``, 0 to 1.
            target: Mean sign above which p rises, -1 to 1.
            kimg: Thousands of images in which p can rise from 0 to 1.
        """
        self.kind, self.target, self.kimg = kind, target, kimg
        self.p = torch.tensor(p if kind == "fixed" else 0.0, device=device)
        self.signs = torch.zeros(2, device=device)
        """Sum and number of the signs since the last change of p."""

    def __call__(self, images: Tensor) -> Tensor:
        """Augment images ``(N, 3, S, S)``."""
        return images if self.kind == "none" else augment(images, self.p)

    def watch(self, real: Tensor) -> Tensor:
        """Record the logits ``(N, 1)`` of real images and return the mean of their signs."""
        signs = real.detach().float().sign()
        self.signs += torch.stack([signs.sum(), signs.new_tensor(signs.numel())])
        return signs.mean()

    def adapt(self, count: int) -> None:
        """Update p after ``count`` images; with several processes, average ``signs`` over them first."""
        if self.kind == "ada":
            direction = (self.signs[0] / self.signs[1] - self.target).sign()
            self.p = (self.p + direction * count / (self.kimg * 1000)).clamp(0, 1)
        self.signs.zero_()

    def state_dict(self) -> dict[str, Tensor]:
        """Return p and the signs recorded since its last change."""
        return {"p": self.p.clone(), "signs": self.signs.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore the result of ``state_dict``."""
        self.p, self.signs = (state[name].to(self.signs.device).clone() for name in ("p", "signs"))
