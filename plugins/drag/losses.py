"""Losses of a drag besides motion supervision: the mask, landmarks, identity and colours. One value per sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

import i2i
from i2i.toolkit.faces.landmarks import eye_distance

from .batched import Batched
from .handles import Handles
from .preview import downsample

if TYPE_CHECKING:
    from torch import Tensor

MOVING_WEIGHT, FIXED_WEIGHT = 1.0, 75.0
"""Weights of landmarks that move, and of those that stay. A tenth of the initial distance counts as much as a mean
error of about a hundredth of the eye distance over all fixed landmarks."""
BLOCKS = 8
"""Blocks along either axis in which colours are averaged."""
SMOOTH = 0.02
"""Differences of colour on the scale [-1, 1] below which the loss is quadratic: two or three grey levels."""


def mask_loss(current: Tensor, initial: Tensor, kept: Tensor) -> Tensor:
    """Return the mean of |current - initial| over all elements, those that may change counting 0: ``(N,)``.

    Args:
        current, initial: Feature maps or images ``(N, C, r, r)``.
        kept: ``(N, 1, r, r)``, 0 where the image may change and 1 where not.
    """
    differences = (current - initial) * kept
    # A norm needs no tensor of absolute values, and its gradient is one number that is read many times.
    sums: Tensor = torch.linalg.vector_norm(differences, 1, dim=(1, 2, 3))
    return sums / differences[0].numel()


@dataclass(frozen=True)
class LandmarkLoss(Batched):
    """Weighted squared distances of landmarks to their targets, or to their initial positions."""

    targets: Tensor
    """``(N, 68, 2)`` pixels."""
    weights: Tensor
    """``(N, 68)``, of the squared distance to each target; 0 for free landmarks."""

    @classmethod
    def create(cls, points: Tensor, handles: Handles, fixed: Tensor) -> LandmarkLoss:
        """Create the loss of one image.

        Args:
            points: Initial landmarks ``(68, 2)``, pixels.
            fixed: ``(S,)``, indices of landmarks that stay.
        """
        chosen = handles.landmarks >= 0
        indices, targets, weights = handles.landmarks[chosen], points.clone(), torch.zeros_like(points[:, 0])
        targets[indices] = handles.targets[chosen]
        weights[indices] = MOVING_WEIGHT / handles.lengths[chosen].square().sum().clamp_min(1e-6)
        weights[fixed] = FIXED_WEIGHT / (eye_distance(points).square() * max(1, len(fixed)))
        return cls(targets[None], weights[None])

    def __call__(self, points: Tensor) -> Tensor:
        """Return the loss of the current landmarks ``(N, 68, 2)``: ``(N,)``, 1 for the initial ones."""
        return ((points - self.targets).square().sum(dim=-1) * self.weights).sum(dim=1)


@dataclass(frozen=True)
class IdentityLoss(Batched):
    """1 - the cosine similarity of the identities to the initial ones."""

    identity: i2i.IdentityExtractor
    weight: float
    initial: Tensor
    """Identities of the initial images, ``(N, F)``."""

    @classmethod
    def create(cls, identity: i2i.IdentityExtractor, weight: float, images: Tensor, points: Tensor) -> IdentityLoss:
        """Read the identities of ``images (N, 3, R, R)`` with the landmarks ``points (N, 68, 2)``."""
        with torch.no_grad():
            return cls(identity, weight, identity(identity.align(images, points)))

    def __call__(self, images: Tensor, points: Tensor) -> Tensor:
        """Return the weighted loss ``(N,)`` of images ``(N, 3, R, R)`` with landmarks ``(N, 68, 2)``."""
        vectors: Tensor = self.identity(self.identity.align(images, points))
        return self.weight * (1 - (vectors * self.initial).sum(dim=1))


@dataclass(frozen=True)
class ColourLoss(Batched):
    """Mean difference of colours averaged over blocks of the image.

    Without it skin may turn red, as a landmark network sees lips in red skin before it sees a smile. A face may move
    within a block, and its mouth may open, at a low cost.
    """

    weight: float
    initial: Tensor
    """Block means of the initial images, ``(N, 3, BLOCKS, BLOCKS)``."""

    @classmethod
    def create(cls, weight: float, images: Tensor) -> ColourLoss:
        """Average ``images (N, 3, R, R)`` over blocks."""
        return cls(weight, F.adaptive_avg_pool2d(images, BLOCKS))

    def __call__(self, images: Tensor) -> Tensor:
        """Return the weighted loss ``(N,)`` of images ``(N, 3, R, R)``."""
        means = F.adaptive_avg_pool2d(images, BLOCKS)
        # Quadratic near 0: Adam would turn the sign of mere rounding errors into full steps.
        return self.weight * F.smooth_l1_loss(means, self.initial, beta=SMOOTH, reduction="none").mean(dim=(1, 2, 3))


@dataclass(frozen=True)
class Guidance(Batched):
    """What guides landmarks besides features: the landmark network, the identity and the colours."""

    read_landmarks: Callable[[Tensor], Tensor]
    """Images ``(N, 3, R, R)`` -> landmarks ``(N, 68, 2)``, with gradients."""
    landmark_loss: LandmarkLoss
    identity_loss: IdentityLoss | None
    """None where the identity is not kept."""
    colour_loss: ColourLoss
    initial: Tensor
    """The images that are edited, ``(N, 3, R, R)``."""
    mask: Tensor | None
    """``(N, 1, R, R)``, outside which the result shows the initial images; None for nowhere."""
    scale: float = 1.0
    """Pixels of the generator's image, in which landmarks are counted, for one of these images."""

    def __call__(self, images: Tensor, correction: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the landmarks ``(N, 68, 2)`` and the losses ``(N,)`` of rendered images ``(N, 3, R, R)``.

        Args:
            images: At the resolution of ``initial``.
            correction: ``(N, 68, 2)``, what to add to the landmarks that are found, pixels.
        """
        shown = blend(images, self.initial, self.mask)
        found, landmarks = self._read_landmarks(shown)
        if correction is not None:
            landmarks = landmarks + correction
        # Colours of the whole rendered image, so that it fits the initial one around the mask.
        losses = self.landmark_loss(landmarks) + self.colour_loss(images)
        if self.identity_loss is not None:
            losses = losses + self.identity_loss(shown, found.detach())
        return landmarks, losses

    def find(self, images: Tensor) -> Tensor:
        """Find the landmarks ``(N, 68, 2)`` of what is shown of images as in ``__call__``, without gradients."""
        with torch.no_grad():
            return self._read_landmarks(blend(images, self.initial, self.mask))[1].to(images)

    def _read_landmarks(self, shown: Tensor) -> tuple[Tensor, Tensor]:
        """Return the landmarks ``(N, 68, 2)`` in pixels of ``shown (N, 3, R, R)``, and in those of the generator."""
        found = self.read_landmarks(shown)
        return found, (found + 0.5) * self.scale - 0.5 if self.scale != 1 else found

    def downsampled(self, size: int) -> Guidance:
        """Return the same for images of ``size`` px; landmarks are counted as before."""
        mask = None if self.mask is None else downsample(self.mask, size)
        initial = downsample(self.initial, size)
        return replace(self, initial=initial, mask=mask, scale=self.scale * self.initial.shape[-1] / size)


def blend(images: Tensor, initial: Tensor, mask: Tensor | None) -> Tensor:
    """Return ``images`` where the mask is 1 and ``initial`` where it is 0; all ``(N, ., R, R)``."""
    return images if mask is None else initial + mask * (images - initial)
