"""Photos down, methods across: how well each method brings each photo back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

import i2i

from .editor import image_of, result, tell_if_stopped, together, values_for
from .options import Options

if TYPE_CHECKING:
    from torch import Tensor

PARTS = 100
"""In which the progress of each method is counted, for their steps are not alike."""
SHOWN = {"psnr": ("PSNR", "{:.1f} dB"), "lpips": ("LPIPS", "{:.5f}"), "identity": ("identity", "{:.3f}")}
"""Measures in the table, by the names that ``scene.compare`` gives them."""


@dataclass(frozen=True)
class Column:
    """What one method made of all photos."""

    method: str
    found: Sequence[i2i.Inversion]
    told: Sequence[Mapping[str, float]]
    """By photo: measures, and seconds."""

    @property
    def mean(self) -> dict[str, float]:
        """Of each measure over the photos."""
        return {name: sum(each[name] for each in self.told) / len(self.told) for name in self.told[0]}


def grid(scene: i2i.Scene, options: Options) -> i2i.Result:
    """All methods of ``--methods`` and ``--method`` on all photos; the pictures and latents given are of ``--method``.

    Raises:
        I2IError, UsageError: as ``scene.invert``.
    """
    photos = scene.every["image"]
    pictures = torch.cat([photo.pixels for photo in photos])
    columns = _columns(scene, options, pictures)
    own = next(column for column in columns if column.method == options.method)
    means = {
        f"{column.method}/{name}": value for column in columns for name, value in column.mean.items() if name in _TOLD
    }
    for column in columns:
        scene.note(f"{column.method}: {_text(column.mean)} a photo ({_of(len(photos))}).")
    tell_if_stopped(scene)
    results = [result(each, told) for each, told in zip(own.found, own.told, strict=True)]
    first = replace(results[0], scalars={**results[0].scalars, **means}, table=_table(photos, columns))
    return together([first, *results[1:]])


def _columns(scene: i2i.Scene, options: Options, pictures: Tensor) -> list[Column]:
    columns: list[Column] = []
    names = dict.fromkeys([*options.methods, options.method])
    values = {name: values_for(scene, options, name, strict=False) for name in names}
    for number, name in enumerate(names):

        def on_step(done: int, total: int, number: int = number, **scalars: float) -> None:
            share = PARTS * done // max(1, total)
            scene.progress(PARTS * number + share, PARTS * len(names), **scalars)

        found = scene.invert(pictures, name, values[name], progress=on_step)
        told = scene.compare(torch.cat([image_of(each) for each in found]), pictures)
        measures = [{**each, **_seconds(one)} for each, one in zip(told, found, strict=True)]
        columns.append(Column(name, found, measures))
    return columns


def _seconds(inversion: i2i.Inversion) -> dict[str, float]:
    """Return the time of an inversion, where its inverter measures it."""
    return {name: value for name, value in inversion.scalars.items() if name == "seconds"}


_TOLD = (*SHOWN, "ssim", "seconds")


def _text(told: Mapping[str, float]) -> str:
    """``PSNR 29.3 dB, LPIPS 0.00532, identity 0.962, 1.2 s``."""
    parts = [f"{title} {form.format(told[name])}" for name, (title, form) in SHOWN.items() if name in told]
    return ", ".join([*parts, *([f"{told['seconds']:.1f} s"] if "seconds" in told else [])])


def _of(count: int) -> str:
    return "one photo" if count == 1 else f"mean of {count}"


def _table(photos: Sequence[i2i.Photo], columns: Sequence[Column]) -> i2i.Table:
    cells: list[list[Tensor | None]] = []
    notes = []
    for row, photo in enumerate(photos):
        cells.append([photo.pixels, *(image_of(column.found[row]) for column in columns)])
        notes.append(["", *(_text(column.told[row]) for column in columns)])
    labels = [photo.name or f"photo {number + 1}" for number, photo in enumerate(photos)]
    return i2i.Table(cells, ["original", *(column.method for column in columns)], labels, notes)
