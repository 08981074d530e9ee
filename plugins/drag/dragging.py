"""Pictures into dragged ones: batch by batch, each as if it were alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch

import i2i
from i2i.toolkit.latents.batches import Batch, batches

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
        UsageError: points or a mask do not fit a picture, or presets undo each other.
        I2IError: a preset is not sound, there is no face for it, or the generator lacks features of this layer.
    """
    method = decide(scene, options)
    plans = plan_all(scene, options, method)
    moving = [number for number, plan in enumerate(plans) if plan.handles.names]
    for number, plan in enumerate(plans):
        if not plan.handles.names:
            scene.note(plan.told("There is nothing to move: the picture already is as the preset would have it."))
            yield number, Dragged(plan, plan.photo.pixels)
    done, total = len(plans) - len(moving), len(plans) * options.steps
    for batch in batches(scene, [plans[number].photo for number in moving], options.batch):
        numbers = [moving[number] for number in batch.numbers]

        def on_step(steps: int, distance: float, before: int = done * options.steps) -> None:
            scene.progress(before + steps, total, distance=distance)

        made = _together(scene, options, method, batch, [plans[number] for number in numbers], on_step)
        for number, each in zip(numbers, made, strict=True):
            _tell(scene, method, each)
            yield number, each
        done += len(numbers)


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
    """Which handles did not arrive, why, and what to type next; nothing where all did."""
    trace = done.trace
    assert trace is not None
    late = [index for index, arrived in enumerate(trace.arrived) if not arrived]
    if not late:
        return
    away = trace.distances[trace.best]
    farthest = max(late, key=lambda index: away[index])
    far = f"{away[farthest]:.2g} px from its target, and would have arrived within {trace.near[farthest]:.2g} px"
    which = done.plan.handles.named(late)
    if len(away) == 1:
        text = f"The handle, {which}, did not arrive: it is {far}"
    elif len(late) == 1:
        text = f"1 of {len(away)} handles did not arrive, {which}: it is {far}"
    else:
        text = f"{len(late)} of {len(away)} handles did not arrive, {which}: the farthest is {far}"
    scene.note(done.plan.told(f"{text}; {_reason(method, done, late)}."))


def _reason(method: Method, done: Dragged, late: Sequence[int]) -> str:
    """Why handles did not arrive, and what to type next."""
    plan, trace, settings = done.plan, done.trace, method.settings
    assert trace is not None
    if trace.ended == "cancelled":
        return (
            f"it was stopped after {trace.steps} step{'s' * (trace.steps != 1)}: type the same again and let it go on"
        )
    if set(late) <= set(plan.kept):
        return "the mask keeps the picture as it is there: paint it white, or type --mask none"
    nearer = "a smaller strength" if method.presets else "a nearer target"
    if trace.ended == "steps":
        return f"the {settings.steps} steps are over: type --steps {2 * settings.steps}, or try {nearer}"
    wider = "" if plan.mask is None else ", free more with --mask none"
    return (
        f"nothing came nearer for {settings.patience} steps, so there may be no such picture: try {nearer}{wider}, or "
        "go on with --patience 0"
    )
