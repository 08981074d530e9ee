"""What came of a drag: handles, aims, what changed outside the mask, and how like the picture still is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

import i2i

from .formats import Aim, Pairs
from .handles import eye_distance
from .optimisation import Trace, blended
from .planning import Plan

if TYPE_CHECKING:
    from torch import Tensor

_LEAST = 0.01
"""Of the eye distance: openings that are less count as this, or the smallest gap would change a thousandfold."""


def scalars(scene: i2i.Scene, plan: Plan, trace: Trace, drawn: Tensor, image: Tensor) -> dict[str, float]:
    """By name.

    Args:
        drawn: What the generator makes of the best latent, ``(1, 3, R, R)``.
        image: The result.
    """
    start = scene.photos["image"].pixels
    away = trace.distances[trace.best]
    told = {
        "distance": sum(away) / len(away),
        "farthest": max(away),
        "handles": float(len(away)),
        "arrived": float(sum(trace.arrived)),
        "steps": float(len(trace.losses) - 1),
        "seconds": trace.seconds,
    }
    pictures = [image] if plan.mask is None else [image, *(blended(start, each, plan.mask) for each in (image, drawn))]
    measured = scene.compare(torch.cat(pictures), start.expand(len(pictures), -1, -1, -1))
    told |= measured[0]
    for name, each in zip(("lpips_outside", "lpips_outside_drawn"), measured[1:], strict=False):
        told |= {name: each["lpips"]} if "lpips" in each else {}
    if plan.landmarks is not None:
        told |= _aims(scene, plan, image)
    return told


def _aims(scene: i2i.Scene, plan: Plan, image: Tensor) -> dict[str, float]:
    """What presets are for, by name: the change as a share of what it was."""
    reader: Any = scene.extractors["landmarks"]
    with torch.no_grad():
        after = reader(image)[0].to(image)
    assert plan.landmarks is not None
    aims = {aim.name: aim for values, _ in plan.presets.values() for aim in values.aims}
    return {name: change(aim, plan.landmarks, after) for name, aim in aims.items()}


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
