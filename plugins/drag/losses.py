"""What a drag sinks: motion supervision and the mask as published, and the places of landmarks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from .handles import Handles, eye_distance
from .tracking import sample

if TYPE_CHECKING:
    from torch import Tensor

GUIDE_WEIGHT, STAY_WEIGHT = 1.0, 75.0
"""Of landmarks that go, and of those that stay. A tenth of the way missed counts as much as all that stay being off by
about a hundredth of the eye distance."""


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
        maps: ``(1, C, r, r)``, with a way back for gradients.
        points, targets: ``(H, 2)`` pixels.
        going: ``(H,)``, 1 for handles that are pulled and 0 for those that have arrived.
        offsets: Of ``disc``.
        size: Height and width of the picture.
    """
    way = targets - points
    steps = way / way.norm(dim=1, keepdim=True).clamp_min(1)
    places = points[:, None] + offsets
    there = sample(maps, places + steps[:, None], size)
    here = sample(maps.detach(), places, size)
    return ((here - there).abs().mean(dim=(1, 2)) * going).sum()


def strayed(maps: Tensor, before: Tensor, kept: Tensor) -> Tensor:
    """The mean of |F - F0| over all features, those that may change counting 0; ``kept`` is ``(1, 1, r, r)``."""
    return ((maps - before) * kept).abs().mean()


class LandmarkLoss:
    """How far landmarks are from where they are to go, and from where they are to stay."""

    def __init__(self, points: Tensor, handles: Handles, stay: Tensor) -> None:
        """``points (68, 2)`` at the start; ``stay (S,)``, indices of those that stay."""
        tied = handles.landmarks >= 0
        self.indices, self.targets = handles.landmarks[tied], handles.targets[tied]
        self.whole = handles.ways[tied].square().sum().clamp_min(1e-6)
        self.stay, self.places, self.unit = stay, points[stay], eye_distance(points)

    def __call__(self, points: Tensor) -> Tensor:
        """Of ``points (68, 2)`` now: 1 at the start."""
        missed = (points[self.indices] - self.targets).square().sum() / self.whole
        if not len(self.stay):
            return GUIDE_WEIGHT * missed
        off = ((points[self.stay] - self.places) / self.unit).square().sum(dim=1).mean()
        return GUIDE_WEIGHT * missed + STAY_WEIGHT * off


class PersonLoss:
    """How far a face has become another person's: 1 less the cosine of identities."""

    def __init__(self, identity: Any, weight: float, picture: Tensor, points: Tensor) -> None:
        """``identity`` is an extractor of that role; ``picture (1, 3, R, R)`` with the face ``points (68, 2)``."""
        self.identity, self.weight = identity, weight
        with torch.no_grad():
            self.before = self._vector(picture, points[None])

    def __call__(self, picture: Tensor, points: Tensor) -> Tensor:
        """Of a picture ``(1, 3, R, R)`` with the face ``(1, 68, 2)``."""
        return self.weight * (1 - (self._vector(picture, points) * self.before).sum())

    def _vector(self, picture: Tensor, points: Tensor) -> Tensor:
        vector: Tensor = self.identity(self.identity.align(picture, points))
        return vector


def passes_gradients(read: Callable[[Tensor], Tensor], picture: Tensor) -> bool:
    """Whether what an extractor reads depends on the picture in a way that can be followed."""
    with torch.enable_grad():
        try:
            return bool(read(picture.detach().clone().requires_grad_()).requires_grad)
        except RuntimeError:  # it leaves torch on the way
            return False
