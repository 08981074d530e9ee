"""Adaptive discriminator augmentation (Karras et al. 2020, "Training GANs with Limited Data").

Real and generated pictures are changed in the same random ways before the discriminator sees them, each change with
probability p. As long as p is well below 1 the generator still learns the distribution of pictures as they are.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

EVERY = 4
"""Steps between changes of p."""


def augment(pictures: Tensor, p: Tensor) -> Tensor:
    """Pictures ``(N, 3, S, S)``, each changed by the paper's pixel, geometric and colour transformations.

    Differentiable as often as need be. With p = 0 nothing changes, to the bit.

    Args:
        p: Probability of each transformation, a tensor of no dimension on the device of the pictures.
    """
    size = pictures.shape[-1]
    return recolour(resample(pictures, geometry(len(pictures), size, p)), *colours(len(pictures), p))


def geometry(n: int, size: int, p: Tensor) -> Tensor:
    """Draw, for each of n pictures, where its pixels come from: ``(N, 3, 3)`` (appendix B, first two groups).

    The matrices take places in the new picture to places in the old one, in pixels from the centre. Every distribution
    is the same as that of its inverse, so what is drawn is the way back.
    """
    draw = _Draws(n, p)
    matrix = torch.eye(3, device=p.device).expand(n, 3, 3)
    # Pixels are moved, not computed.
    matrix = _then(matrix, _scaling(1 - 2 * draw.integer(2), draw.one))
    matrix = _then(matrix, _rotation(draw.integer(4) * (math.pi / 2)))
    both = draw.happens()
    matrix = _then(matrix, _translation(*((draw.uniform(0.125, both) * size).round() for _ in range(2))))
    # Size, direction and shape. Two rotations that happen with 1 - sqrt(1 - p) each make one with p.
    scale = torch.exp2(0.2 * draw.normal())
    matrix = _then(matrix, _scaling(scale, scale))
    seldom = _Draws(n, 1 - (1 - p).sqrt())
    matrix = _then(matrix, _rotation(seldom.uniform(math.pi)))
    stretch = torch.exp2(0.2 * draw.normal())
    matrix = _then(matrix, _scaling(stretch, 1 / stretch))
    matrix = _then(matrix, _rotation(seldom.uniform(math.pi)))
    both = draw.happens()
    return _then(matrix, _translation(*(draw.normal(both) * (0.125 * size) for _ in range(2))))


def colours(n: int, p: Tensor) -> tuple[Tensor, Tensor]:
    """Draw a map of colours for each of n pictures: matrix ``(N, 3, 3)`` and offset ``(N, 3, 1)`` (appendix B)."""
    draw = _Draws(n, p)
    eye = torch.eye(3, device=p.device)
    grey = torch.full((3, 3), 1 / 3, device=p.device)  # onto the line of greys
    turn = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=p.device) / math.sqrt(3)

    def each(value: Tensor) -> Tensor:
        return value.view(n, 1, 1)

    offset = each(0.2 * draw.normal()).expand(n, 3, 1)
    matrix = each(torch.exp2(0.5 * draw.normal())) * eye
    matrix = _then(eye - 2 * each(draw.integer(2)) * grey, matrix)
    hue = each(draw.uniform(math.pi))
    matrix = _then(eye + (1 - hue.cos()) * (grey - eye) + hue.sin() * turn, matrix)
    matrix = _then(eye + (torch.exp2(draw.normal()) - 1).view(n, 1, 1) * (eye - grey), matrix)
    return matrix, _then(matrix, offset)


def recolour(pictures: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """``matrix @ colour + offset`` at each pixel of ``(N, 3, S, S)``."""
    planes = [matrix[:, :, channel, None, None] * pictures[:, channel, None] for channel in range(3)]
    return planes[0] + planes[1] + planes[2] + offset[..., None]


def resample(pictures: Tensor, matrix: Tensor) -> Tensor:
    """Pictures ``(N, C, S, S)`` seen through ``geometry``'s matrices, mirrored beyond their edges.

    Bicubic between pixels (Keys 1981, a = -1/2) and exact on them. Made of ``gather``, whose gradient has a gradient.
    """
    n, channels, size, _ = pictures.shape
    middle = (size - 1) / 2
    line = torch.arange(size, device=pictures.device) - middle
    x, y = line.repeat(size), line.repeat_interleave(size)
    places = (matrix[:, axis, :1] * x + matrix[:, axis, 1:2] * y + matrix[:, axis, 2:] + middle for axis in (0, 1))
    columns, rows = (_taps(place, size) for place in places)
    flat = pictures.reshape(n, channels, size * size)
    result = torch.zeros_like(flat)
    for row, row_weight in rows:
        for column, column_weight in columns:
            seen = flat.gather(2, (row * size + column)[:, None].expand_as(flat))
            result = result + seen * (row_weight * column_weight)[:, None]
    return result.view_as(pictures)


def _taps(place: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    """The four pixels around each place on a line of ``size``, and their weights."""
    below = place.floor()
    t = place - below
    weights = (
        ((-0.5 * t + 1) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1,
        ((-1.5 * t + 2) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )
    return [(_mirrored(below.long() + step - 1, size), weight) for step, weight in enumerate(weights)]


def _mirrored(index: Tensor, size: int) -> Tensor:
    """The pixel of ``size`` that stands for any whole number, as if mirrors stood at both edges."""
    inside = index.remainder(2 * size)
    return torch.where(inside < size, inside, 2 * size - 1 - inside)


class _Draws:
    """Random numbers for n pictures from torch's own generator: each with probability p, else what changes nothing."""

    def __init__(self, n: int, p: Tensor) -> None:
        self.n, self.p = n, p
        self.one = torch.ones(n, device=p.device)

    def happens(self) -> Tensor:
        return torch.rand(self.n, device=self.p.device) < self.p

    def integer(self, below: int) -> Tensor:
        """Of 0 to ``below - 1``, else 0."""
        return torch.randint(below, (self.n,), device=self.p.device) * self.happens()

    def uniform(self, limit: float, happens: Tensor | None = None) -> Tensor:
        """Of -limit to limit, else 0."""
        drawn = (2 * torch.rand(self.n, device=self.p.device) - 1) * limit
        return drawn * (self.happens() if happens is None else happens)

    def normal(self, happens: Tensor | None = None) -> Tensor:
        """Of the standard normal distribution, else 0."""
        drawn = torch.randn(self.n, device=self.p.device)
        return drawn * (self.happens() if happens is None else happens)


