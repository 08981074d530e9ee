"""The loop, on a generator whose blobs lie where its latent says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

import i2i
from i2i_plugins.drag.editor import Drag
from i2i_plugins.drag.handles import Handles
from i2i_plugins.drag.optimisation import DragOptimisation, DragTrajectory
from i2i_plugins.drag.settings import DragSettings, resolve_settings
from tests.plugins.drag.scenes import Blobs, scene

WAYS = ((4.0, -3.0), (-2.0, 4.0))


def handles(ways: Any = WAYS) -> Handles:
    starts = torch.tensor(Blobs.HOME)[: len(ways)]
    return Handles(["one", "other"][: len(ways)], starts, starts + torch.tensor(ways), torch.full((len(ways),), -1))


def run(ways: Any = WAYS, mask: torch.Tensor | None = None, **options: Any) -> tuple[DragTrajectory, Blobs, i2i.Scene]:
    made, _ = scene(**{name: options.pop(name) for name in ("stop", "progress") if name in options})
    settings = settled(made, **options)
    (trace,) = DragOptimisation(made, made.generator, settings, made.latent.w, [handles(ways)], mask).run()
    return trace, made.generator, made


def settled(made: i2i.Scene, **options: Any) -> DragSettings:
    return resolve_settings(Drag.Options(**{"rate": 0.2, "frames": 0, **options}), made.generator)


def moved(trace: DragTrajectory) -> torch.Tensor:
    """How far the blobs lie from home, ``(2, 2)`` pixels."""
    return trace.w[0, :3].mean(dim=0).reshape(2, 2)


def test_optimisation_reaches_targets_and_converges() -> None:
    trace, _, _ = run()
    assert trace.stop_reason == "converged" and all(trace.converged) and len(trace.losses) < 60
    assert len(trace.losses) - 1 == len(trace.distances) - 1 == trace.best_step
    assert trace.distances[0] == pytest.approx([5.0, 20**0.5], abs=0.05)
    assert (moved(trace) - torch.tensor(WAYS)).norm(dim=1).max() < 1.1  # arrival is within 1 px at 64 px
    # What is tracked is what is there.
    assert (trace.points[trace.best_step] - torch.tensor(Blobs.HOME) - moved(trace)).abs().max() < 0.1


def test_optimisation_changes_first_layers_only() -> None:
    trace, _, _ = run()
    assert trace.w[0, 3:].abs().max() == 0 and trace.w[0, :3].abs().min() > 0
    fewer, _, _ = run(rows=6)
    assert fewer.w[0, 2:].abs().max() == 0  # 6 of 18 are 2 of 6
    together, _, _ = run(space="w")
    assert together.w[0, 0].equal(together.w[0, 2]) and together.stop_reason == "converged"


def test_optimisation_in_principal_components() -> None:
    """Where the generator's w vary in some directions only, handles move by these, and as far as they can."""

    class Diagonal(Blobs):
        """All coordinates of w are equal, but for a thousandth: both blobs move along the diagonal."""

        def map(self, z: torch.Tensor, c: Any = None, truncation: float = 1.0) -> torch.Tensor:
            w = super().map(z, c, truncation)
            return w.mean(dim=2, keepdim=True) + 1e-3 * w

    made, _ = scene()
    made.generator = Diagonal(None, i2i.choose_device("cpu", "fp32"), 64)
    settings = replace(settled(made, space="w"), principal=True, learning_rate=0.2)
    (trace,) = DragOptimisation(made, made.generator, settings, made.latent.w, [handles(((4, 0), (4, 0)))]).run()
    assert (moved(trace) - moved(trace).mean()).abs().max() < 0.1 and moved(trace).mean() > 1.5
    assert trace.w[0, 0].equal(trace.w[0, 2])
    (free,) = DragOptimisation(
        *(made, made.generator, replace(settings, principal=False), made.latent.w, [handles(((4, 0), (4, 0)))])
    ).run()
    assert (moved(free) - torch.tensor([4.0, 0.0])).norm(dim=1).max() < 1.1


