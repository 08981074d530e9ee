"""Gradient descent on a batch of latents: best so far, early stopping, schedule, frames, progress and cancellation.

The loss is a sum over samples and Adam treats each number separately, so that no sample depends on its neighbours. A
sample that has converged or stalled leaves the batch, and the others continue in a smaller one.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import torch

from .adam import BETAS, Adam

if TYPE_CHECKING:
    from torch import Tensor

    from ...api.live import LiveView

StopReason = Literal["converged", "cancelled", "steps", "stalled"]
Schedule = Callable[[float], float]
"""From the fraction of the steps that are done, in [0, 1), to the factor of the learning rate."""


def constant(fraction: float) -> float:
    """Return the factor of a learning rate that does not change."""
    return 1.0


def warmup_cosine(warmup: float, decay: float) -> Schedule:
    """Return a schedule: linear warm-up, constant, cosine decay to 0 (Karras et al. 2020, appendix D).

    Args:
        warmup: Fraction of the steps over which the learning rate grows from 0; 0 for no warm-up.
        decay: Fraction of the steps over which it decays to 0 at the end; 0 for no decay.
    """

    def factor(fraction: float) -> float:
        up = min(1.0, fraction / warmup) if warmup else 1.0
        down = min(1.0, (1 - fraction) / decay) if decay else 1.0
        return up * (0.5 - 0.5 * math.cos(math.pi * down))

    return factor


@dataclass(frozen=True)
class Patience:
    """Early stopping: a sample stalls when its lowest loss has improved by too little within some steps."""

    steps: int
    """Steps within which the loss must improve; 0 for no early stopping."""
    relative: float = 0.01
    """Least improvement, as a fraction of the lowest loss; the larger of this and ``absolute`` applies."""
    absolute: float = 5e-5
    """Least improvement, in units of the loss."""

    def is_exhausted(self, best_losses: Sequence[float]) -> bool:
        """Tell whether the sample has stalled.

        Args:
            best_losses: The lowest loss after each step; infinite while losses could not be compared.
        """
        if not self.steps or len(best_losses) <= self.steps or math.isinf(best_losses[-1 - self.steps]):
            return False
        improvement = best_losses[-1 - self.steps] - best_losses[-1]
        return not improvement > max(self.relative * best_losses[-1], self.absolute)  # also where it is not a number


@dataclass(frozen=True)
class Evaluation:
    """What an objective finds for the current variables of N samples."""

    losses: Tensor
    """``(N,)``: what is minimised; the gradients of its sum are taken."""
    scores: Tensor | None = None
    """``(N,)``: what is recorded as the loss and compared, where that differs from ``losses``."""
    metrics: Mapping[str, Tensor] = field(default_factory=dict)
    """Further numbers to record, by name: ``(N,)`` or ``(N, ...)``, each flattened to a list."""
    comparable: bool = True
    """False where the variables were disturbed: then the latest variables count as the best."""
    images: Tensor | None = None
    """``(N, C, R, R)``, for ``Objective.frames``."""


class Objective(ABC):
    """Renders the variables of N samples and computes their losses."""

    @abstractmethod
    def evaluate(self, variables: Mapping[str, Tensor], step: int) -> Evaluation:
        """Evaluate the current variables, each ``(N, ...)``; at the last step without gradients."""

    def frames(self, variables: Mapping[str, Tensor], evaluation: Evaluation) -> Tensor:
        """Return the frames ``(N, C, R, R)`` of the current step; called without gradients, where frames are kept."""
        if evaluation.images is None:
            raise ValueError(
                f"{type(self).__name__} returned no images from evaluate(), so there are no frames to keep"
            )
        return evaluation.images

    def live_images(self, variables: Mapping[str, Tensor], evaluation: Evaluation) -> Tensor:
        """Return what is watched of the current step, ``(N, C, r, r)`` at any resolution; by default its frames."""
        return self.frames(variables, evaluation)

    def select(self, samples: Tensor) -> None:
        """Keep only some samples: ``samples (n,)`` int64, ascending indices into the current batch.

        An objective whose samples can stop early must define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define select(self, samples): its samples stop early")


