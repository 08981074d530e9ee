"""Handles and their targets: from points that the user names, and from landmarks that presets move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import torch
from torch.nn.utils.rnn import pad_sequence

import i2i
from i2i.toolkit.faces.landmarks import EYES

from .formats import Values
from .options import Point
from .rows import Rows

if TYPE_CHECKING:
    from torch import Tensor

_LEAST = 0.02
"""Shortest move of a landmark that is one, pixels."""
_OPPOSED = -0.5
"""Cosine of two moves from which on they are opposed: they go more than 120 degrees apart."""


@dataclass(frozen=True)
class Handles:
    """Points of the generator's picture, (0, 0) the centre of the upper left pixel, and where they go."""

    names: Sequence[str]
    starts: Tensor
    """``(H, 2)`` x, y."""
    targets: Tensor
    """``(H, 2)``."""
    landmarks: Tensor
    """``(H,)`` int64: which of the 68 landmarks, from 0; -1 for points."""

    @property
    def ways(self) -> Tensor:
        """How far each goes, ``(H,)`` pixels."""
        lengths: Tensor = (self.targets - self.starts).norm(dim=1)
        return lengths

    def named(self, indices: Iterable[int]) -> str:
        """Some of them as one says it: ``"landmarks 63, 67"``, ``"20,30 and landmark 9"``."""
        chosen = [(self.names[index], int(self.landmarks[index]) + 1) for index in indices]
        places = [name for name, landmark in chosen if not landmark]
        numbers = [str(landmark) for _, landmark in chosen if landmark]
        found = [" and ".join(places)] if places else []
        return " and ".join([*found, f"landmark{'s' * (len(numbers) > 1)} {', '.join(numbers)}"] if numbers else found)

    def joined(self, other: Handles) -> Handles:
        """Both."""
        fields = ((self.starts, other.starts), (self.targets, other.targets), (self.landmarks, other.landmarks))
        return Handles([*self.names, *other.names], *(torch.cat(each) for each in fields))


@dataclass(frozen=True)
class Together(Rows):
    """Handles of pictures side by side; pictures with fewer have places at their end that hold none."""

    starts: Tensor
    """``(N, H, 2)`` x, y, and so are"""
    targets: Tensor
    landmarks: Tensor
    """``(N, H)``, as of ``Handles``."""
    there: Tensor
    """``(N, H)`` bool: whether a place holds a handle."""

    @property
    def tied(self) -> Tensor:
        """Whether it is a landmark, ``(N, H)`` bool."""
        return self.landmarks >= 0

    def left(self, points: Tensor) -> Tensor:
        """From ``points (N, H, 2)`` to the targets, ``(N, H)`` pixels; 0 where there is no handle."""
        lengths: Tensor = (self.targets - points).norm(dim=-1) * self.there
        return lengths

    def read_off(self, landmarks: Tensor, points: Tensor) -> Tensor:
        """Where those of landmarks are by ``landmarks (N, 68, 2)``, and the others by ``points (N, H, 2)``."""
        read = landmarks.gather(1, self.landmarks.clamp_min(0)[..., None].expand(-1, -1, 2))
        return torch.where(self.tied[..., None], read, points)


def together(many: Sequence[Handles]) -> Together:
    """Of several pictures, a row for each."""

    def padded(each: Sequence[Tensor], value: float) -> Tensor:
        return pad_sequence(list(each), batch_first=True, padding_value=value)

    return Together(
        padded([each.starts for each in many], 0),
        padded([each.targets for each in many], 0),
        padded([each.landmarks for each in many], -1),
        padded([torch.ones_like(each.landmarks, dtype=torch.bool) for each in many], False),
    )


def of_points(photo: i2i.Photo, points: Sequence[Point]) -> Handles:
    """From what the user typed, in pixels of what the user gave.

    Raises:
        UsageError: one lies outside the picture, or outside the part of a photo that is edited.
    """
    for point in points:
        for place, what in zip(point, ("handle", "target"), strict=True):
            _check(photo, place, f"--point {_text(point[0])}:{_text(point[1])}: the {what}")
    places = torch.from_numpy(photo.to_crop(points).reshape(-1, 2, 2)).to(photo.pixels)
    names = [_text(start) for start, _ in points]
    nowhere = torch.full((len(points),), -1, dtype=torch.int64, device=places.device)
    return Handles(names, places[:, 0], places[:, 1], nowhere)


def _text(place: tuple[float, float]) -> str:
    return f"{place[0]:g},{place[1]:g}"


