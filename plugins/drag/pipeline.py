"""Drag the images of an edit batch by batch, and measure the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import torch

import i2i
from i2i.toolkit.faces.landmarks import eye_distance
from i2i.toolkit.latents.batches import Batch, batches

from .batched import concatenate
from .losses import blend
from .optimisation import DragOptimisation, DragTrajectory
from .options import DragOptions
from .plan import DragPlan, plan_images
from .preset_values import Measure, Pairs
from .settings import DragMethod, render_image, resolve_method

if TYPE_CHECKING:
    from torch import Tensor

_MIN_OPENING = 0.01
"""Fraction of the eye distance to which smaller distances are raised: the smallest gap would change a thousandfold."""


LIDS = range(36, 48)
"""Landmarks of the eyes, counted from 0."""
ENOUGH = 0.5
"""Fraction of the way to the targets of presets from which on an edit is reported by how far it went: the landmarks of
a preset are a wish, and a head that turned most of the way has turned."""
UNMOVED_STEPS = 20
"""Number of steps from which on handles that have not moved are reported as such."""
_ROUNDING = 1.01
"""Factor of the distance below which a handle has converged: the same image in another batch differs in rounding."""


@dataclass(frozen=True)
class DraggedImage:
    """The result for one image."""

    plan: DragPlan
    image: Tensor
    """The result, ``(1, 3, R, R)`` in [-1, 1]."""
    rendered: Tensor | None = None
    """What the generator renders from the best latent, of the same shape; None where there was nothing to move."""
    blend_mask: Tensor | None = None
    """``(1, 1, R, R)``, outside which the result shows the initial image; None for nowhere."""
    trajectory: DragTrajectory | None = None
    """None where there was nothing to move."""
    distances: Sequence[float] = ()
    """Of each handle in the result, the distance to its target, pixels: of landmarks as their network finds them there,
    of points as they were tracked."""
    scalars: dict[str, float] = field(default_factory=dict)
    """Measures of the result by name."""

    @property
    def covered(self) -> float:
        """The fraction of the initial distances to the targets that the handles have covered; 0 for none."""
        initial = float(self.plan.handles.lengths.sum())
        return max(0.0, 1 - sum(self.distances) / initial) if initial else 0.0

    @property
    def converged(self) -> list[bool]:
        """Which handles have converged in the result."""
        assert self.trajectory is not None
        return [
            distance <= _ROUNDING * threshold
            for distance, threshold in zip(self.distances, self.trajectory.thresholds, strict=True)
        ]


def drag_images(scene: i2i.Scene, options: DragOptions) -> Iterator[tuple[int, DraggedImage]]:
    """Drag every image; yield its number and its result as soon as it is done.

    Raises:
        UsageError: points or a mask do not fit an image, or presets are opposed.
        I2IError: a preset is invalid, an image shows no face, or the generator lacks features of this resolution.
    """
    method = resolve_method(scene, options)
    plans = plan_images(scene, options, method)
    moving = [number for number, plan in enumerate(plans) if plan.handles.names]
    for number, plan in enumerate(plans):
        if not plan.handles.names:
            scene.note(plan.prefix("There is nothing to move: the image already is as the preset wants it."))
            yield number, DraggedImage(plan, plan.photo.pixels)
    done, total = len(plans) - len(moving), len(plans) * method.settings.steps
    for batch in batches(scene, [plans[number].photo for number in moving], options.batch):
        numbers = [moving[number] for number in batch.numbers]

        def on_step(steps: int, distance: float, before: int = done * method.settings.steps) -> None:
            scene.progress(before + steps, total, distance=distance)

        results = _drag_batch(scene, options, method, batch, [plans[number] for number in numbers], numbers, on_step)
        for number, result in zip(numbers, results, strict=True):
            _report(scene, method, result)
            yield number, result
        done += len(numbers)


def _drag_batch(
    scene: i2i.Scene,
    options: DragOptions,
    method: DragMethod,
    batch: Batch,
    plans: Sequence[DragPlan],
    numbers: Sequence[int],
    on_step: Callable[[int, float], None],
) -> list[DraggedImage]:
    """Drag the images of one batch and measure the results."""
    masks = [plan.mask for plan in plans if plan.mask is not None]
    guidance = [plan.guidance for plan in plans if plan.guidance is not None]
    optimisation = DragOptimisation(
        scene,
        cast(i2i.StyleGenerator, batch.generator),  # required by the editor
        method.settings,
        torch.cat([plan.w for plan in plans]),
        [plan.handles for plan in plans],
        torch.cat(masks) if masks else None,
        concatenate(guidance) if guidance else None,
        method.features,
        numbers,
    )
    trajectories = optimisation.run(on_step)
    results = [_render_best(options, batch, *pair) for pair in zip(plans, trajectories, strict=True)]
    return measure(scene, method, results)


def _render_best(options: DragOptions, batch: Batch, plan: DragPlan, trajectory: DragTrajectory) -> DraggedImage:
    """Render the best latent alone, as it is rendered when its file is opened."""
    assert trajectory.w is not None
    rendered, mask = render_image(batch.generator, trajectory.w), plan.mask if options.keep_outside else None
    return DraggedImage(plan, blend(rendered, plan.photo.pixels, mask), rendered, mask, trajectory)


def _report(scene: i2i.Scene, method: DragMethod, result: DraggedImage) -> None:
    """Note which handles have not converged, why, and what to type next; nothing where all have."""
    trajectory = result.trajectory
    assert trajectory is not None
    distances = result.distances
    missed = [index for index, converged in enumerate(result.converged) if not converged]
    if not missed:
        return
    if method.settings.preview and not result.plan.masked_handles and result.covered >= ENOUGH:
        scene.note(result.plan.prefix(f"{_progress(method, result)}."))
        return
    farthest = max(missed, key=lambda index: distances[index])
    limit = trajectory.thresholds[farthest]
    distance = f"{distances[farthest]:.2g} px from its target (converged below {limit:.2g} px)"
    which = result.plan.handles.describe(missed)
    if len(distances) == 1:
        text = f"The handle, {which}, did not converge: it is {distance}"
    elif len(missed) == 1:
        text = f"1 of {len(distances)} handles did not converge, {which}: it is {distance}"
    else:
        text = f"{len(missed)} of {len(distances)} handles did not converge, {which}: the farthest is {distance}"
    scene.note(result.plan.prefix(f"{text}; {_reason(scene, method, result, missed)}."))


def _progress(method: DragMethod, result: DraggedImage) -> str:
    """Tell how far landmarks moved towards targets that most of them did not reach, and what to type for more."""
    trajectory, settings = result.trajectory, method.settings
    assert trajectory is not None
    text = f"The handles moved {100 * result.covered:.0f} % of the way to their targets in {trajectory.steps} steps"
    if trajectory.stop_reason == "steps":
        return f"{text}; for more, type --steps {2 * settings.steps}"
    if trajectory.stop_reason == "cancelled":
        return f"{text} before it was stopped; for more, type the same command again"
    name, (_, strength) = next(iter(method.presets.items()))
    larger = f"--preset {name}={1.5 * strength:g}" if len(method.presets) == 1 else "larger strengths"
    return f"{text}, and no further in the last {settings.patience}; for more, type --patience 0 or {larger}"


def _reason(scene: i2i.Scene, method: DragMethod, result: DraggedImage, missed: Sequence[int]) -> str:
    """Explain why handles have not converged, and what to type next."""
    plan, trajectory, settings = result.plan, result.trajectory, method.settings
    assert trajectory is not None
    if trajectory.stop_reason == "cancelled":
        return f"stopped after {trajectory.steps} step{'s' * (trajectory.steps != 1)}: type the same command again"
    easier = "a smaller strength" if method.presets else "a nearer target"
    if set(missed) <= set(plan.masked_handles):
        return "the mask allows no change there: paint it white, or type --mask none"
    if trajectory.stop_reason == "converged" and method.guide == "features":
        network = scene.extractors["landmarks"]
        other = "a landmark network that passes gradients (--landmarks)"
        if settings.published:  # refuses --guide both
            advice = "leave out --method published" + ("" if network.differentiable else f", and choose {other}")
        else:
            advice = "try --guide both" + ("" if network.differentiable else f" with {other}")
        return f"the features that were tracked arrived there, and the landmarks did not: {advice}"
    if not trajectory.has_moved() and (trajectory.stop_reason == "stalled" or trajectory.steps >= UNMOVED_STEPS):
        rate = f"{2 * settings.learning_rate:.2g}"
        return (
            f"they have not moved in {trajectory.steps} steps: type --rate {rate}, twice the present one, or {easier}"
        )
    lids = [index for index in missed if int(plan.handles.landmarks[index]) in LIDS]
    if method.settings.preview and lids == list(missed):
        return (
            f"it ended after {trajectory.steps} steps, and landmark networks hardly see how far lids are closed: look "
            "at the result, and type --patience 0 to go on, or a smaller strength"
        )
    if trajectory.stop_reason == "steps":
        return f"all {settings.steps} steps were taken: type --steps {2 * settings.steps}, or try {easier}"
    wider = "" if plan.mask is None else ", a larger region with --mask none"
    return (
        f"early stopping after {settings.patience} steps without improvement, so the target may be out of reach: try "
        f"{easier}{wider}, or --patience 0"
    )


def measure(scene: i2i.Scene, method: DragMethod, results: Sequence[DraggedImage]) -> list[DraggedImage]:
    """Return the results with their scalars: handles, similarity to the initial images, measures of presets."""
    similarities, landmarks = _similarities(scene, results), _find_landmarks(scene, method, results)
    measured = []
    for result, similarity, points in zip(results, similarities, landmarks, strict=True):
        found = replace(result, distances=_final_distances(method, result, points))
        changes = {} if points is None else _preset_measures(method, result, points)
        measured.append(replace(found, scalars={**_handle_scalars(found), **similarity, **changes}))
    return measured


def _find_landmarks(
    scene: i2i.Scene, method: DragMethod, results: Sequence[DraggedImage]
) -> Sequence[Tensor] | Sequence[None]:
    """Return the landmarks ``(68, 2)`` of each result; None for all where there are no presets."""
    if not method.presets:
        return [None] * len(results)
    read_landmarks: Any = scene.extractors["landmarks"]
    images = torch.cat([result.image for result in results])
    with torch.no_grad():
        landmarks: Sequence[Tensor] = read_landmarks(images).to(images).unbind()
    return landmarks


def _final_distances(method: DragMethod, result: DraggedImage, landmarks: Tensor | None) -> list[float]:
    """Return the distance of each handle to its target in the result, pixels.

    Features that are tracked may arrive where the landmark has not: the mouth is drawn elsewhere, and looks the same.
    Previews differ a little from the image.
    """
    trajectory, handles = result.trajectory, result.plan.handles
    assert trajectory is not None
    distances = list(trajectory.distances[trajectory.best_step])
    if landmarks is None or (method.guide != "features" and not method.settings.preview):
        return distances
    for index, landmark in enumerate(handles.landmarks.tolist()):
        if landmark >= 0:
            distances[index] = float((landmarks[landmark] - handles.targets[index]).norm())
    return distances


def _handle_scalars(result: DraggedImage) -> dict[str, float]:
    trajectory, distances = result.trajectory, result.distances
    assert trajectory is not None
    return {
        "distance": sum(distances) / len(distances),
        "farthest": max(distances),
        "handles": float(len(distances)),
        "arrived": float(sum(result.converged)),
        "steps": float(trajectory.steps),
        "seconds": trajectory.seconds,
    }


def _similarities(scene: i2i.Scene, results: Sequence[DraggedImage]) -> list[dict[str, float]]:
    """Compare results with the initial images: whole, and outside the mask before and after blending."""
    initial = torch.cat([result.plan.photo.pixels for result in results])
    images = [torch.cat([result.image for result in results])]
    masks = [result.plan.mask for result in results if result.plan.mask is not None]
    if masks:
        rendered = torch.cat([result.rendered for result in results if result.rendered is not None])
        images += [blend(initial, changed, torch.cat(masks)) for changed in (images[0], rendered)]
    measured = scene.compare(torch.cat(images), initial.repeat(len(images), 1, 1, 1))
    scalars = [dict(measures) for measures in measured[: len(results)]]
    for part, name in enumerate(("lpips_outside", "lpips_outside_drawn")[: len(images) - 1], start=1):
        for own, measures in zip(scalars, measured[part * len(results) :], strict=False):
            own |= {name: measures["lpips"]} if "lpips" in measures else {}
    return scalars


def _preset_measures(method: DragMethod, result: DraggedImage, landmarks: Tensor) -> dict[str, float]:
    """Return the relative changes that presets report, by name, for the landmarks ``(68, 2)`` of the result."""
    before = result.plan.landmarks
    assert before is not None
    measures = {aim.name: aim for values, _ in method.presets.values() for aim in values.aims}
    return {name: relative_change(measure, before, landmarks) for name, measure in measures.items()}


def relative_change(measure: Measure, before: Tensor, after: Tensor) -> float:
    """Return the relative change of a measure between landmarks ``(68, 2)``: -1 for nothing left, 1 for doubled."""
    previous, current = (_measure_landmarks(measure, points) for points in (before, after))
    return current / previous - 1


def _measure_landmarks(measure: Measure, points: Tensor) -> float:
    eyes = eye_distance(points)
    reference = _mean_distance(measure.against, points) if measure.against else eyes
    opening = _mean_distance(measure.pairs, points).clamp_min(_MIN_OPENING * eyes)
    return float(opening / reference.clamp_min(_MIN_OPENING * eyes))


def _mean_distance(pairs: Pairs, points: Tensor) -> Tensor:
    """Return the mean distance of landmark pairs, pixels."""
    ones, others = (points[[landmark - 1 for landmark in side]] for side in zip(*pairs, strict=True))
    mean: Tensor = (ones - others).norm(dim=1).mean()
    return mean
