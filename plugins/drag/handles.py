"""Handles and their targets: from points of the user, and from landmarks that presets move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import torch
from torch.nn.utils.rnn import pad_sequence

import i2i
from i2i.toolkit.faces.landmarks import EYES

from .batched import Batched
from .options import Point
from .preset_values import PresetValues
from .settings import SMALL

if TYPE_CHECKING:
    from torch import Tensor

_MIN_LENGTH, _VISIBLE = 0.02, 1 / 512
"""Displacements of landmarks below this are ignored, pixels; and in large images those below this fraction, which
landmark networks do not see."""
_OPPOSED = -0.5
"""Cosine of two displacements below which they are opposed: the angle is more than 120 degrees."""


@dataclass(frozen=True)
class Handles:
    """Points of the generator's image and their targets; (0, 0) is the centre of the upper left pixel."""

    names: Sequence[str]
    """Of each handle, for messages and plots."""
    starts: Tensor
    """Initial positions ``(H, 2)``, x and y in pixels."""
    targets: Tensor
    """``(H, 2)``, x and y in pixels."""
    landmarks: Tensor
    """``(H,)`` int64: index of the landmark, from 0; -1 for points of the user."""

    @property
    def lengths(self) -> Tensor:
        """Distances from the initial positions to the targets, ``(H,)`` pixels."""
        lengths: Tensor = (self.targets - self.starts).norm(dim=1)
        return lengths

    def describe(self, indices: Iterable[int]) -> str:
        """Describe some handles: ``"landmarks 63, 67"``, ``"20,30 and landmark 9"``."""
        chosen = [(self.names[index], int(self.landmarks[index]) + 1) for index in indices]
        points = [name for name, landmark in chosen if not landmark]
        numbers = [str(landmark) for _, landmark in chosen if landmark]
        parts = [" and ".join(points)] if points else []
        return " and ".join([*parts, f"landmark{'s' * (len(numbers) > 1)} {', '.join(numbers)}"] if numbers else parts)

    def join(self, other: Handles) -> Handles:
        """Return these handles and others."""
        fields = ((self.starts, other.starts), (self.targets, other.targets), (self.landmarks, other.landmarks))
        return Handles([*self.names, *other.names], *(torch.cat(pair) for pair in fields))


@dataclass(frozen=True)
class HandleBatch(Batched):
    """Handles of several images, padded to the same number."""

    starts: Tensor
    """Initial positions ``(N, H, 2)``, x and y in pixels."""
    targets: Tensor
    """``(N, H, 2)``."""
    landmarks: Tensor
    """``(N, H)``, as of ``Handles``."""
    valid: Tensor
    """``(N, H)`` bool: False for padding."""

    @property
    def is_landmark(self) -> Tensor:
        """Whether a handle is a landmark, ``(N, H)`` bool."""
        return self.landmarks >= 0

    def distances(self, points: Tensor) -> Tensor:
        """Return distances of ``points (N, H, 2)`` to the targets, ``(N, H)`` pixels; 0 for padding."""
        lengths: Tensor = (self.targets - points).norm(dim=-1) * self.valid
        return lengths

    def replace_landmarks(self, landmarks: Tensor, points: Tensor) -> Tensor:
        """Take positions of landmarks from ``landmarks (N, 68, 2)`` and others from ``points (N, H, 2)``."""
        positions = landmarks.gather(1, self.landmarks.clamp_min(0)[..., None].expand(-1, -1, 2))
        return torch.where(self.is_landmark[..., None], positions, points)


def batch_handles(handles: Sequence[Handles]) -> HandleBatch:
    """Pad the handles of several images to one batch."""

    def pad(parts: Sequence[Tensor], value: float) -> Tensor:
        return pad_sequence(list(parts), batch_first=True, padding_value=value)

    return HandleBatch(
        pad([own.starts for own in handles], 0),
        pad([own.targets for own in handles], 0),
        pad([own.landmarks for own in handles], -1),
        pad([torch.ones_like(own.landmarks, dtype=torch.bool) for own in handles], False),
    )


def point_handles(photo: i2i.Photo, points: Sequence[Point]) -> Handles:
    """Create handles from the points of ``--point``, in pixels of the image as given.

    Raises:
        UsageError: a point lies outside the image, or outside the part of a photo that is edited.
    """
    for point in points:
        for position, what in zip(point, ("handle", "target"), strict=True):
            _check_inside(photo, position, f"--point {_format(point[0])}:{_format(point[1])}: the {what}")
    positions = torch.from_numpy(photo.to_crop(points).reshape(-1, 2, 2)).to(photo.pixels)
    names = [_format(start) for start, _ in points]
    no_landmarks = torch.full((len(points),), -1, dtype=torch.int64, device=positions.device)
    return Handles(names, positions[:, 0], positions[:, 1], no_landmarks)


def _format(position: tuple[float, float]) -> str:
    return f"{position[0]:g},{position[1]:g}"


