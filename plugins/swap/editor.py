"""The editor ``swap``: targets and sources in, the targets with the sources' faces out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean
from typing import TYPE_CHECKING, Any

import i2i

from .options import Options
from .pairing import Pair, cross, names_of, pair

if TYPE_CHECKING:
    from torch import Tensor

    from .swapping import Swapped


MEASURES = ("identity/after", "closed", "landmarks", "background")
"""What a table of swaps tells of each."""


class Swap(i2i.Editor):
    """Optimise the latents of targets until an identity network sees the sources in them."""

    name = "swap"
    summary = "Swap faces: the target keeps pose, expression, light and background, and shows the source."
    photos = ("target+", "source+")
    extractors = ("identity", "landmarks")
    may_use = ("perceptual",)
    wants = "latent"
    requires = i2i.StyleGenerator
    Options = Options

    def check_photos(self, scene: i2i.Scene, options: Any) -> None:
        """Refuse pictures that do not pair, and photos without a face.

        Raises:
            UsageError: targets and sources do not pair.
            I2IError: there is no face in a photo.
        """
        from .checking import check_faces

        if not options.grid:
            pair(list(scene.every["target"]), list(scene.every["source"]))
        check_faces(scene)

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """One result for each target.

        Raises:
            UsageError: targets and sources do not pair, or there are no such rows.
            I2IError: an extractor cannot be opened.
        """
        from .checking import tell
        from .swapping import swap

        targets, sources = list(scene.every["target"]), list(scene.every["source"])
        everyone = [*targets, *sources]
        pairs: list[Pair] = cross(everyone) if options.grid else pair(targets, sources)
        done = swap(scene, options, pairs)
        tell(scene, pairs, [each.told for each in done])
        if options.grid:
            chosen = [len(targets) + number % len(sources) for number in range(len(targets))]
            results = [_result(_at(done, len(everyone), *place)) for place in enumerate(chosen)]
            names = names_of(everyone)
            scalars = {**results[0].scalars, **_of_all(names, done)}
            results[0] = replace(results[0], scalars=scalars, table=_table(everyone, names, done))
            scene.note(
                f"result.png is {names[0]} with the face of {names[chosen[0]]}; all {len(done)} swaps are in grid.png, "
                "and grid.html tells the numbers of each."
            )
        else:
            results = [_result(each) for each in done]
        if scene.cancelled:
            scene.note("Stopped before the end: these are the best faces found so far.")
        return replace(results[0], others=tuple(results[1:]))


def _result(swapped: Swapped) -> i2i.Result:
    trajectory = swapped.trajectory
    curves = {name: [value for (value,) in values] for name, values in trajectory.metrics.items()}
    lines = {
        name: [(float(step), value) for step, value in enumerate(values)]
        for name, values in {**curves, "loss": trajectory.losses}.items()
    }
    plot = i2i.Plot("step", "weighed loss", lines)
    return i2i.Result(
        swapped.picture,
        swapped.latent,
        tuple(trajectory.frames),
        swapped.told,
        plots={"loss": plot} if len(lines["loss"]) > 1 else {},
    )


def _at(done: Sequence[Swapped], count: int, row: int, column: int) -> Swapped:
    """What the table of ``count`` people holds, its diagonal apart."""
    return done[row * (count - 1) + column - (column > row)]


def _of_all(names: Sequence[str], done: Sequence[Swapped]) -> dict[str, float]:
    """Of a table's swaps the means and, by whose face is on whom, the likeness of each to its source."""
    columns = {name: [each.told[name] for each in done if name in each.told] for name in MEASURES}
    found = {f"grid/{name}": mean(values) for name, values in columns.items() if values}
    for row, target in enumerate(names):
        for column, source in enumerate(names):
            if row != column:
                name = f"identity/{source} on {target}"
                found[name] = _at(done, len(names), row, column).told["identity/after"]
    return found


def _told(swapped: Swapped) -> str:
    """For a cell of the table."""
    return ", ".join(f"{name} {swapped.told[name]:.3g}" for name in MEASURES if name in swapped.told)


def _table(everyone: Sequence[i2i.Photo], names: Sequence[str], done: Sequence[Swapped]) -> i2i.Table:
    """Targets down, sources across, everyone as they are on the diagonal."""
    count = len(everyone)
    cells: list[list[Tensor | None]] = []
    notes = []
    for row, photo in enumerate(everyone):
        others = [None if column == row else _at(done, count, row, column) for column in range(count)]
        cells.append([photo.pixels if each is None else each.picture for each in others])
        notes.append(["" if each is None else _told(each) for each in others])
    return i2i.Table(cells, [f"face of {name}" for name in names], names, notes)