def test_features_are_computed_once_per_step() -> None:
    trace, generator, _ = run(layer=32)
    assert generator.calls == ["features 32"] * (len(trace.losses) + 1)  # and the start's
    trace, generator, _ = run(frames=5)
    assert generator.calls.count("render") == len(trace.frames) == (len(trace.losses) + 4) // 5


def test_converged_handle_has_no_loss() -> None:
    far = ((8.0, 0.0), (0.0, 0.4))
    trace, _, _ = run(far, tolerance=1.0)
    assert trace.stop_reason == "converged" and abs(float(moved(trace)[1, 1])) < 1


def test_mask_keeps_the_rest_fixed() -> None:
    both = torch.ones(1, 1, 64, 64)
    left = both.clone()
    left[..., 32:] = 0
    free, held = (run(mask=mask, steps=40, patience=0, mask_weight=20)[0] for mask in (both, left))
    assert (moved(free)[1] - torch.tensor(WAYS[1])).norm() < 1.2
    assert moved(held)[1].norm() < 0.5 < 4 < moved(held)[0].norm() + 1.2


def test_unreachable_target_stops_early() -> None:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :8, :8] = 1
    trace, _, _ = run(mask=mask, steps=500, mask_weight=1000)
    assert trace.stop_reason == "stalled" and len(trace.losses) < 100 and not any(trace.converged)
    assert run(mask=mask, steps=30, patience=0, mask_weight=1000)[0].stop_reason == "steps"


def test_best_latent_is_returned_after_last_step() -> None:
    trace, _, _ = run(steps=7)
    assert trace.stop_reason == "steps" and len(trace.distances) == 8
    wild, _, _ = run(steps=12, rate=1.5, patience=0, tolerance=0.01)
    sums = [sum(each) for each in wild.distances]
    assert wild.best_step == sums.index(min(sums)) < 12
    assert (wild.points[wild.best_step] - torch.tensor(Blobs.HOME) - moved(wild)).norm(dim=1).max() < 3


def test_converged_latent_is_best() -> None:
    trace = DragTrajectory(thresholds=[0.2, 2.0])
    rows = ([1.0, 1.0], [0.3, 0.0], [0.3, 1.0], [0.1, 1.5])
    better = [trace.record(0.0, {"distances": row, "points": [0.0] * 4}) for row in rows]
    assert better == [True, True, False, True]
    assert trace.best_step == 3 and trace.converged == [True, True]


def test_cancelled_optimisation_returns_best() -> None:
    seen: list[int] = []
    made, _ = scene(stop=lambda: len(seen) > 3)
    loop = DragOptimisation(made, made.generator, settled(made), made.latent.w, [handles()])
    (trace,) = loop.run(lambda done, distance: seen.append(done))
    assert trace.stop_reason == "cancelled" and seen == [0, 1, 2, 3] and trace.best_step == 3


def test_start_weight_limits_displacement() -> None:
    free, held = run(steps=10, patience=0)[0], run(steps=10, patience=0, start_weight=100)[0]
    assert held.w.abs().mean() < 0.3 * free.w.abs().mean()


def test_initial_latent_is_not_modified() -> None:
    made, _ = scene()
    start = made.latent.w.clone()
    (trace,) = DragOptimisation(made, made.generator, settled(made), made.latent.w, [handles()]).run()
    assert made.latent.w.equal(start) and not trace.w.requires_grad


MANY: tuple[Any, ...] = (WAYS, ((1.2, 0.9),), ((9.0, -8.0), (0.0, 0.5)))
"""A short way of a single handle between longer ones of two."""