@dataclass
class Trajectory:
    """The optimisation of one sample: losses, best variables, and why it stopped. Subclasses may judge otherwise."""

    patience: Patience = Patience(0)
    losses: list[float] = field(default_factory=list)
    """The loss at the initial variables, and after each step."""
    best_losses: list[float] = field(default_factory=list)
    """At each of these, the lowest loss so far; infinite while losses are not comparable."""
    metrics: dict[str, list[list[float]]] = field(default_factory=dict)
    """At each of these, the metrics of the evaluation, by name."""
    best: dict[str, Tensor] = field(default_factory=dict)
    """The best variables by name, each ``(1, ...)``; set when the sample stops."""
    best_step: int = 0
    frames: list[Tensor] = field(default_factory=list)
    """Each ``(1, C, R, R)``."""
    seconds: float = 0.0
    """The sample's share of the time of the batches it was in."""
    stop_reason: StopReason | None = None
    """None while it is optimised."""

    @property
    def steps(self) -> int:
        """Number of steps taken."""
        return len(self.losses) - 1

    @property
    def best_loss(self) -> float:
        """Loss of the best variables; the latest loss where none was comparable."""
        return self.losses[-1] if math.isinf(self.best_losses[-1]) else self.best_losses[-1]

    @property
    def monitored(self) -> float:
        """The number that progress displays show: the latest loss."""
        return self.losses[-1]

    def handles(self) -> Tensor | None:
        """Return the points to show in the image, ``(P, 2)`` pixels; none, unless a subclass has some."""
        return None

    def record(self, loss: float, metrics: Mapping[str, list[float]], comparable: bool = True) -> bool:
        """Record an evaluation; return whether its variables are the best so far."""
        self.losses.append(loss)
        for name, values in metrics.items():
            self.metrics.setdefault(name, []).append(values)
        lowest = self.best_losses[-1] if self.best_losses else math.inf
        improved = self.improves(loss, lowest) if comparable else True
        self.best_losses.append((loss if improved else lowest) if comparable else math.inf)
        if improved:
            self.best_step = self.steps
        return improved

    def improves(self, loss: float, lowest: float) -> bool:
        """Tell whether the recorded evaluation is better than the best before it, whose loss is ``lowest``."""
        return loss < lowest

    def has_converged(self) -> bool:
        """Tell whether the target is reached; never, unless a subclass knows one."""
        return False

    def has_stalled(self) -> bool:
        """Tell whether further steps are not worthwhile."""
        return self.patience.is_exhausted(self.best_losses)

    def stop(self, last: bool, cancelled: bool) -> bool:
        """Tell whether the sample is done, and store why."""
        if self.has_converged():
            self.stop_reason = "converged"
        elif cancelled:
            self.stop_reason = "cancelled"
        elif last:
            self.stop_reason = "steps"
        elif self.has_stalled():
            self.stop_reason = "stalled"
        return self.stop_reason is not None


T = TypeVar("T", bound=Trajectory)


