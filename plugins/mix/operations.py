"""What is done to latents, each as a function that leaves its arguments alone.

A latent ``w`` is ``(..., rows, dim)`` float32; rows are counted from 0, coarse to fine. Pictures that were rendered
from a seed have the same vector in each row (W), those that were inverted may not (W+).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def take_rows(w: Tensor, other: Tensor, rows: Sequence[int], psi: float = 0.0) -> Tensor:
    """``w`` with ``psi`` of itself and ``1 - psi`` of ``other`` in ``rows``; style mixing, and crossover of last rows.

    Args:
        psi: 0 takes the rows from ``other`` whole, 1 leaves ``w`` as it is.
    """
    mixed = w.clone()
    mixed[..., list(rows), :] = psi * w[..., list(rows), :] + (1 - psi) * other[..., list(rows), :]
    return mixed


def add_difference(
    w: Tensor, neutral: Tensor, expressive: Tensor, rows: Sequence[int], shortest: float = 0.0, strength: float = 1.0
) -> Tensor:
    """``w + strength * (expressive - neutral)`` in ``rows`` (Abdal et al. 2019, section 4.3).

    Args:
        shortest: Rows of the difference with a smaller L2 norm are left out: they are noise of the inversion.
    """
    import torch

    difference = expressive - neutral
    kept = torch.zeros_like(difference)
    kept[..., list(rows), :] = difference[..., list(rows), :]
    moved: Tensor = w + strength * kept * (kept.norm(dim=-1, keepdim=True) >= shortest)
    return moved


def towards(w: Tensor, goal: Tensor, share: float) -> Tensor:
    """The point at a share of the straight way from ``w`` (0) to ``goal`` (1); others lie on the line beyond."""
    return w + share * (goal - w)


def path(keys: Sequence[Tensor], frames: int) -> list[Tensor]:
    """Straight ways from key to key, evenly spaced: ``frames`` from each to the next, both ends included.

    A key between two ways comes once: K keys give ``(K - 1) * (frames - 1) + 1`` latents.

    Raises:
        ValueError: there are fewer than 2 keys or frames.
    """
    if len(keys) < 2 or frames < 2:
        raise ValueError(f"a way needs two keys and two frames or more, got {len(keys)} and {frames}")
    found = [keys[0]]
    for before, after in pairwise(keys):
        found += [towards(before, after, number / (frames - 1)) for number in range(1, frames)]
    return found


def average(ws: Tensor, weights: Sequence[float] | None = None) -> Tensor:
    """The mean of ``ws (N, rows, dim)`` -> ``(rows, dim)``.

    Args:
        weights: N numbers whose sum is not 0; None for all alike.
    """
    shares = ws.new_tensor(weights or [1.0] * len(ws))
    return (ws * (shares / shares.sum()).view(-1, 1, 1)).sum(dim=0)


def move(w: Tensor, direction: Tensor, amount: float | Tensor, rows: Sequence[int]) -> Tensor:
    """``w`` with ``amount * direction`` added in ``rows``; ``direction`` is ``(dim,)``."""
    moved = w.clone()
    moved[..., list(rows), :] += amount * direction
    return moved


def coordinate(w: Tensor, mean: Tensor, direction: Tensor) -> Tensor:
    """Where the first row of ``w (..., rows, dim)`` lies along a unit ``direction (dim,)`` from ``mean``: ``(...)``."""
    return (w[..., 0, :] - mean) @ direction