def _check(photo: i2i.Photo, place: tuple[float, float], what: str) -> None:
    height, width = photo.given
    x, y = place
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise i2i.UsageError(
            f"{what} lies outside the picture, whose pixels go from 0,0 to {width - 1},{height - 1}; give x,y within."
        )
    size, (u, v) = photo.pixels.shape[-1], photo.to_crop(place)
    if not (-0.5 <= u <= size - 0.5 and -0.5 <= v <= size - 0.5):
        assert photo.placement is not None
        x0, y0, x1, y1 = photo.placement.bounds()
        raise i2i.UsageError(
            f"{what} lies outside the part of the photo that is edited, about {max(0, x0):.0f},{max(0, y0):.0f} to "
            f"{min(width - 1, x1):.0f},{min(height - 1, y1):.0f}; choose one within, or another part with --face or "
            "--crop."
        )


def of_presets(presets: Mapping[str, tuple[Values, float]], points: Tensor, size: int) -> Handles:
    """From landmarks; where presets move the same one, their moves add up.

    Two landmarks whose distance is measured, such as an upper and a lower lid, go no further than to where they meet,
    and targets are kept within the picture.

    Args:
        presets: By name, values and strength.
        points: ``(68, 2)`` of the picture.
        size: Of the picture, pixels.
    """
    moves: dict[int, Tensor] = {}
    for values, strength in presets.values():
        for landmark, move in displacements(values, points).items():
            moves[landmark] = moves.get(landmark, torch.zeros_like(move)) + strength * move
    _let_meet(presets, points, moves)
    targets = {landmark: (points[landmark] + move).clamp(0, size - 1) for landmark, move in moves.items()}
    kept = [each for each in sorted(targets) if (targets[each] - points[each]).norm() > _LEAST]
    there = torch.tensor(kept, dtype=torch.int64, device=points.device)
    ends = torch.stack([targets[each] for each in kept]) if kept else points[:0]
    return Handles([f"landmark {each + 1}" for each in kept], points[there], ends, there)


def _let_meet(presets: Mapping[str, tuple[Values, float]], points: Tensor, moves: dict[int, Tensor]) -> None:
    """Shorten, in place, the moves of pairs of which each would pass the other."""
    for pair in dict.fromkeys(pair for values, _ in presets.values() for aim in values.aims for pair in aim.pairs):
        one, other = (each - 1 for each in pair)
        if one in moves and other in moves:
            before = points[one] - points[other]
            nearer = -float(before @ (moves[one] - moves[other])) / max(float(before @ before), 1e-9)
            if nearer > 1:
                moves[one], moves[other] = moves[one] / nearer, moves[other] / nearer


def check_opposed(presets: Mapping[str, tuple[Values, float]], points: Tensor) -> None:
    """Refuse presets that undo each other in a face with ``points (68, 2)``.

    Raises:
        UsageError: names two that pull the same landmarks in opposite directions.
    """
    moves = {
        name: {landmark: strength * move for landmark, move in displacements(values, points).items()}
        for name, (values, strength) in presets.items()
    }
    for (name, mine), (other, others) in combinations(moves.items(), 2):
        shared = [each for each in sorted(mine.keys() & others.keys()) if _opposed(mine[each], others[each])]
        if shared:
            numbers = ", ".join(str(each + 1) for each in shared)
            raise i2i.UsageError(
                f"--preset {name},{other}: they pull landmark{'s' * (len(shared) > 1)} {numbers} in opposite "
                "directions; leave one of them out."
            )


def _opposed(move: Tensor, other: Tensor) -> bool:
    lengths = float(move.norm()), float(other.norm())
    return min(lengths) > _LEAST and float(move @ other) < _OPPOSED * lengths[0] * lengths[1]


def displacements(values: Values, points: Tensor) -> dict[int, Tensor]:
    """By landmark, counted from 0, how far a preset of strength 1 moves it: ``(2,)`` pixels."""
    across = points[EYES[1]].mean(dim=0) - points[EYES[0]].mean(dim=0)
    down = torch.stack([-across[1], across[0]])
    found: dict[int, Tensor] = {}
    for move in values.moves:
        index = move.landmark - 1
        by = move.by[0] * across + move.by[1] * down
        if move.to:
            by = by + move.factor * (points[[each - 1 for each in move.to]].mean(dim=0) - points[index])
        found[index] = found.get(index, torch.zeros_like(by)) + by
    return found
