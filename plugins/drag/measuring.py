"""What came of a drag: handles, aims, what changed outside the mask, and how like the picture still is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

import i2i
from i2i.toolkit.faces.landmarks import eye_distance

from .formats import Aim, Pairs
from .method import Method
from .planning import Plan
from .pulling import blended
from .trace import Trace

if TYPE_CHECKING:
    from torch import Tensor

_LEAST = 0.01
"""Of the eye distance: openings that are less count as this, or the smallest gap would change a thousandfold."""


@dataclass(frozen=True)
class Dragged:
    """One picture, done."""

    plan: Plan
    image: Tensor
    """The result, ``(1, 3, R, R)`` in [-1, 1]."""
    drawn: Tensor | None = None
    """What the generator makes of the best latent, of the same shape; None where there was nothing to move,"""
    over: Tensor | None = None
    """as is the mask ``(1, 1, R, R)`` outside which the picture was given back, also where none was,"""
    trace: Trace | None = None
    """and the way."""
    told: dict[str, float] = field(default_factory=dict)
    """What was measured, by name."""


def measure(scene: i2i.Scene, method: Method, done: Sequence[Dragged]) -> list[Dragged]:
    """The same pictures, each of which was moved, with what there is to tell of them; all are looked at together."""
    alike, aims = _likenesses(scene, done), _aims(scene, method, done)
    rows = zip(done, alike, aims, strict=True)
    return [replace(each, told={**_of_handles(each), **likeness, **aimed}) for each, likeness, aimed in rows]


def _of_handles(done: Dragged) -> dict[str, float]:
    trace = done.trace
    assert trace is not None
    away = trace.distances[trace.best]
    return {
        "distance": sum(away) / len(away),
        "farthest": max(away),
        "handles": float(len(away)),
        "arrived": float(sum(trace.arrived)),
        "steps": float(trace.steps),
        "seconds": trace.seconds,
    }


def _likenesses(scene: i2i.Scene, done: Sequence[Dragged]) -> list[dict[str, float]]:
    """Results against pictures; and once more with what may change left out, before and after the rest was restored."""
    starts = torch.cat([each.plan.photo.pixels for each in done])
    pictures = [torch.cat([each.image for each in done])]
    masks = [each.plan.mask for each in done if each.plan.mask is not None]
    if masks:
        drawn = torch.cat([each.drawn for each in done if each.drawn is not None])
        pictures += [blended(starts, each, torch.cat(masks)) for each in (pictures[0], drawn)]
    measured = scene.compare(torch.cat(pictures), starts.repeat(len(pictures), 1, 1, 1))
    told = [dict(each) for each in measured[: len(done)]]
    for part, name in enumerate(("lpips_outside", "lpips_outside_drawn")[: len(pictures) - 1], start=1):
        for mine, each in zip(told, measured[part * len(done) :], strict=False):
            mine |= {name: each["lpips"]} if "lpips" in each else {}
    return told


def _aims(scene: i2i.Scene, method: Method, done: Sequence[Dragged]) -> list[dict[str, float]]:
    """What presets are for, by name: the change as a share of what it was."""
    aims = {aim.name: aim for values, _ in method.presets.values() for aim in values.aims}
    if not method.presets:
        return [{} for _ in done]
    reader: Any = scene.extractors["landmarks"]
    images = torch.cat([each.image for each in done])
    with torch.no_grad():
        after = reader(images).to(images)
    return [_changes(aims.values(), each.plan.landmarks, points) for each, points in zip(done, after, strict=True)]


def _changes(aims: Iterable[Aim], before: Tensor | None, after: Tensor) -> dict[str, float]:
    assert before is not None
    return {aim.name: change(aim, before, after) for aim in aims}


def change(aim: Aim, before: Tensor, after: Tensor) -> float:
    """Of landmarks ``(68, 2)``: 0 for none, -1 where nothing is left, 1 where it has doubled."""
    was, now = (_measure(aim, points) for points in (before, after))
    return now / was - 1


def _measure(aim: Aim, points: Tensor) -> float:
    eyes = eye_distance(points)
    whole = _apart(aim.against, points) if aim.against else eyes
    return float(_apart(aim.pairs, points).clamp_min(_LEAST * eyes) / whole.clamp_min(_LEAST * eyes))


def _apart(pairs: Pairs, points: Tensor) -> Tensor:
    """The mean distance of pairs, pixels."""
    ones, others = (points[[each - 1 for each in side]] for side in zip(*pairs, strict=True))
    mean: Tensor = (ones - others).norm(dim=1).mean()
    return mean
