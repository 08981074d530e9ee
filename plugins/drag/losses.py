"""What a drag sinks by features, as published: motion supervision and the mask. Each picture has its own loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from .tracking import sample

if TYPE_CHECKING:
    from torch import Tensor


def disc(radius: float, device: torch.device) -> Tensor:
    """Whole pixels nearer than ``radius`` to a handle: ``(D, 2)``."""
    reach = int(radius)
    line = torch.arange(-reach, reach + 1, device=device, dtype=torch.float32)
    offsets = torch.cartesian_prod(line, line)
    near: Tensor = offsets[offsets.norm(dim=1) < radius]
    return near


def motion(maps: Tensor, points: Tensor, targets: Tensor, going: Tensor, offsets: Tensor, size: int) -> Tensor:
    """Motion supervision (Pan et al. 2023, equation 1): what lies at a handle is to lie one pixel further on.

    The sum over handles of the mean over pixels and channels of |sg(F(q)) - F(q + d)|, d being a pixel towards the
    target, or what is left of the way where that is less.

    Args:
        maps: ``(N, C, r, r)``, with a way back for gradients.
        points, targets: ``(N, H, 2)`` pixels.
        going: ``(N, H)``, 1 for handles that are pulled and 0 for those that have arrived.
        offsets: Of ``disc``.
        size: Height and width of the pictures.

    Returns:
        ``(N,)``.
    """
    way = targets - points
    steps = way / way.norm(dim=-1, keepdim=True).clamp_min(1)
    places = points[:, :, None] + offsets
    there = sample(maps, places + steps[:, :, None], size)
    here = sample(maps.detach(), places, size)
    return ((here - there).abs().mean(dim=(2, 3)) * going).sum(dim=1)


def strayed(maps: Tensor, before: Tensor, kept: Tensor) -> Tensor:
    """The mean of |F - F0| over a picture's features, those that may change counting 0: ``(N,)``.

    Args:
        maps, before: ``(N, C, r, r)``.
        kept: ``(N, 1, r, r)``, 0 where a picture may change and 1 where not.
    """
    away = (maps - before) * kept
    # A norm is found without the maps of absolute values, and its gradient is one number that is read many times.
    sums: Tensor = torch.linalg.vector_norm(away, 1, dim=(1, 2, 3))
    return sums / away[0].numel()