def _check_inside(photo: i2i.Photo, position: tuple[float, float], what: str) -> None:
    height, width = photo.given
    x, y = position
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise i2i.UsageError(
            f"{what} lies outside the image, whose pixels are 0,0 to {width - 1},{height - 1}; give x,y within."
        )
    size, (u, v) = photo.pixels.shape[-1], photo.to_crop(position)
    left, top, right, bottom = (0, 0, size, size) if photo.placement is None else photo.placement.content_box(size)
    if not (left - 0.5 <= u <= right - 0.5 and top - 0.5 <= v <= bottom - 0.5):
        assert photo.placement is not None
        x0, y0, x1, y1 = photo.placement.bounds()
        raise i2i.UsageError(
            f"{what} lies outside the part of the photo that is edited, about {max(0, x0):.0f},{max(0, y0):.0f} to "
            f"{min(width - 1, x1):.0f},{min(height - 1, y1):.0f}; choose one within, or another part with --face or "
            "--crop."
        )


def preset_handles(presets: Mapping[str, tuple[PresetValues, float]], points: Tensor, size: int) -> Handles:
    """Create handles from the landmarks that presets move; displacements of the same landmark are added.

    Two landmarks whose distance is measured, such as an upper and a lower lid, move no further than to where they meet,
    and targets are clamped to the image.

    Args:
        presets: Values and strength by name.
        points: Initial landmarks ``(68, 2)``, pixels.
        size: Resolution of the image, pixels.
    """
    moves: dict[int, Tensor] = {}
    for values, strength in presets.values():
        for landmark, move in displacements(values, points, size).items():
            moves[landmark] = moves.get(landmark, torch.zeros_like(move)) + strength * move
    _limit_to_meeting(presets, points, moves)
    targets = {landmark: (points[landmark] + move).clamp(0, size - 1) for landmark, move in moves.items()}
    least = _VISIBLE * size if size >= SMALL else _MIN_LENGTH
    moving = [index for index in sorted(targets) if (targets[index] - points[index]).norm() > least]
    landmarks = torch.tensor(moving, dtype=torch.int64, device=points.device)
    ends = torch.stack([targets[index] for index in moving]) if moving else points[:0]
    return Handles([f"landmark {index + 1}" for index in moving], points[landmarks], ends, landmarks)


def _limit_to_meeting(
    presets: Mapping[str, tuple[PresetValues, float]], points: Tensor, moves: dict[int, Tensor]
) -> None:
    """Shorten, in place, the displacements of measured pairs that would pass each other."""
    for pair in dict.fromkeys(pair for values, _ in presets.values() for aim in values.aims for pair in aim.pairs):
        one, other = (landmark - 1 for landmark in pair)
        if one in moves and other in moves:
            apart = points[one] - points[other]
            approach = -float(apart @ (moves[one] - moves[other])) / max(float(apart @ apart), 1e-9)
            if approach > 1:
                moves[one], moves[other] = moves[one] / approach, moves[other] / approach


def check_opposed(presets: Mapping[str, tuple[PresetValues, float]], points: Tensor, size: int) -> None:
    """Refuse presets that move the same landmarks of ``points (68, 2)`` in opposite directions.

    Args:
        size: Resolution of the image, pixels.

    Raises:
        UsageError: names two of them and the landmarks.
    """
    moves = {
        name: {landmark: strength * move for landmark, move in displacements(values, points, size).items()}
        for name, (values, strength) in presets.items()
    }
    for (name, mine), (other, others) in combinations(moves.items(), 2):
        shared = [index for index in sorted(mine.keys() & others.keys()) if _are_opposed(mine[index], others[index])]
        if shared:
            numbers = ", ".join(str(index + 1) for index in shared)
            raise i2i.UsageError(
                f"--preset {name},{other}: they move landmark{'s' * (len(shared) > 1)} {numbers} in opposite "
                "directions; leave one of them out."
            )


def _are_opposed(move: Tensor, other: Tensor) -> bool:
    lengths = float(move.norm()), float(other.norm())
    return min(lengths) > _MIN_LENGTH and float(move @ other) < _OPPOSED * lengths[0] * lengths[1]


def displacements(values: PresetValues, points: Tensor, size: int) -> dict[int, Tensor]:
    """Return displacements ``(2,)`` in pixels of an image of ``size`` px at strength 1, by landmark counted from 0."""
    across = points[EYES[1]].mean(dim=0) - points[EYES[0]].mean(dim=0)
    down = torch.stack([-across[1], across[0]])
    moves: dict[int, Tensor] = {}
    for move in values.moves:
        if size < move.smallest:
            continue
        index = move.landmark - 1
        by = move.by[0] * across + move.by[1] * down
        if move.to:
            by = by + move.factor * (points[[landmark - 1 for landmark in move.to]].mean(dim=0) - points[index])
        moves[index] = moves.get(index, torch.zeros_like(by)) + by
    return moves