def side_by_side(**options: Any) -> tuple[list[DragTrajectory], DragOptimisation, list[tuple[int, float]]]:
    """Three pictures, each with its own start and mask."""
    w = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(0)).mul(0.3)
    mask = torch.ones(3, 1, 64, 64)
    mask[1, ..., 40:], mask[2, ..., 60:, :] = 0, 0
    made, _ = scene(w=w, **{name: options.pop(name) for name in ("stop",) if name in options})
    rows = options.pop("rows", [0, 1, 2])
    given = [handles(MANY[row]) for row in rows]
    loop = DragOptimisation(made, made.generator, settled(made, **options), w[rows], given, mask[rows])
    told: list[tuple[int, float]] = []
    return loop.run(lambda done, distance: told.append((done, distance))), loop, told


@pytest.mark.parametrize("options", [{}, {"space": "w", "start_weight": 0.1}, {"steps": 9, "frames": 4}])
def test_batch_equals_single_images(options: dict[str, Any]) -> None:
    together, _, _ = side_by_side(**options)
    assert len({trace.steps for trace in together}) > 1
    for row, trace in enumerate(together):
        ((alone,), _, _) = side_by_side(rows=[row], **options)
        assert (trace.stop_reason, trace.best_step, trace.converged) == (
            alone.stop_reason,
            alone.best_step,
            alone.converged,
        )
        # Sums in another order; tens of steps on it is still a hundredth of what a step moves.
        torch.testing.assert_close(trace.w, alone.w, atol=1e-3, rtol=0)
        torch.testing.assert_close(trace.points[trace.best_step], alone.points[alone.best_step], atol=1e-2, rtol=0)
        assert trace.losses == pytest.approx(alone.losses, abs=1e-3)
        assert torch.tensor(trace.distances) == pytest.approx(torch.tensor(alone.distances), abs=1e-2)
        for frame, other in zip(trace.frames, alone.frames, strict=True):
            torch.testing.assert_close(frame, other, atol=1e-2, rtol=0)


def test_finished_images_leave_the_batch() -> None:
    together, loop, told = side_by_side()
    first, *counts = loop.objective.generator.counts
    assert first == 3 and counts == sorted(counts, reverse=True) and counts[-1] == 1
    assert sum(counts) == sum(trace.steps + 1 for trace in together)
    # What is told counts the steps of all three, those that are spared included; and how far those still under way are.
    means = [sum(trace.distances[0]) / len(trace.distances[0]) for trace in together]
    assert told[0] == (0, pytest.approx(sum(means) / 3))
    ends = sorted(trace.steps for trace in together)
    assert told[-1][0] == 200 + ends[-1] and told[ends[0]][0] == 3 * ends[0]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_cancelled_batch_returns_best_of_each() -> None:
    asked: list[int] = []
    together, _, _ = side_by_side(stop=lambda: asked.append(0) or len(asked) > 6)
    assert [trace.stop_reason for trace in together] == ["cancelled", "converged", "cancelled"]
    assert all(min(map(sum, trace.distances)) == sum(trace.distances[trace.best_step]) for trace in together)


def test_published_method_has_whole_pixels_and_keeps_the_last_latent() -> None:
    made, _ = scene()
    start = torch.tensor(Blobs.HOME) + torch.tensor([[0.4, -0.3], [0.2, 0.4]])
    given = Handles(["one", "other"], start, start + torch.tensor(WAYS), torch.full((2,), -1))
    settings = settled(made, method="published", steps=60)
    (trace,) = DragOptimisation(made, made.generator, settings, made.latent.w, [given]).run()
    assert trace.distances[0] == pytest.approx([5.0, 20**0.5])  # not 0.4 px off
    assert all(points.equal(points.round()) for points in trace.points)
    # It stops where all are within 2 px, and no earlier; there is no fraction of the initial distance.
    assert trace.stop_reason == "converged" and trace.thresholds == [2.0, 2.0]
    assert max(trace.distances[-1]) <= 2 < max(trace.distances[-2])
    wild, _, _ = run(method="published", steps=9, rate=1.5, tolerance=0.01)
    assert wild.stop_reason == "steps" and wild.best_step == 9
