"""Pairs into swapped faces: batch by batch, each pair as if it were alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

import i2i
from i2i.toolkit.latents.batches import batches
from i2i.toolkit.latents.layers import choose
from i2i.toolkit.latents.optimizer import Trajectory

from .losses import SwapLoss
from .measures import measure
from .optimisation import optimise_latents
from .options import CROSSOVER, Options
from .pairing import Pair
from .people import People, people_in

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Swapped:
    """One pair, done."""

    picture: Tensor
    """``(1, 3, R, R)`` in [-1, 1], as it is shown."""
    latent: i2i.Latent
    """Of what the generator drew, before the target's background was put behind it."""
    trajectory: Trajectory
    """With the terms of the loss, step by step."""
    told: Mapping[str, float]
    """What was measured."""


def swap(scene: i2i.Scene, options: Options, pairs: Sequence[Pair]) -> list[Swapped]:
    """Every pair swapped, in their order.

    Raises:
        UsageError: there are no such rows.
        I2IError: an extractor cannot be opened.
    """
    rows, crossed = _rows(options, scene.generator.num_ws)
    people = _people(scene, pairs)
    found: dict[int, Swapped] = {}
    for numbers, generator in batches(scene, [pair.target for pair in pairs], options.batch):
        some = [pairs[number] for number in numbers]
        loss = SwapLoss(scene, options, torch.cat([each.target.pixels for each in some]), people.chosen(numbers))
        if options.landmarks_weight and not loss.follows and not found:
            scene.note(
                f"No gradients pass through the landmarks of {loss.landmarks.name!r}, so only pixels and features hold "
                "the expression; take another with --landmarks."
            )
        starts = torch.stack([_start(each, crossed) for each in some]).to(scene.generator.w_mean.device)
        before = len(found) * options.steps

        def on_step(done: int, value: float, before: int = before) -> None:
            scene.progress(before + done, len(pairs) * options.steps, loss=value)

        optimised = optimise_latents(scene, generator, options, loss, starts, rows, on_step)
        found |= dict(zip(numbers, _finish(scene, loss, generator, some, optimised), strict=True))
    return [found[number] for number in range(len(pairs))]


def _rows(options: Options, count: int) -> tuple[list[int], list[int]]:
    """Of ``count`` rows those that may change, and those that a start has from the source.

    Raises:
        UsageError: there are no such rows.
    """
    own = options.rows_of == "own"
    rows = list(range(count)) if options.rows is None else choose(options.rows, count, own)
    if options.start != "crossover":
        return rows, []
    if options.crossover is not None:
        return rows, choose(options.crossover, count, own)
    return rows, [row for row in choose(CROSSOVER, count) if row in rows]


def _people(scene: i2i.Scene, pairs: Sequence[Pair]) -> People:
    """Whom the sources show; each source is looked at once."""
    known: dict[int, People] = {}
    for pair in pairs:
        if id(pair.source) not in known:
            known[id(pair.source)] = people_in(scene, pair.source.pixels)
    found = [known[id(pair.source)] for pair in pairs]
    return People(torch.cat([each.vectors for each in found]), torch.cat([each.tones for each in found]))


def _start(pair: Pair, crossed: Sequence[int]) -> Tensor:
    """``(num_ws, w_dim)``: the target's latent, some rows of it the source's."""
    assert pair.target.latent is not None and pair.source.latent is not None
    w = pair.target.latent.w[0].detach().clone()
    w[list(crossed)] = pair.source.latent.w[0].detach().to(w)[list(crossed)]
    return w


def _finish(
    scene: i2i.Scene,
    loss: SwapLoss,
    generator: i2i.Generator,
    pairs: Sequence[Pair],
    optimised: Sequence[tuple[i2i.Latent, Trajectory]],
) -> list[Swapped]:
    """Render the best latent of each pair, one at a time, as it is rendered when its file is opened."""
    with torch.no_grad():
        rendered = [generator.render(best.w, best.noise or "const").expand(-1, 3, -1, -1) for best, _ in optimised]
        images = loss.shown(torch.cat(rendered).float().clamp(-1, 1))
    measures = measure(scene, loss, images)
    found = []
    for pair, (best, trajectory), image, numbers in zip(pairs, optimised, images.split(1), measures, strict=True):
        own = pair.target.latent
        assert own is not None
        latent = i2i.Latent(best.w, {**own.noise, **best.noise}, own.changes)
        scalars = {**numbers, "steps": float(trajectory.steps), "seconds": trajectory.seconds}
        found.append(Swapped(image, latent, trajectory, scalars))
    return found
