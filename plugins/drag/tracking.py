"""Motion supervision and point tracking on feature maps (Pan et al. 2023, sections 3.2 and 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

CANDIDATES = 12
"""Fewest candidate positions on each side of a handle along either axis; from 512 px on there is one per pixel."""


def disc(radius: float, device: torch.device) -> Tensor:
    """Return the integer offsets ``(D, 2)`` nearer than ``radius`` pixels to (0, 0)."""
    reach = int(radius)
    line = torch.arange(-reach, reach + 1, device=device, dtype=torch.float32)
    offsets = torch.cartesian_prod(line, line)
    inside: Tensor = offsets[offsets.norm(dim=1) < radius]
    return inside


def motion_supervision(
    maps: Tensor, points: Tensor, targets: Tensor, moving: Tensor, offsets: Tensor, size: int
) -> Tensor:
    """Return the motion supervision loss ``(N,)`` (equation 1).

    It is the sum over handles of the mean over pixels and channels of |sg(F(q)) - F(q + d)|, where d is one pixel
    towards the target, or the distance that is left where that is less.

    Args:
        maps: ``(N, C, r, r)``, with gradients.
        points, targets: ``(N, H, 2)`` pixels.
        moving: ``(N, H)``, 1 for handles that are to move and 0 for those that have converged.
        offsets: Of ``disc``.
        size: Resolution of the images, pixels.
    """
    displacements = targets - points
    steps = displacements / displacements.norm(dim=-1, keepdim=True).clamp_min(1)
    positions = points[:, :, None] + offsets
    shifted = sample_features(maps, positions + steps[:, :, None], size)
    current = sample_features(maps.detach(), positions, size)
    return ((current - shifted).abs().mean(dim=(2, 3)) * moving).sum(dim=1)


def sample_features(maps: Tensor, points: Tensor, size: int) -> Tensor:
    """Sample feature maps at points of the image by bilinear interpolation: ``(N, ..., C)``.

    Pixel x of the image lies at (x + 0.5) r / R - 0.5 of the maps. The result equals that of maps upsampled to the
    resolution of the image, without computing these. Beyond the border the outermost features apply; points that are
    not numbers, such as landmarks of a degenerate image, count as the first corner.

    Args:
        maps: ``(N, C, r, r)``.
        points: ``(N, ..., 2)`` x, y in pixels of each image.
        size: Resolution R of the images, pixels.
    """
    last, corner = maps.shape[-1] - 1, torch.arange(4, device=maps.device)
    positions = ((points.reshape(len(maps), -1, 2) + 0.5) * (maps.shape[-1] / size) - 0.5).nan_to_num().clamp(0, last)
    first = positions.floor().clamp(max=last - 1)
    corners = first[:, :, None] + torch.stack([corner % 2, corner // 2], dim=1)
    weights = (1 - (positions[:, :, None] - corners).abs()).prod(dim=-1)
    column, row = corners.long().unbind(dim=-1)
    samples = torch.arange(len(maps), device=maps.device)[:, None, None]
    # Not grid_sample: the memory layout of its gradient differs from that of the maps, and adding the two would take
    # longer than computing it.
    features = maps.permute(0, 2, 3, 1)[samples, row, column]
    return (weights[:, :, None] @ features).reshape(*points.shape[:-1], maps.shape[1])


def track(
    maps: Tensor, points: Tensor, templates: Tensor, radius: float, size: int, whole_pixels: bool = False
) -> Tensor:
    """Find where handles have moved: ``(N, H, 2)`` pixels, inside the images.

    Of all pixels within ``radius``, or of ``2 * CANDIDATES + 1`` by as many positions if these are more, the one with
    the nearest features (L2) is taken, refined by the minimum of the parabola through it and its neighbours. All
    handles of all images are tracked at once, and nothing is transferred from the device.

    Args:
        maps: ``(N, C, r, r)``.
        points: Previous positions, ``(N, H, 2)`` pixels.
        templates: Initial features of the handles, ``(N, H, C)``.
        radius: Half the side of the square that is searched, pixels.
        size: Resolution of the images, pixels.
        whole_pixels: Whether only whole pixels are searched, and none is refined, as published.
    """
    candidates = round(radius) if whole_pixels else max(CANDIDATES, round(radius))
    radius = float(candidates) if whole_pixels else radius
    count = 2 * candidates + 1
    line = torch.linspace(-radius, radius, count, device=maps.device)
    x, y = line.expand(count, count), line[:, None].expand(count, count)
    positions = (points[:, :, None, None] + torch.stack([x, y], dim=-1)).clamp(0, size - 1)
    differences = sample_features(maps, positions, size) - templates[:, :, None, None]
    squares = differences.square().sum(dim=-1).flatten(0, 1)
    positions = positions.flatten(0, 1)
    nearest = squares.flatten(1).argmin(dim=1)
    row, column = nearest // count, nearest % count
    handles = torch.arange(len(squares), device=maps.device)
    if whole_pixels:
        return positions[handles, row, column].reshape(points.shape)
    profiles = squares[handles, row], squares[handles, :, column]
    steps = [_parabola_minimum(values, index) for values, index in zip(profiles, (column, row), strict=True)]
    spacing = radius / candidates
    refined = positions[handles, row, column] + spacing * torch.stack(steps, dim=1)
    return refined.clamp(0, size - 1).reshape(points.shape)


def _parabola_minimum(values: Tensor, index: Tensor) -> Tensor:
    """Return the minimum of the parabola around ``index (H,)`` of ``values (H, n)``, relative to it: ``(H,)``."""
    inner = index.clamp(1, values.shape[1] - 2)
    left, centre, right = (values.gather(1, (inner + step)[:, None])[:, 0] for step in (-1, 0, 1))
    curvature = left - 2 * centre + right
    shift = (left - right) / (2 * curvature.clamp_min(1e-12))
    return torch.where((inner == index) & (curvature > 0), shift.clamp(-0.5, 0.5), torch.zeros_like(shift))
