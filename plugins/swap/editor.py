"""The editor ``swap``: targets and sources in, the targets with the sources' faces out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean
from typing import Any

from torch import Tensor

import i2i

from .options import SwapOptions
from .pairs import SwapPair, cross, pair_up, unique_names
from .pipeline import SwapResult, check_faces, report, swap_pairs

METRICS = ("identity/after", "closed", "landmarks", "background")
"""Scalars in the captions of a table of swaps."""


class Swap(i2i.Editor):
    """Optimise the latents of targets for the identity of the sources."""

    name = "swap"
    summary = "Swap faces: the target keeps pose, expression, light and background, and shows the source."
    photos = ("target+", "source+")
    extractors = ("identity", "landmarks")
    may_use = ("perceptual",)
    wants = "latent"
    requires = i2i.StyleGenerator
    Options = SwapOptions

    def check_photos(self, scene: i2i.Scene, options: Any) -> None:
        """Check that targets and sources pair up, and that photos show faces.

        Raises:
            UsageError: targets and sources do not pair.
            I2IError: there is no face in a photo.
        """
        if not options.grid:
            pair_up(list(scene.every["target"]), list(scene.every["source"]))
        check_faces(scene)

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """Return one result for each target.

        Raises:
            UsageError: targets and sources do not pair, or there are no such layers.
            I2IError: an extractor cannot be opened.
        """
        targets, sources = list(scene.every["target"]), list(scene.every["source"])
        photos = [*targets, *sources]
        pairs: list[SwapPair] = cross(photos) if options.grid else pair_up(targets, sources)
        done = swap_pairs(scene, options, pairs)
        report(scene, pairs, [each.scalars for each in done])
        if options.grid:
            chosen = [len(targets) + number % len(sources) for number in range(len(targets))]
            results = [_result(_at(done, len(photos), *place)) for place in enumerate(chosen)]
            names = unique_names(photos)
            scalars = {**results[0].scalars, **_grid_scalars(names, done)}
            results[0] = replace(results[0], scalars=scalars, table=_table(photos, names, done))
            scene.note(
                f"result.png is {names[0]} with the face of {names[chosen[0]]}; all {len(done)} swaps are in grid.png, "
                "and grid.html has the metrics of each."
            )
        else:
            results = [_result(each) for each in done]
        if scene.cancelled:
            scene.note("Stopped before the end: these are the best faces found so far.")
        return replace(results[0], others=tuple(results[1:]))


def _result(swapped: SwapResult) -> i2i.Result:
    trajectory = swapped.trajectory
    curves = {name: [value for (value,) in values] for name, values in trajectory.metrics.items()}
    lines = {
        name: [(float(step), value) for step, value in enumerate(values)]
        for name, values in {**curves, "loss": trajectory.losses}.items()
    }
    plot = i2i.Plot("step", "weighted loss", lines)
    return i2i.Result(
        swapped.image,
        swapped.latent,
        tuple(trajectory.frames),
        swapped.scalars,
        plots={"loss": plot} if len(lines["loss"]) > 1 else {},
    )


def _at(done: Sequence[SwapResult], count: int, row: int, column: int) -> SwapResult:
    """Return the result in a row and column of the table of ``count`` people, off its diagonal."""
    return done[row * (count - 1) + column - (column > row)]


def _grid_scalars(names: Sequence[str], done: Sequence[SwapResult]) -> dict[str, float]:
    """Return the means over a table of swaps, and the identity similarity of each to its source."""
    columns = {name: [each.scalars[name] for each in done if name in each.scalars] for name in METRICS}
    scalars = {f"grid/{name}": mean(values) for name, values in columns.items() if values}
    for row, target in enumerate(names):
        for column, source in enumerate(names):
            if row != column:
                name = f"identity/{source} on {target}"
                scalars[name] = _at(done, len(names), row, column).scalars["identity/after"]
    return scalars


def _caption(swapped: SwapResult) -> str:
    """Return the caption of a cell."""
    return ", ".join(f"{name} {swapped.scalars[name]:.3g}" for name in METRICS if name in swapped.scalars)


def _table(photos: Sequence[i2i.Photo], names: Sequence[str], done: Sequence[SwapResult]) -> i2i.Table:
    """Show targets in rows, sources in columns, and the originals on the diagonal."""
    count = len(photos)
    cells: list[list[Tensor | None]] = []
    notes = []
    for row, photo in enumerate(photos):
        others = [None if column == row else _at(done, count, row, column) for column in range(count)]
        cells.append([photo.pixels if each is None else each.image for each in others])
        notes.append(["" if each is None else _caption(each) for each in others])
    return i2i.Table(cells, [f"face of {name}" for name in names], names, notes)
