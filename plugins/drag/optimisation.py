"""The loop of a drag: the first rows of each w go downhill until all its handles have arrived, or come no nearer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

import i2i
from i2i.toolkit.latents.adam import Adam

from .handles import Handles, Together, together
from .losses import disc, motion, strayed
from .pulling import Pull
from .rows import Rows
from .settings import Settings
from .trace import Frame, Trace
from .tracking import sample, track

if TYPE_CHECKING:
    from torch import Tensor

SHARE = 0.25
"""Of its own way within which a handle has arrived as well, where that is less than the tolerance: a lid that is to go
a single pixel has not arrived before it sets out."""
LEAST = 0.05
"""Of the tolerance, below which nobody sees a difference."""


@dataclass(frozen=True)
class Known(Rows):
    """What stays the same of the pictures that are on their way."""

    w: Tensor
    """``(N, num_ws, w_dim)`` at the start."""
    handles: Together
    near: Tensor
    """From its target at which a handle has arrived, ``(N, H)`` pixels."""
    before: Tensor
    """What is held to the start: features ``(N, C, r, r)``, or the pictures themselves."""
    looks: Tensor | None
    """Features of the handles, ``(N, H, C)``, where any is tracked by them."""
    kept: Tensor | None
    """``(N, 1, r, r)``, 1 where the picture is to stay."""
    pull: Pull | None


class Drag:
    """Handles of N pictures on their way, side by side and each as if it were alone.

    The loss is a sum over pictures, and Adam knows each number by itself. Features are computed no further than the
    layer, at its own resolution. Handles are tracked by features; those of landmarks are read off the picture instead
    where there is a ``pull``. A picture that has ended is left out of the steps of the others.
    """

    def __init__(
        self,
        scene: i2i.Scene,
        generator: Any,
        settings: Settings,
        w: Tensor,
        handles: Sequence[Handles],
        mask: Tensor | None = None,
        pull: Pull | None = None,
        features: bool = True,
    ) -> None:
        """Get ready.

        Args:
            generator: Draws all of the pictures.
            w: ``(N, num_ws, w_dim)``.
            handles: Of each picture, at least one.
            mask: ``(N, 1, R, R)``, 1 where the pictures may change; None for everywhere.
            features: Whether features pull; without, there must be a ``pull`` and no handle but landmarks, and what
                the mask keeps are the pictures' own pixels.
        """
        self.scene, self.generator, self.settings, self.features = scene, generator, settings, features
        self.size = generator.resolution
        first = w.detach()[:, : settings.rows]
        self.way = torch.zeros_like(first[:, :1] if settings.one_way else first)
        self.adam = Adam({"way": self.way})
        self.offsets = disc(settings.r1, w.device)
        self.known = self._know(w.detach(), together(handles), mask, pull)
        self.points = self.known.handles.starts.clone()
        self.rows = list(range(len(w)))
        """Numbers of the pictures that are on their way."""
        self.traces = [
            Trace(near[: len(each.names)], start, each.starts)
            for near, start, each in zip(self.known.near.tolist(), self.known.w.split(1), handles, strict=True)
        ]

    def _know(self, w: Tensor, handles: Together, mask: Tensor | None, pull: Pull | None) -> Known:
        near = (SHARE * handles.left(handles.starts)).clamp(LEAST * self.settings.tolerance, self.settings.tolerance)
        tracked = self.features and (pull is None or bool((handles.there & ~handles.tied).any()))
        with torch.no_grad():
            before = self._maps(w) if self.features else self._pictures(w)
            looks = sample(before, handles.starts, self.size) if tracked else None
        kept = None
        if mask is not None and self.settings.mask_weight:
            kept = 1 - F.interpolate(mask, before.shape[2:], mode="area")
        return Known(w, handles, near, before, looks, kept, pull)

    def w(self) -> Tensor:
        """Where those on their way are now, ``(n, num_ws, w_dim)``."""
        rows = self.settings.rows
        return torch.cat([self.known.w[:, :rows] + self.way, self.known.w[:, rows:]], dim=1)

    def _maps(self, w: Tensor) -> Tensor:
        """``(n, C, r, r)``, no further than the layer and at its own resolution."""
        maps: Tensor = self.generator.features(w, self.settings.layer)
        return maps

    def _pictures(self, w: Tensor) -> Tensor:
        """``(n, 3, R, R)``, also of a generator that knows grey only."""
        pictures: Tensor = self.generator.render(w)
        return pictures.expand(-1, 3, -1, -1)

    def _see(self, w: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The maps where features pull, and the pictures where something is read off them."""
        if self.known.pull is None:
            return self._maps(w), None
        if not self.features:
            return None, self._pictures(w)
        maps, pictures = self.generator.features_and_pictures(w, self.settings.layer)
        return maps, pictures.expand(-1, 3, -1, -1)

    def run(self, on_step: Callable[[int, float], None] = lambda done, distance: None) -> list[Trace]:
        """Go, at most ``settings.steps`` steps; gives the way of each picture with the best that was found on it.

        Args:
            on_step: Called with the steps that are over, those of all pictures added up, and the mean distance in
                pixels of handles to their targets.
        """
        for step in range(self.settings.steps + 1):
            begun, going = time.perf_counter(), [self.traces[row] for row in self.rows]
            last = step == self.settings.steps
            with torch.set_grad_enabled(not last), i2i.gradients_for(range(self.settings.rows)):
                self.way.requires_grad_(not last)
                losses, pictures = self.look()
            self._remember(step, losses, pictures)
            over = (len(self.traces) - len(going)) * self.settings.steps + len(going) * step
            on_step(over, _mean([_mean(trace.distances[-1]) for trace in going]))
            cancelled = self.scene.cancelled
            left = [row for row, trace in enumerate(going) if not trace.ends(self.settings, cancelled)]
            if left:
                self.move(losses)
                self._leave_but(left)
            for trace in going:
                trace.seconds += (time.perf_counter() - begun) / len(going)
            if not left:
                break
        return self.traces

    def look(self) -> tuple[Tensor, Tensor | None]:
        """Find the handles where the pictures are now; gives what is to sink ``(n,)``, and the pictures if drawn."""
        known, settings, w = self.known, self.settings, self.w()
        losses = w.new_zeros(len(w))
        seen, pictures = self._see(w)
        if seen is not None and known.looks is not None:
            with torch.no_grad():
                self.points = track(seen, self.points, known.looks, settings.r2, self.size)
        if known.pull is not None and pictures is not None:
            landmarks, pulled = known.pull(pictures)
            self.points = known.handles.read_off(landmarks.detach(), self.points)
            losses = losses + pulled
        if seen is not None:
            going = (known.handles.left(self.points) > known.near).float()
            losses = losses + motion(seen, self.points, known.handles.targets, going, self.offsets, self.size)
        if known.kept is not None:
            held = pictures if seen is None else seen
            assert held is not None
            losses = losses + settings.mask_weight * strayed(held, known.before, known.kept)
        if settings.start_weight:
            losses = losses + settings.start_weight * (w - known.w).abs().mean(dim=(1, 2))
        return losses, pictures

    def move(self, losses: Tensor) -> None:
        """One step of Adam; nothing but the way is learnt from."""
        if losses.requires_grad:
            (gradient,) = torch.autograd.grad(losses.sum(), [self.way])
            self.adam.step({"way": self.way}, {"way": gradient}, [self.settings.rate])

    def _leave_but(self, left: Sequence[int]) -> None:
        """Go on with some rows only."""
        if len(left) < len(self.rows):
            self.rows = [self.rows[row] for row in left]
            self.known, self.points = self.known.take(left), self.points[list(left)]
            self.way = self.way.detach()[list(left)]
            self.adam.keep(torch.tensor(left))

    def _remember(self, step: int, losses: Tensor, pictures: Tensor | None) -> None:
        """Keep the tracks, the best, and now and then a frame; here alone numbers come back from the device."""
        away = self.known.handles.left(self.points)
        told, w = torch.cat([losses.detach()[:, None], away], dim=1).tolist(), self.w().detach()
        going = [self.traces[row] for row in self.rows]
        for row, (trace, (loss, *distances)) in enumerate(zip(going, told, strict=True)):
            if trace.add(loss, distances[: len(trace.near)]):
                trace.w, trace.points = w[row : row + 1].clone(), self.points[row, : len(trace.near)].clone()
        if self.settings.frames and step % self.settings.frames == 0:
            with torch.no_grad():
                drawn = (self._pictures(w) if pictures is None else pictures.detach()).float().clamp(-1, 1)
            for trace, points, picture in zip(going, self.points, drawn.split(1), strict=True):
                trace.frames.append(Frame(picture, points[: len(trace.near)].clone()))


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)