class LatentOptimizer(Generic[T]):
    """Minimise an objective of N samples by Adam, each sample with its own best variables and its own end.

    Attributes:
        variables: The current variables of the samples that are still optimised, by name, each ``(n, ...)``.
        trajectories: One for each sample, in the order of the variables that were given.
    """

    def __init__(
        self,
        objective: Objective,
        variables: Mapping[str, Tensor],
        trajectories: Sequence[T],
        *,
        steps: int,
        learning_rate: float,
        scales: Mapping[str, float] | None = None,
        betas: tuple[float, float] = BETAS,
        keep_direction: bool = False,
        schedule: Schedule = constant,
        constrain: Callable[[Mapping[str, Tensor]], None] | None = None,
        frame_interval: int = 0,
        cancelled: Callable[[], bool] = lambda: False,
        live: LiveView | None = None,
        numbers: Sequence[int] | None = None,
    ) -> None:
        """Prepare the optimisation.

        Args:
            variables: By name, each ``(N, ...)``; they are copied.
            trajectories: N of them, new ones.
            steps: Most steps of each sample; 0 evaluates the initial variables only.
            learning_rate: Of Adam, in units of the variables.
            scales: Factors of the learning rate by variable; 1 for those that are not named.
            betas: Of Adam: decay of the moving averages of the gradient and of its square.
            keep_direction: Whether steps keep the direction of the gradient; see ``Adam``.
            schedule: Factor of the learning rate over the steps.
            constrain: Called after each step to change the variables in place, such as normalising noise maps.
            frame_interval: Steps between the frames that are kept; 0 keeps none.
            cancelled: Asked once a step; once it is true all samples stop with their best so far.
            live: Shown the samples while they are optimised; ``Scene.live``.
            numbers: Which image of the edit each sample is, for ``live``; None where the samples are its images.
        """
        self.objective, self.trajectories = objective, list(trajectories)
        self.steps, self.learning_rate, self.schedule = steps, learning_rate, schedule
        self.scales, self.constrain = scales or {}, constrain
        self.frame_interval, self.cancelled, self.live = frame_interval, cancelled, live
        self._numbers = list(range(len(self.trajectories)) if numbers is None else numbers)
        self.variables = {name: variable.detach().clone() for name, variable in variables.items()}
        self._adam = Adam(self.variables, betas, keep_direction)
        self._best = {name: variable.clone() for name, variable in self.variables.items()}
        self._active = list(self.trajectories)

    def run(self, on_step: Callable[[int, float], None] | None = None) -> list[T]:
        """Optimise all samples until each has converged, stalled or taken all steps.

        Args:
            on_step: Called after each evaluation with the steps done, added up over the samples (one that has stopped
                counts with all its steps), and the mean of what the active trajectories monitor.
        """
        for step in range(self.steps + 1):
            self._step(step, on_step)
            if not self._active:
                break
        return self.trajectories

    def _step(self, step: int, on_step: Callable[[int, float], None] | None) -> None:
        """Evaluate, record, let samples stop, and update the variables of those that remain."""
        started, active, last = time.perf_counter(), self._active, step == self.steps
        with torch.set_grad_enabled(not last):
            for variable in self.variables.values():
                variable.requires_grad_(not last)
            evaluation = self.objective.evaluate(self.variables, step)
        self._record(evaluation, step)
        if on_step is not None:
            done = (len(self.trajectories) - len(active)) * self.steps + len(active) * step
            on_step(done, sum(trajectory.monitored for trajectory in active) / len(active))
        cancelled = self.cancelled()
        remaining = [row for row, trajectory in enumerate(active) if not trajectory.stop(last, cancelled)]
        if remaining:
            self._update(evaluation.losses, step)
        self._retain(remaining)
        seconds = (time.perf_counter() - started) / len(active)
        for trajectory in active:
            trajectory.seconds += seconds

    def _record(self, evaluation: Evaluation, step: int) -> None:
        """Record the evaluation of each sample, copy the best variables and keep frames."""
        scores = (evaluation.losses if evaluation.scores is None else evaluation.scores).detach()
        columns = {name: values.detach().reshape(len(scores), -1) for name, values in evaluation.metrics.items()}
        # One transfer from the device for all numbers of a step.
        rows = torch.cat([scores[:, None], *columns.values()], dim=1).tolist()
        better = []
        for row, (trajectory, (loss, *numbers)) in enumerate(zip(self._active, rows, strict=True)):
            metrics, start = {}, 0
            for name, values in columns.items():
                metrics[name] = numbers[start : start + values.shape[1]]
                start += values.shape[1]
            if trajectory.record(loss, metrics, evaluation.comparable):
                better.append(row)
        for name, variable in self.variables.items():
            if len(better) == len(rows):
                self._best[name].copy_(variable.detach())
            elif better:
                self._best[name][better] = variable.detach()[better]
        if self.frame_interval and step % self.frame_interval == 0:
            with torch.no_grad():
                frames = self.objective.frames(self.variables, evaluation).detach()
            for trajectory, frame in zip(self._active, frames.split(1), strict=True):
                trajectory.frames.append(frame.clone())
        if self.live is not None and self.live.is_due():
            with torch.no_grad():
                images = self.objective.live_images(self.variables, evaluation).detach()
            for number, trajectory, image in zip(self._numbers, self._active, images.split(1), strict=True):
                self.live.show(number, image, trajectory.handles())

    def _update(self, losses: Tensor, step: int) -> None:
        """Take one step of Adam; none where the losses depend on no variable."""
        if not losses.requires_grad:
            return
        gradients = torch.autograd.grad(losses.sum(), list(self.variables.values()))
        rate = self.learning_rate * self.schedule(step / self.steps)
        rates = [rate * self.scales.get(name, 1.0) for name in self.variables]
        self.variables = {name: variable.detach() for name, variable in self.variables.items()}
        self._adam.step(self.variables, dict(zip(self.variables, gradients, strict=True)), rates)
        if self.constrain is not None:
            self.constrain(self.variables)

    def _retain(self, remaining: Sequence[int]) -> None:
        """Take samples that have stopped out of the batch and store their best variables."""
        if len(remaining) == len(self._active):
            return
        for row in sorted(set(range(len(self._active))) - set(remaining)):
            best = {name: variable[row : row + 1].clone() for name, variable in self._best.items()}
            self._active[row].best = best
        self._active = [self._active[row] for row in remaining]
        self._numbers = [self._numbers[row] for row in remaining]
        if remaining:
            device = next(iter(self.variables.values())).device
            samples = torch.tensor(remaining, dtype=torch.int64, device=device)
            self.variables = {name: variable.detach()[samples] for name, variable in self.variables.items()}
            self._best = {name: variable[samples] for name, variable in self._best.items()}
            self._adam.select(samples)
            self.objective.select(samples)
