"""Arithmetic on latent codes; no function changes its arguments.

A latent code ``w`` is ``(..., layers, w_dim)`` float32. Layers are counted from 0, coarse to fine. Images sampled from
a seed have the same vector in every layer (the space W); inverted photos may differ from layer to layer (W+).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor


def mix_layers(w: Tensor, other: Tensor, layers: Sequence[int], own_weight: float = 0.0) -> Tensor:
    """Blend ``other`` into some layers of ``w``: style mixing, or crossover when the layers are the last ones.

    Args:
        other: The second latent code, in a shape that broadcasts to that of ``w``.
        layers: Layers that are blended; the others stay as in ``w``.
        own_weight: Weight of ``w`` in those layers, from 0 (``other`` alone) to 1 (``w`` alone).
    """
    mixed = w.clone()
    mixed[..., list(layers), :] = own_weight * w[..., list(layers), :] + (1 - own_weight) * other[..., list(layers), :]
    return mixed


def add_difference(
    w: Tensor, neutral: Tensor, expressive: Tensor, layers: Sequence[int], minimum: float = 0.0, strength: float = 1.0
) -> Tensor:
    """Add ``strength * (expressive - neutral)`` to some layers of ``w`` (Abdal et al. 2019, section 4.3).

    Args:
        neutral: Latent code of a person with a neutral expression, in the shape of ``w``.
        expressive: Latent code of the same person with the expression.
        layers: Layers that are changed.
        minimum: Layers whose difference has a smaller L2 norm are skipped, because it is noise of the inversion.
        strength: Factor of the difference.
    """
    difference = expressive - neutral
    selected = torch.zeros_like(difference)
    selected[..., list(layers), :] = difference[..., list(layers), :]
    moved: Tensor = w + strength * selected * (selected.norm(dim=-1, keepdim=True) >= minimum)
    return moved


def interpolate(w: Tensor, target: Tensor, fraction: float) -> Tensor:
    """Return the point at a fraction of the line from ``w`` (0) to ``target`` (1); other fractions extrapolate."""
    return w + fraction * (target - w)


def interpolate_path(keys: Sequence[Tensor], frames: int) -> list[Tensor]:
    """Interpolate linearly from key to key, with ``frames`` evenly spaced latents for each pair, both ends included.

    A key between two pairs occurs once: K keys give ``(K - 1) * (frames - 1) + 1`` latents.

    Raises:
        ValueError: there are fewer than 2 keys or frames.
    """
    if len(keys) < 2 or frames < 2:
        raise ValueError(f"a path needs at least two keys and two frames, got {len(keys)} and {frames}")
    path = [keys[0]]
    for first, last in pairwise(keys):
        path += [interpolate(first, last, number / (frames - 1)) for number in range(1, frames)]
    return path


def average(ws: Tensor, weights: Sequence[float] | None = None) -> Tensor:
    """Average ``ws (N, layers, w_dim)`` to ``(layers, w_dim)``.

    Args:
        weights: N numbers whose sum is not 0; None weights all alike.
    """
    factors = ws.new_tensor(weights or [1.0] * len(ws))
    return (ws * (factors / factors.sum()).view(-1, 1, 1)).sum(dim=0)


def add_direction(w: Tensor, direction: Tensor, amount: float | Tensor, layers: Sequence[int]) -> Tensor:
    """Add ``amount * direction`` to some layers of ``w``.

    Args:
        direction: ``(w_dim,)`` for all layers, or ``(num_ws, w_dim)`` for each layer its own.
    """
    moved = w.clone()
    moved[..., list(layers), :] += amount * (direction if direction.ndim == 1 else direction[list(layers)])
    return moved


def coordinate(w: Tensor, mean: Tensor, direction: Tensor) -> Tensor:
    """Project layer 0 of ``w (..., layers, w_dim)`` less ``mean`` on a unit ``direction (w_dim,)``: ``(...)``."""
    return (w[..., 0, :] - mean) @ direction
