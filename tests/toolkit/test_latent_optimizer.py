"""The latent optimiser on parabolas: best so far, early stopping, schedule, frames, progress and cancellation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from i2i.toolkit.latents.optimizer import (
    Evaluation,
    LatentOptimizer,
    Objective,
    Patience,
    Trajectory,
    constant,
    warmup_cosine,
)


class Parabolas(Objective):
    """Squared distances of N points ``(N, 2)`` to their goals."""

    def __init__(self, goals: Tensor, comparable_from: int = 0) -> None:
        self.goals, self.comparable_from = goals, comparable_from
        self.sizes: list[int] = []

    def evaluate(self, variables: Mapping[str, Tensor], step: int) -> Evaluation:
        self.sizes.append(len(self.goals))
        differences = variables["w"] - self.goals
        losses = differences.square().sum(dim=1)
        comparable = step >= self.comparable_from
        return Evaluation(losses, metrics={"point": variables["w"]}, comparable=comparable, images=differences)

    def select(self, samples: Tensor) -> None:
        self.goals = self.goals[samples]


class Near(Trajectory):
    """Has converged at a loss below 0.01."""

    def has_converged(self) -> bool:
        return self.losses[-1] < 0.01


GOALS = torch.tensor([[0.3, 0.0], [2.0, -1.0], [0.0, 0.0]])


def optimizer(kind: type[Trajectory] = Trajectory, objective: Any = None, **settings: Any) -> LatentOptimizer[Any]:
    patience = settings.pop("patience", Patience(0))
    objective = objective or Parabolas(GOALS)
    settings = {"steps": 60, "learning_rate": 0.1, **settings}
    start = {"w": torch.zeros(len(objective.goals), 2)}
    return LatentOptimizer(objective, start, [kind(patience) for _ in objective.goals], **settings)


def test_each_sample_keeps_its_best() -> None:
    wild = optimizer(learning_rate=1.5, steps=15).run()
    for goal, trajectory in zip(GOALS, wild, strict=True):
        assert trajectory.best_loss == min(trajectory.losses) == trajectory.losses[trajectory.best_step]
        assert float((trajectory.best["w"][0] - goal).square().sum()) == pytest.approx(trajectory.best_loss, abs=1e-6)
        assert trajectory.metrics["point"][trajectory.best_step] == trajectory.best["w"][0].tolist()
        assert not trajectory.best["w"].requires_grad and trajectory.stop_reason == "steps"
    assert wild[1].best_loss < wild[1].losses[-1] < max(wild[1].losses)


def test_converged_samples_leave_the_batch_and_do_not_disturb_others() -> None:
    run = optimizer(Near)
    near, far, there = run.run()
    assert (near.stop_reason, far.stop_reason, there.stop_reason) == ("converged",) * 3
    assert there.steps == 0 < near.steps < far.steps < 60
    assert run.objective.sizes == sorted(run.objective.sizes, reverse=True) and run.objective.sizes[-1] == 1
    (alone,) = optimizer(Near, Parabolas(GOALS[1:2])).run()
    assert alone.losses == far.losses and torch.equal(alone.best["w"], far.best["w"])


def test_stalled_samples_stop_early() -> None:
    near, far, _ = optimizer(patience=Patience(5), steps=200).run()
    assert near.stop_reason == far.stop_reason == "stalled" and near.steps < 200
    assert optimizer(learning_rate=1e-9, patience=Patience(4)).run()[1].steps == 4


@pytest.mark.parametrize(
    ("best", "patience", "exhausted"),
    [
        ([1.0, 0.5, 0.4], 3, False),
        ([1.0, 0.5, 0.4, 0.3], 3, False),
        ([1.0, 0.3, 0.2999, 0.2998], 2, True),
        ([1e-5, 4e-6, 3e-6], 2, True),
        ([1.0, 1.0, 1.0], 0, False),
        ([float("inf"), float("inf"), 1.0, 1.0], 2, False),
    ],
)
def test_patience_compares_relative_and_absolute_improvement(best: list[float], patience: int, exhausted: bool) -> None:
    assert Patience(patience).is_exhausted(best) == exhausted


def test_incomparable_losses_keep_the_latest() -> None:
    run = optimizer(objective=Parabolas(GOALS, comparable_from=3), steps=2)
    far = run.run()[1]
    assert far.best_step == 2 and far.best_loss == far.losses[-1]
    far = optimizer(objective=Parabolas(GOALS, comparable_from=3), steps=8, learning_rate=3.0).run()[1]
    assert far.best_step >= 3 and far.best_loss == min(far.losses[3:])


def test_cancelled_samples_return_their_best() -> None:
    steps: list[tuple[int, float]] = []
    run = optimizer(cancelled=lambda: len(steps) == 3)
    found = run.run(lambda done, loss: steps.append((done, loss)))
    assert [trajectory.stop_reason for trajectory in found] == ["cancelled"] * 3
    assert [done for done, _ in steps] == [0, 3, 6] and found[1].best_step == 2
    assert steps[0][1] == pytest.approx(float(GOALS.square().sum()) / 3)


def test_progress_counts_stopped_samples_with_all_their_steps() -> None:
    steps: list[int] = []
    found = optimizer(Near, steps=40).run(lambda done, loss: steps.append(done))
    last = max(trajectory.steps for trajectory in found)
    assert steps[0] == 0 and steps == sorted(steps) and steps[-1] == 2 * 40 + last


def test_frames_are_kept_at_an_interval() -> None:
    far = optimizer(frame_interval=4, steps=10).run()[1]
    assert len(far.frames) == 3 and far.frames[0].shape == (1, 2)
    torch.testing.assert_close(far.frames[2][0] + GOALS[1], torch.tensor(far.metrics["point"][8]))
    assert not optimizer(steps=10).run()[1].frames


def test_schedule_scales_and_constraint_apply() -> None:
    moved = [
        abs(run.run()[1].best["w"][0, 0].item()) for run in (optimizer(steps=1), optimizer(steps=1, scales={"w": 3}))
    ]
    assert moved == pytest.approx([0.1, 0.3], abs=1e-4)
    warm = optimizer(steps=2, schedule=warmup_cosine(0.9, 0.0)).run()[1]
    assert warm.losses[1] == warm.losses[0] > warm.losses[2]  # the first learning rate is 0

    def clamp(variables: Mapping[str, Tensor]) -> None:
        variables["w"].clamp_(max=0.25)

    assert optimizer(constrain=clamp).run()[1].best["w"].max() == 0.25


@pytest.mark.parametrize(("fraction", "factor"), [(0, 0), (0.025, 0.5), (0.05, 1), (0.75, 1), (0.875, 0.5), (1, 0)])
def test_warmup_cosine_rises_and_decays(fraction: float, factor: float) -> None:
    assert warmup_cosine(0.05, 0.25)(fraction) == pytest.approx(factor, abs=1e-12)
    assert warmup_cosine(0, 0)(fraction) == constant(fraction) == 1


def test_zero_steps_evaluate_the_initial_variables() -> None:
    far = optimizer(steps=0).run()[1]
    assert far.steps == 0 and not far.best["w"].any() and far.stop_reason == "steps"


def test_an_objective_without_select_is_told() -> None:
    class Forgetful(Parabolas):
        select = Objective.select

    with pytest.raises(NotImplementedError, match=r"Forgetful must define select"):
        optimizer(Near, Forgetful(GOALS)).run()
