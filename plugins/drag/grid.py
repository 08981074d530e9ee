"""Every picture with every preset by itself, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import i2i

from .formats import Values, read
from .options import Options

if TYPE_CHECKING:
    from torch import Tensor


class Column(NamedTuple):
    """One preset."""

    title: str
    values: Values
    scene: i2i.Scene
    """For an edit by it alone, and"""
    options: Options
    """of it alone."""


def columns(scene: i2i.Scene, options: Options) -> list[Column]:
    """The presets asked for, or all there are.

    Raises:
        I2IError: one is not sound.
    """
    asked = options.presets or dict.fromkeys(scene.presets, 1.0)
    found = []
    for number, (name, strength) in enumerate(asked.items()):
        title = name if strength == 1 else f"{name}={strength:g}"

        def progress(done: int, total: int, before: int = number, **scalars: float) -> None:
            scene.progress(before * total + done, len(asked) * total, **scalars)

        def note(text: str, title: str = title) -> None:
            scene.note(f"{title}: {text[:1].lower()}{text[1:]}")

        alone = options.model_copy(update={"preset": f"{name}={strength!r}", "grid": False})
        part = replace(scene, progress=progress, note=note)
        found.append(Column(title, read(scene.presets[name]), part, alone))
    return found


def table(scene: i2i.Scene, presets: Sequence[Column], results: Sequence[Sequence[i2i.Result]]) -> i2i.Table:
    """Pictures down, presets across; below each picture how far it came towards its aims.

    Args:
        results: By preset, those of all pictures.
    """
    images = scene.every["image"]
    cells: list[list[Tensor | None]] = [[photo.pixels] for photo in images]
    notes = [[""] for _ in images]
    for column, made in zip(presets, results, strict=True):
        for row, result in enumerate(made):
            told = [f"{aim.name} {result.scalars[aim.name]:+.0%}" for aim in column.values.aims if result.scalars]
            cells[row].append(result.image)
            notes[row].append(", ".join(told))
    labels = [photo.name or f"picture {number + 1}" for number, photo in enumerate(images)]
    return i2i.Table(cells, ["original", *(column.title for column in presets)], labels, notes)
