"""Where handles are now: the nearest neighbour of what they looked like at the start (Pan et al. 2023, section 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

PLACES = 12
"""Places that are looked at on each side of a handle, along either axis; at 512 px, as published, one for a pixel."""


def sample(maps: Tensor, points: Tensor, size: int) -> Tensor:
    """Features at points of the picture, between the pixels of the maps by bilinear interpolation.

    Pixel x of the picture lies at (x + 0.5) r / R - 0.5 of the maps; that equals maps enlarged to the picture's size
    first, without ever having them. Beyond the border the outermost features go on; points that are no numbers, as of
    landmarks in a picture that came to nothing, count as the first corner.

    Args:
        maps: ``(N, C, r, r)``.
        points: ``(N, ..., 2)`` x, y in pixels of each picture.
        size: R, height and width of the pictures.

    Returns:
        ``(N, ..., C)``.
    """
    last, corner = maps.shape[-1] - 1, torch.arange(4, device=maps.device)
    places = ((points.reshape(len(maps), -1, 2) + 0.5) * (maps.shape[-1] / size) - 0.5).nan_to_num().clamp(0, last)
    first = places.floor().clamp(max=last - 1)
    corners = first[:, :, None] + torch.stack([corner % 2, corner // 2], dim=1)
    weights = (1 - (places[:, :, None] - corners).abs()).prod(dim=-1)
    column, row = corners.long().unbind(dim=-1)
    every = torch.arange(len(maps), device=maps.device)[:, None, None]
    # Not by grid_sample: its gradient lies in memory in another order than that of the maps, and adding it to theirs
    # would take longer than finding it.
    found = maps.permute(0, 2, 3, 1)[every, row, column]
    return (weights[:, :, None] @ found).reshape(*points.shape[:-1], maps.shape[1])


def track(maps: Tensor, points: Tensor, looks: Tensor, radius: float, size: int) -> Tensor:
    """Where handles have gone.

    Of ``2 * PLACES + 1`` by as many places within ``radius`` the one is taken whose features are nearest (L2), and
    between places the lowest point of the parabola through it and its neighbours. All handles of all pictures go at
    once, and nothing is read back from the device.

    Args:
        maps: ``(N, C, r, r)``.
        points: Where they were, ``(N, H, 2)`` pixels.
        looks: Features of the handles at the start, ``(N, H, C)``.
        radius: Of the search, pixels: a square of twice this side.
        size: Height and width of the pictures.

    Returns:
        ``(N, H, 2)``, within the pictures.
    """
    count = 2 * PLACES + 1
    line = torch.linspace(-radius, radius, count, device=maps.device)
    x, y = line.expand(count, count), line[:, None].expand(count, count)
    places = (points[:, :, None, None] + torch.stack([x, y], dim=-1)).clamp(0, size - 1)
    away = (sample(maps, places, size) - looks[:, :, None, None]).square().sum(dim=-1).flatten(0, 1)
    places = places.flatten(0, 1)
    nearest = away.flatten(1).argmin(dim=1)
    row, column = nearest // count, nearest % count
    every = torch.arange(len(away), device=maps.device)
    along = away[every, row], away[every, :, column]
    steps = [_lowest(values, index) for values, index in zip(along, (column, row), strict=True)]
    spacing = radius / PLACES
    found = places[every, row, column] + spacing * torch.stack(steps, dim=1)
    return found.clamp(0, size - 1).reshape(points.shape)


def _lowest(values: Tensor, index: Tensor) -> Tensor:
    """By how much of a place the lowest point of a parabola lies beside ``index``: ``(H, n)``, ``(H,)`` -> ``(H,)``."""
    inner = index.clamp(1, values.shape[1] - 2)
    before, here, after = (values.gather(1, (inner + step)[:, None])[:, 0] for step in (-1, 0, 1))
    bend = before - 2 * here + after
    shift = (before - after) / (2 * bend.clamp_min(1e-12))
    return torch.where((inner == index) & (bend > 0), shift.clamp(-0.5, 0.5), torch.zeros_like(shift))
