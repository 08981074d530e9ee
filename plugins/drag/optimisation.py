"""The loop of a drag: the first rows of w go downhill until all handles have arrived, or come no nearer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

import i2i

from .handles import Handles
from .losses import LandmarkLoss, PersonLoss, disc, motion, strayed
from .settings import Settings
from .tracking import sample, track

if TYPE_CHECKING:
    from torch import Tensor

SHARE = 0.25
"""Of its own way within which a handle has arrived as well, where that is less than the tolerance: a lid that is to go
a single pixel has not arrived before it sets out."""
LEAST = 0.05
"""Of the tolerance, below which nobody sees a difference."""
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
    """The way of a drag."""

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
    ended: str = "arrived"
    """Or "steps", "still", "cancelled"."""
    frames: list[Frame] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Pull:
    """What pulls handles of landmarks besides features."""

    read: Callable[[Tensor], Tensor]
    """Pictures ``(1, 3, R, R)`` -> landmarks ``(1, 68, 2)``, passing gradients."""
    loss: LandmarkLoss
    person: PersonLoss | None
    """What keeps the face the same person's."""
    start: Tensor
    """The picture ``(1, 3, R, R)`` that is edited,"""
    over: Tensor | None
    """and the mask outside which it is given back: what is looked at is what the user will get."""


def blended(picture: Tensor, start: Tensor, mask: Tensor | None) -> Tensor:
    """``picture`` where the mask is 1, ``start`` where it is 0; all ``(1, ., R, R)``."""
    return picture if mask is None else start + mask * (picture - start)


class Drag:
    """Handles on their way.

    Features are computed no further than the layer, at its own resolution. Handles are tracked by features; those of
    landmarks are read off the picture instead where there is a ``pull``.
    """

    def __init__(
        self,
        scene: i2i.Scene,
        settings: Settings,
        w: Tensor,
        handles: Handles,
        mask: Tensor | None = None,
        pull: Pull | None = None,
        features: bool = True,
    ) -> None:
        """Get ready.

        Args:
            w: ``(1, num_ws, w_dim)``.
            mask: ``(1, 1, R, R)``, 1 where the picture may change; None for everywhere.
            features: Whether features pull; without, there must be a ``pull`` and no handle but landmarks, and what
                the mask keeps are the picture's own pixels.
        """
        self.scene, self.generator, self.settings, self.handles = scene, scene.generator, settings, handles
        self.size, self.pull, self.start = scene.generator.resolution, pull, w.detach()
        first = self.start[:, : settings.rows]
        self.way = torch.zeros_like(first[:, :1] if settings.one_way else first)
        self.adam = torch.optim.Adam([self.way], lr=settings.rate)
        self.offsets = disc(settings.r1, w.device)
        self.points = handles.starts.clone()
        with torch.no_grad():
            self.before = self._maps(self.start) if features else self._picture(self.start)
            self.looks = sample(self.before, handles.starts, self.size) if features else None
        self.kept = None
        if mask is not None and settings.mask_weight:
            self.kept = 1 - F.interpolate(mask, self.before.shape[2:], mode="area")
        bounds = SHARE * handles.ways
        self.near = bounds.clamp(LEAST * settings.tolerance, settings.tolerance)
        self.trace = Trace(self.start, self.points)
        self._lowest = float("inf")

    def w(self) -> Tensor:
        """Where it is now, ``(1, num_ws, w_dim)``."""
        rows = self.settings.rows
        return torch.cat([self.start[:, :rows] + self.way, self.start[:, rows:]], dim=1)

    def _maps(self, w: Tensor) -> Tensor:
        """``(1, C, r, r)``, no further than the layer and at its own resolution."""
        maps: Tensor = self.generator.features(w, self.settings.layer)
        return maps

    def _picture(self, w: Tensor) -> Tensor:
        """``(1, 3, R, R)``, also of a generator that knows grey only."""
        picture: Tensor = self.generator.render(w)
        return picture.expand(-1, 3, -1, -1)

    def run(self) -> Trace:
        """Go, at most ``settings.steps`` steps; gives the way with the best that was found on it."""
        begun = time.perf_counter()
        for step in range(self.settings.steps + 1):
            last = step == self.settings.steps
            with torch.set_grad_enabled(not last):
                self.way.requires_grad_(not last)
                loss, picture = self.look()
            self._remember(step, loss, picture)
            self.scene.progress(step, self.settings.steps, distance=_mean(self.trace.distances[-1]))
            ended = self._ended(step)
            if ended:
                self.trace.ended = ended
                break
            self.move(loss)
        self.trace.seconds = time.perf_counter() - begun
        return self.trace

    def look(self) -> tuple[Tensor, Tensor | None]:
        """Find the handles where the picture is now; gives what is to sink, and the picture where it was drawn."""
        w, picture, seen = self.w(), None, None
        loss = w.new_zeros(())
        if self.looks is not None:
            seen = self._maps(w)
            with torch.no_grad():
                self.points = track(seen, self.points, self.looks, self.settings.r2, self.size)
        if self.pull is not None:
            picture = self._picture(w)
            given = blended(picture, self.pull.start, self.pull.over)
            landmarks = self.pull.read(given)[0]
            tied = self.handles.landmarks >= 0
            read = landmarks.detach()[self.handles.landmarks.clamp_min(0)]
            self.points = torch.where(tied[:, None], read, self.points)
            loss = loss + self.pull.loss(landmarks)
            if self.pull.person is not None:
                loss = loss + self.pull.person(given, landmarks.detach()[None])
        if seen is not None:
            going = ((self.handles.targets - self.points).norm(dim=1) > self.near).float()
            loss = loss + motion(seen, self.points, self.handles.targets, going, self.offsets, self.size)
        if self.kept is not None:
            held = picture if seen is None else seen
            assert held is not None
            loss = loss + self.settings.mask_weight * strayed(held, self.before, self.kept)
        if self.settings.start_weight:
            loss = loss + self.settings.start_weight * (w - self.start).abs().mean()
        return loss, picture

    def move(self, loss: Tensor) -> None:
        """One step of Adam."""
        self.adam.zero_grad()
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
            self.adam.step()

    def _remember(self, step: int, loss: Tensor, picture: Tensor | None) -> None:
        """Keep the track, the best, and now and then a frame; here alone numbers come back from the device."""
        away = (self.handles.targets - self.points).norm(dim=1)
        *distances, value = torch.cat([away, loss.detach()[None]]).tolist()
        self.trace.distances.append(distances)
        self.trace.losses.append(value)
        if sum(distances) < self._lowest:
            self._lowest, self.trace.best = sum(distances), step
            self.trace.w, self.trace.points = self.w().detach().clone(), self.points.clone()
            self.trace.arrived = (away <= self.near).tolist()
        if self.settings.frames and step % self.settings.frames == 0:
            if picture is None:
                with torch.no_grad():
                    picture = self._picture(self.w())
            self.trace.frames.append(Frame(picture.detach().float().clamp(-1, 1), self.points.clone()))

    def _ended(self, step: int) -> str:
        """Why there is no further step; empty where there is one."""
        if all(self.trace.arrived):
            return "arrived"
        if self.scene.cancelled:
            return "cancelled"
        if step == self.settings.steps:
            return "steps"
        patience = self.settings.patience
        if patience and step >= patience:
            sums = [sum(each) for each in self.trace.distances]
            if min(sums[:-patience]) - min(sums[-patience:]) < GAIN * sums[0]:
                return "still"
        return ""


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)
