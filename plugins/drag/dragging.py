"""Pictures into dragged ones: batch by batch, each as if it were alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch

import i2i
from i2i.editing.batching import Batch, batches

from .measuring import Dragged, measure
from .method import Method, decide, picture_of
from .optimisation import Drag
from .options import Options
from .planning import Plan, plan_all
from .pulling import blended
from .rows import joined

if TYPE_CHECKING:
    from .trace import Trace


def drag(scene: i2i.Scene, options: Options) -> Iterator[tuple[int, Dragged]]:
    """Every picture with its number, as it is done.

    Raises:
        UsageError: points or a mask do not fit a picture, or there is no such preset.
        I2IError: a preset is not sound, there is no face for it, or the generator lacks features of this layer.
    """
    method = decide(scene, options)
    plans = plan_all(scene, options, method)
    moving = [number for number, plan in enumerate(plans) if plan.handles.names]
    for number, plan in enumerate(plans):
        if not plan.handles.names:
            scene.note(plan.told("There is nothing to move: the picture already is as the preset would have it."))
            yield number, Dragged(plan, plan.photo.pixels)
    done, total, stopped = len(plans) - len(moving), len(plans) * options.steps, False
    for batch in batches(scene, [plans[number].photo for number in moving], options.batch):
        numbers = [moving[number] for number in batch.numbers]

        def on_step(steps: int, distance: float, before: int = done * options.steps) -> None:
            scene.progress(before + steps, total, distance=distance)

        made = _together(scene, options, method, batch, [plans[number] for number in numbers], on_step)
        for number, each in zip(numbers, made, strict=True):
            _tell(scene, method, each)
            stopped |= each.ended == "cancelled"
            yield number, each
        done += len(numbers)
    if stopped and len(plans) > 1:
        scene.note("Stopped before the end: these are the best pictures found so far.")


def _together(
    scene: i2i.Scene,
    options: Options,
    method: Method,
    batch: Batch,
    plans: Sequence[Plan],
    on_step: Callable[[int, float], None],
) -> list[Dragged]:
    """The pictures of one batch, dragged."""
    masks = [plan.mask for plan in plans if plan.mask is not None]
    pulls = [plan.pull for plan in plans if plan.pull is not None]
    loop = Drag(
        scene,
        batch.generator,
        method.settings,
        torch.cat([plan.w for plan in plans]),
        [plan.handles for plan in plans],
        torch.cat(masks) if masks else None,
        joined(pulls) if pulls else None,
        method.features,
    )
    traces = loop.run(on_step)
    return measure(scene, method, [_finish(options, batch, *each) for each in zip(plans, traces, strict=True)])


def _finish(options: Options, batch: Batch, plan: Plan, trace: Trace) -> Dragged:
    """The best of a way, drawn alone as whoever opens its latent draws it."""
    drawn, over = picture_of(batch.generator, trace.w), plan.mask if options.keep_outside else None
    return Dragged(plan, blended(drawn, plan.photo.pixels, over), drawn, over, trace)


def _tell(scene: i2i.Scene, method: Method, done: Dragged) -> None:
    """Why it ended, unless all is well."""
    plan, trace = done.plan, done.trace
    assert trace is not None
    if trace.ended == "cancelled" and not plan.name:
        scene.note(f"Stopped before the end: this is the best of {trace.steps} steps.")
    settings, away = method.settings, trace.distances[trace.best]
    # Those that anyone would see to be off: by half of their way, or by what the tolerance is.
    short = sum(far > min(2 * near, settings.tolerance) for far, near in zip(away, trace.near, strict=True))
    if not short or trace.ended == "cancelled":
        return
    reasons = {
        "still": f"handles came no nearer for {settings.patience} steps: there may be no such picture, "
        "or the mask may be too narrow",
        "steps": f"{settings.steps} steps are over: try more --steps",
    }
    text = f"{short} of {len(away)} handles did not arrive, the farthest is {max(away):.1f} px from its target; "
    scene.note(plan.told(f"{text}{reasons[trace.ended]}."))
