"""The comparison of inverters: photos inverted by several methods, in a grid with metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

import i2i

from .editor import (
    edit_result,
    inversion_image,
    inverter_options,
    merge_results,
    note_cancellation,
    stack_images,
)
from .options import InvertOptions

SHOWN = {"psnr": ("PSNR", "{:.1f} dB"), "lpips": ("LPIPS", "{:.5f}"), "identity": ("identity", "{:.3f}")}
"""Metrics in the table of a comparison, by the names that ``scene.compare`` gives them, with title and format."""
_AVERAGED = (*SHOWN, "ssim", "seconds")
_PROGRESS_PARTS = 100  # of each method of a comparison, because their numbers of steps differ


@dataclass(frozen=True)
class MethodInversions:
    """The inversions of all photos by one method."""

    method: str
    """The inverter, as ``NAME[,KEY=VALUE]``."""
    inversions: Sequence[i2i.Inversion]
    """One inversion for each photo."""
    metrics: Sequence[Mapping[str, float]]
    """Metrics of each reconstruction against its photo, and seconds."""

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each metric over the photos."""
        return {name: sum(each[name] for each in self.metrics) / len(self.metrics) for name in self.metrics[0]}


def compare_methods(scene: i2i.Scene, options: InvertOptions) -> i2i.Result:
    """Invert all photos by the methods of ``--methods`` and ``--method``, and show them in a grid.

    Returns:
        The images and latents of ``--method``, with the means of all methods and the grid.

    Raises:
        I2IError, UsageError: see ``scene.invert``.
    """
    photos = scene.every["image"]
    columns = _invert_by_methods(scene, options, torch.cat([photo.pixels for photo in photos]))
    own = next(column for column in columns if column.method == options.method)
    means = {
        f"{column.method}/{name}": value
        for column in columns
        for name, value in column.mean.items()
        if name in _AVERAGED
    }
    count = "one photo" if len(photos) == 1 else f"mean of {len(photos)}"
    for column in columns:
        scene.note(f"{column.method}: {_format_metrics(column.mean)} per photo ({count}).")
    note_cancellation(scene)
    results = [edit_result(each, metrics) for each, metrics in zip(own.inversions, own.metrics, strict=True)]
    first = replace(results[0], scalars={**results[0].scalars, **means}, table=_method_table(photos, columns))
    return merge_results([first, *results[1:]])


def _invert_by_methods(scene: i2i.Scene, options: InvertOptions, photos: Tensor) -> list[MethodInversions]:
    columns: list[MethodInversions] = []
    methods = dict.fromkeys([*options.methods, options.method])
    values = {method: inverter_options(scene, options, method, strict=False) for method in methods}
    for number, method in enumerate(methods):

        def on_step(done: int, total: int, number: int = number, **scalars: float) -> None:
            part = _PROGRESS_PARTS * done // max(1, total)
            scene.progress(_PROGRESS_PARTS * number + part, _PROGRESS_PARTS * len(methods), **scalars)

        inversions = scene.invert(photos, method, values[method], progress=on_step)
        compared = scene.compare(stack_images(inversions), photos)
        metrics = [{**each, **_seconds(inversion)} for each, inversion in zip(compared, inversions, strict=True)]
        columns.append(MethodInversions(method, inversions, metrics))
    return columns


def _seconds(inversion: i2i.Inversion) -> dict[str, float]:
    """Return the time of an inversion, where its inverter measures it."""
    return {name: value for name, value in inversion.scalars.items() if name == "seconds"}


def _format_metrics(metrics: Mapping[str, float]) -> str:
    """Format metrics as in ``PSNR 29.3 dB, LPIPS 0.00532, identity 0.962, 1.2 s``."""
    parts = [f"{title} {form.format(metrics[name])}" for name, (title, form) in SHOWN.items() if name in metrics]
    return ", ".join([*parts, *([f"{metrics['seconds']:.1f} s"] if "seconds" in metrics else [])])


def _method_table(photos: Sequence[i2i.Photo], columns: Sequence[MethodInversions]) -> i2i.Table:
    """Show photos in rows and methods in columns."""
    cells: list[list[Tensor | None]] = []
    notes = []
    for row, photo in enumerate(photos):
        cells.append([photo.pixels, *(inversion_image(column.inversions[row]) for column in columns)])
        notes.append(["", *(_format_metrics(column.metrics[row]) for column in columns)])
    labels = [photo.name or f"photo {number + 1}" for number, photo in enumerate(photos)]
    return i2i.Table(cells, ["original", *(column.method for column in columns)], labels, notes)
