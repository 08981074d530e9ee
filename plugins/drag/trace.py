"""The way of one picture that is dragged: the best that was found, and when to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

GAIN = 0.03
"""Share of the whole way by which handles must come nearer within ``patience`` steps."""


@dataclass
class Frame:
    """A moment of the way."""

    picture: Tensor
    """``(1, 3, R, R)`` in [-1, 1]."""
    points: Tensor
    """``(H, 2)`` pixels."""


@dataclass
class Trace:
    """The way of one picture."""

    near: Sequence[float]
    """From its target at which each handle has arrived, pixels."""
    w: Tensor
    """``(1, num_ws, w_dim)``: the best so far,"""
    points: Tensor
    """``(H, 2)``: where its handles are, and"""
    best: int = 0
    """the step that found it."""
    distances: list[list[float]] = field(default_factory=list)
    """After each step, of each handle to its target, pixels."""
    losses: list[float] = field(default_factory=list)
    arrived: list[bool] = field(default_factory=list)
    """Handles of the best."""
    ended: str = ""
    """Why: "arrived", "still", "steps" or "cancelled"; empty while it is on its way."""
    frames: list[Frame] = field(default_factory=list)
    seconds: float = 0.0
    """Its share of the time of all that were on their way with it."""

    @property
    def steps(self) -> int:
        """Steps that were taken."""
        return len(self.losses) - 1

    def add(self, loss: float, distances: Sequence[float]) -> bool:
        """Take in what was found after a step; True if it is the best so far, whose w and points are to be kept."""
        before = sum(self.distances[self.best]) if self.distances else float("inf")
        self.losses.append(loss)
        self.distances.append(list(distances))
        arrived = [away <= near for away, near in zip(distances, self.near, strict=True)]
        if not (all(arrived) or sum(distances) < before):
            return False
        self.best, self.arrived = self.steps, arrived
        return True

    def ends(self, settings: Settings, cancelled: bool) -> bool:
        """Whether there is no further step, and keep why."""
        if all(self.arrived):
            self.ended = "arrived"
        elif cancelled:
            self.ended = "cancelled"
        elif self.steps == settings.steps:
            self.ended = "steps"
        elif self._still(settings.patience):
            self.ended = "still"
        return bool(self.ended)

    def _still(self, patience: int) -> bool:
        if not patience or self.steps < patience:
            return False
        sums = [sum(each) for each in self.distances]
        return min(sums[:-patience]) - min(sums[-patience:]) < GAIN * sums[0]
