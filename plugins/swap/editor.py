"""The editor ``swap``: targets and sources in, the targets with the sources' faces out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import i2i

from .options import Options
from .pairing import cross, name_of, pair

if TYPE_CHECKING:
    from torch import Tensor

    from .swapping import Swapped


class Swap(i2i.Editor):
    """Optimise the latents of targets until an identity network sees the sources in them."""

    name = "swap"
    summary = "Swap faces: the target keeps pose, expression, light and background, and shows the source."
    photos = ("target+", "source+")
    extractors = ("identity", "landmarks")
    may_use = ("perceptual",)
    wants = "latent"
    Options = Options

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """One result for each target.

        Raises:
            UsageError: targets and sources do not pair, or there are no such rows.
            I2IError: an extractor cannot be opened.
        """
        from .swapping import swap

        targets, sources = list(scene.every["target"]), list(scene.every["source"])
        if options.grid:
            everyone = [*targets, *sources]
            done = swap(scene, options, cross(everyone))
            chosen = [len(targets) + number % len(sources) for number in range(len(targets))]
            results = [_result(_at(done, len(everyone), *place)) for place in enumerate(chosen)]
            results[0] = replace(results[0], table=_table(everyone, done))
        else:
            results = [_result(each) for each in swap(scene, options, pair(targets, sources))]
        if scene.cancelled:
            scene.note("Stopped before the end: these are the best faces found so far.")
        return replace(results[0], others=tuple(results[1:]))


def _result(swapped: Swapped) -> i2i.Result:
    lines = {
        name: [(float(step), value) for step, value in enumerate(values)] for name, values in swapped.way.terms.items()
    }
    plot = i2i.Plot("step", "weighed loss", lines)
    return i2i.Result(
        swapped.picture,
        swapped.latent,
        tuple(swapped.way.frames),
        swapped.told,
        plots={"loss": plot} if len(lines["loss"]) > 1 else {},
    )


def _at(done: Sequence[Swapped], count: int, row: int, column: int) -> Swapped:
    """What the table of ``count`` people holds, its diagonal apart."""
    return done[row * (count - 1) + column - (column > row)]


def _table(everyone: Sequence[i2i.Photo], done: Sequence[Swapped]) -> i2i.Table:
    """Targets down, sources across, everyone as they are on the diagonal."""
    count = len(everyone)
    cells: list[list[Tensor | None]] = []
    notes = []
    for row, photo in enumerate(everyone):
        others = [None if column == row else _at(done, count, row, column) for column in range(count)]
        cells.append([photo.pixels if each is None else each.picture for each in others])
        notes.append(["" if each is None else f"identity {each.told['identity/after']:.2f}" for each in others])
    names = [name_of(photo, number) for number, photo in enumerate(everyone)]
    return i2i.Table(cells, [f"face of {name}" for name in names], names, notes)
