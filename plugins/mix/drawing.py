"""Latents drawn: batch by batch, each with the noise and the weights of the picture that it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import i2i
from i2i.toolkit.latents.sampling import batch_for

from .plans import Layout, Made, Plans
from .work import Work

if TYPE_CHECKING:
    from torch import Tensor


def draw(scene: i2i.Scene, plans: Plans, work: Work) -> i2i.Result:
    """The results of an edit, the first with the others and the grid.

    Once the user wants out, the pictures of the results are drawn still, frames as far as they go, and no grid.
    """
    results = plans.results
    cells = [place for row in plans.layout.places for place in row if isinstance(place, Made)] if plans.layout else []
    work.plan(len(results) + sum(len(plan.frames) for plan in results) + len(cells))
    images = _pictures(scene, [plan.made for plan in results], work, until_stopped=False)
    films = [
        _pictures(scene, [Made(plan.made.own, w) for w in plan.frames], work, until_stopped=True) for plan in results
    ]
    drawn = _pictures(scene, cells, work, until_stopped=True)
    table = _table(plans.layout, drawn) if plans.layout and len(drawn) == len(cells) else None
    made = [
        i2i.Result(image, _latent(plan.made), frames, plan.scalars)
        for plan, image, frames in zip(results, images, films, strict=True)
    ]
    first = made[0]
    return i2i.Result(first.image, first.latent, first.frames, first.scalars, table, others=made[1:])


def _latent(made: Made) -> i2i.Latent:
    """The new w with what the picture's own latent has besides."""
    assert made.own.latent is not None
    return i2i.Latent(made.w[None], made.own.latent.noise, made.own.latent.changes)


def _table(layout: Layout, drawn: list[Tensor]) -> i2i.Table:
    coming = iter(drawn)
    cells = [[next(coming) if isinstance(place, Made) else place for place in row] for row in layout.places]
    return i2i.Table(cells, layout.columns, layout.labels)


def _pictures(scene: i2i.Scene, wanted: Sequence[Made], work: Work, until_stopped: bool) -> list[Tensor]:
    """Pictures ``(1, 3, R, R)`` in [-1, 1] in the order wanted; fewer once the user wants out."""
    import torch

    found: list[Tensor] = []
    size = batch_for(scene.generator)
    for _, group in groupby(wanted, key=lambda made: _ground(made.own)):
        each = list(group)
        generator = scene.generator_for(each[0].own)
        for start in range(0, len(each), size):
            if until_stopped and work.stopped:
                return found
            with torch.no_grad():
                drawn = generator.render(torch.stack([made.w for made in each[start : start + size]]))
            found += drawn.float().clamp(-1, 1).expand(-1, 3, -1, -1).split(1)
            work.did(len(drawn))
    return found


def _ground(own: i2i.Photo) -> int | None:
    """What may be rendered together: pictures that have neither noise nor weights of their own, or one that has."""
    return id(own) if own.latent is not None and (own.latent.noise or own.latent.changes) else None
