"""Directions of a latent space: from the generator's weights, from the spread of its latents, from labelled samples.

All are computed in float64 on the CPU. An eigenvector may point either way: its largest entry is made positive. A
boundary's normal points to where the label holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

HELD_OUT = 5
"""Every fifth labelled sample of each kind judges the boundary and does not make it."""
_PENALTY = 0.03
"""Of the squared length of the boundary's normal. With less it parts the samples a little better, along directions in
which latents hardly differ: an edit would have to go far from all latents before a picture changed.
"""


@dataclass(frozen=True)
class Components:
    """Orthogonal directions, the strongest first."""

    units: Tensor
    """``(K, dim)`` float64, unit vectors."""
    strengths: Tensor
    """``(K,)`` descending: eigenvalues of ``sefa``, standard deviations of ``ganspace``."""


@dataclass(frozen=True)
class Boundary:
    """A plane between samples of two kinds."""

    unit: Tensor
    """``(dim,)`` float64, its unit normal, towards the samples whose label is true."""
    accuracy: float
    """The share of held-out samples on their own side, the mean over both kinds; 0.5 is chance."""


def sefa(styles: Sequence[Tensor]) -> Components:
    """What layers answer to most (Shen and Zhou 2021): the eigenvectors of A^T A, A being all weights that read w.

    Args:
        styles: By layer, ``(C, dim)``: the weights of its affine map.
    """
    import torch

    weights = torch.cat([style.detach().cpu().double() for style in styles])
    return _decompose(weights.T @ weights)


def ganspace(w: Tensor) -> Components:
    """The principal components of latents ``w (N, dim)`` (Härkönen et al. 2020), with their standard deviations."""
    apart = w.detach().cpu().double()
    apart = apart - apart.mean(dim=0)
    found = _decompose(apart.T @ apart / (len(apart) - 1))
    return Components(found.units, found.strengths.sqrt())


def _decompose(matrix: Tensor) -> Components:
    """Eigenvectors of a symmetric matrix without negative eigenvalues."""
    import torch

    values, vectors = torch.linalg.eigh(matrix)
    units = vectors.T.flip(0)
    largest = units.gather(1, units.abs().argmax(dim=1, keepdim=True))
    return Components(units * largest.sign(), values.flip(0).clamp(min=0))


def boundary(w: Tensor, labels: Tensor) -> Boundary:
    """The plane that parts labelled latents (Shen et al. 2020), by logistic regression.

    Both kinds count alike, however many there are of each.

    Args:
        w: ``(N, dim)``.
        labels: ``(N,)`` of bool, with at least ``HELD_OUT`` of each kind.
    """
    import torch

    x, y = w.detach().cpu().double(), labels.cpu()
    judges = torch.zeros(len(y), dtype=torch.bool)
    for kind in (True, False):
        judges[torch.nonzero(y == kind)[HELD_OUT - 1 :: HELD_OUT, 0]] = True
    mean = x[~judges].mean(dim=0)
    scale = (x[~judges] - mean).square().mean().sqrt()
    normal, offset = _regress((x[~judges] - mean) / scale, y[~judges])
    above = ((x[judges] - mean) / scale) @ normal + offset > 0
    right = [(above[y[judges] == kind] == kind).double().mean() for kind in (True, False)]
    return Boundary(normal / normal.norm(), float(sum(right) / 2))


def _regress(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Logistic regression of ``x (N, dim)`` with both kinds of ``y (N,)`` weighing the same: normal and offset."""
    import torch
    import torch.nn.functional as F

    normal = x.new_zeros(x.shape[1], requires_grad=True)
    offset = x.new_zeros((), requires_grad=True)
    shares = torch.where(y, 0.5 / y.sum(), 0.5 / (~y).sum()).to(x)
    optimizer = torch.optim.LBFGS([normal, offset], max_iter=200, tolerance_change=1e-10, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = (shares * F.binary_cross_entropy_with_logits(x @ normal + offset, y.to(x), reduction="none")).sum()
        value = value + _PENALTY * normal.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)  # type: ignore[no-untyped-call]
    return normal.detach(), offset.detach()


def without(unit: Tensor, kept: Tensor) -> Tensor:
    """A unit vector made to leave another attribute alone: less its part along ``kept``, both ``(dim,)`` (section 3.3).

    Raises:
        ValueError: the two are one direction.
    """
    rest = unit - (unit @ kept) * kept
    length = rest.norm()
    if length < 1e-3:
        raise ValueError("nothing is left of the direction")
    turned: Tensor = rest / length
    return turned