def _then(one: Tensor, other: Tensor) -> Tensor:
    """The product of matrices, spelt out: a GPU's quick product of rounded numbers would misplace pixels."""
    return (one[..., :, :, None] * other[..., None, :, :]).sum(dim=-2)


def _matrix(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    none, one = torch.zeros_like(y), torch.ones_like(y)
    return _matrix((x.to(y.dtype), none, none), (none, y, none), (none, none, one))


def _rotation(angle: Tensor) -> Tensor:
    none, one = torch.zeros_like(angle), torch.ones_like(angle)
    return _matrix((angle.cos(), -angle.sin(), none), (angle.sin(), angle.cos(), none), (none, none, one))


def _translation(x: Tensor, y: Tensor) -> Tensor:
    none, one = torch.zeros_like(x), torch.ones_like(x)
    return _matrix((one, none, x), (none, one, y), (none, none, one))


class Augmentation:
    """``augment`` with a p that follows how far the discriminator overfits (section 3.1).

    The sign of a logit says what the discriminator takes a picture for. The mean sign over real pictures comes near 1
    as it learns them by heart. Above the target p rises, else it falls, by so much that the way from 0 to 1 takes
    ``kimg`` thousand pictures.
    """

    def __init__(
        self, kind: Literal["ada", "fixed", "none"], device: str, *, p: float, target: float, kimg: float
    ) -> None:
        """``p``: of the kind ``fixed``."""
        self.kind, self.target, self.kimg = kind, target, kimg
        self.p = torch.tensor(p if kind == "fixed" else 0.0, device=device)
        self.signs = torch.zeros(2, device=device)
        """Sum and number of the signs since p was last changed."""

    def __call__(self, pictures: Tensor) -> Tensor:
        return pictures if self.kind == "none" else augment(pictures, self.p)

    def watch(self, real: Tensor) -> Tensor:
        """Take in the logits ``(N, 1)`` of real pictures; returns the mean of their signs."""
        signs = real.detach().float().sign()
        self.signs += torch.stack([signs.sum(), signs.new_tensor(signs.numel())])
        return signs.mean()

    def adapt(self, pictures: int) -> None:
        """Change p after so many pictures; with several processes, average ``signs`` over them before."""
        if self.kind == "ada":
            way = (self.signs[0] / self.signs[1] - self.target).sign()
            self.p = (self.p + way * pictures / (self.kimg * 1000)).clamp(0, 1)
        self.signs.zero_()

    def state_dict(self) -> dict[str, Tensor]:
        """p and what was gathered since it changed."""
        return {"p": self.p.clone(), "signs": self.signs.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take back what ``state_dict`` gave."""
        self.p, self.signs = (state[name].to(self.signs.device).clone() for name in ("p", "signs"))
