"""The comparison of inverters: photos inverted by several methods, in a grid with metrics.

SSIM, which is in no method's loss, shows whether optimising made a start better (``judgement``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

import i2i

from .editor import (
    edit_result,
    inversion_image,
    inverter_options,
    merge_results,
    note_cancellation,
    split_inverter,
    stack_images,
)
from .initialisation import encode_images, find_initial_latents, render_initial
from .inverters import EncoderInverter
from .judgement import MEASURE, judge
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
    scores: Sequence[tuple[float, float]] = ()
    """For each photo, how similar the images of the initial and of the optimised latent are to it (``judgement``);
    empty where nothing is optimised, and for inverters of other plugins."""

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each metric over the photos."""
        return {name: sum(each[name] for each in self.metrics) / len(self.metrics) for name in self.metrics[0]}

    @property
    def mean_score(self) -> tuple[float, float] | None:
        """Mean of the scores, before and after."""
        if not self.scores:
            return None
        before, after = (sum(column) / len(self.scores) for column in zip(*self.scores, strict=True))
        return before, after

    @property
    def caption(self) -> str:
        """The method with its verdict."""
        return f"{self.method}: {format_score(*self.mean_score)}" if self.mean_score else self.method


UNCHANGED = 0.0005
"""Largest difference of a score that counts as none."""
CAPTION = (
    f"{MEASURE} of the reconstruction, and of that of the initial latent: better if it is higher. It is in no method's "
    "loss."
)
"""What the captions of the columns mean."""


def format_score(before: float, after: float) -> str:
    """Format as in ``SSIM 0.912 from 0.874, better``."""
    gain = after - before
    verdict = "unchanged" if abs(gain) <= UNCHANGED else "better" if gain > 0 else "worse"
    return f"{MEASURE} {after:.3f} from {before:.3f}, {verdict}"


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
    for column in columns:
        if column.mean_score:
            before, after = column.mean_score
            means |= {f"{column.method}/score_before": before, f"{column.method}/score_after": after}
    count = "one photo" if len(photos) == 1 else f"mean of {len(photos)}"
    for column in columns:
        verdict = f"; {format_score(*column.mean_score)}" if column.mean_score else ""
        scene.note(f"{column.method}: {_format_metrics(column.mean)} per photo ({count}){verdict}.")
    note_cancellation(scene)
    results = [edit_result(each, metrics) for each, metrics in zip(own.inversions, own.metrics, strict=True)]
    first = replace(results[0], scalars={**results[0].scalars, **means}, table=_method_table(photos, columns))
    return merge_results([first, *results[1:]])


def _invert_by_methods(scene: i2i.Scene, options: InvertOptions, photos: Tensor) -> list[MethodInversions]:
    columns: list[MethodInversions] = []
    methods = list(dict.fromkeys([*_compared(scene, options, photos), options.method]))
    values = {method: inverter_options(scene, options, method, strict=False) for method in methods}
    for number, method in enumerate(methods):

        def on_step(done: int, total: int, number: int = number, **scalars: float) -> None:
            part = _PROGRESS_PARTS * done // max(1, total)
            scene.progress(_PROGRESS_PARTS * number + part, _PROGRESS_PARTS * len(methods), **scalars)

        inversions = scene.invert(photos, method, values[method], progress=on_step)
        compared = scene.compare(stack_images(inversions), photos)
        metrics = [{**each, **_seconds(inversion)} for each, inversion in zip(compared, inversions, strict=True)]
        columns.append(
            MethodInversions(method, inversions, metrics, _scores(scene, method, values[method], photos, inversions))
        )
    return columns


def _compared(scene: i2i.Scene, options: InvertOptions, photos: Tensor) -> Sequence[str]:
    """Return the methods of ``--methods``; of the default ones without those that need an encoder where none fits."""
    default: tuple[str, ...] = InvertOptions.model_fields["methods"].default
    if options.methods != default or split_inverter(scene, options.method)[0] is EncoderInverter:
        return options.methods
    try:
        encode_images(scene, [photos[:1]])
    except i2i.I2IError as error:
        scene.note(f"The grid leaves the method {EncoderInverter.name} out: {str(error)[:1].lower()}{str(error)[1:]}")
        return [name for name in default if name != EncoderInverter.name]
    return default


def _scores(
    scene: i2i.Scene, name: str, values: Mapping[str, Any], photos: Tensor, inversions: Sequence[i2i.Inversion]
) -> list[tuple[float, float]]:
    """Judge the images of the initial and of the optimised latents; nothing for methods that optimise none."""
    kind, own = split_inverter(scene, name)
    if not issubclass(kind, EncoderInverter):
        return []
    settings = kind().method(scene.generator, i2i.build_options(kind.Options, {**values, **own}, name))
    if not settings.steps:
        return []
    quiet = replace(scene, note=lambda text: None)  # the inversion has said it
    scores = []
    for latent, photo, inversion in zip(
        find_initial_latents(quiet, replace(settings, tuning=None), photos), photos.split(1), inversions, strict=True
    ):
        _, start = render_initial(scene.generator, settings, latent.w)
        scores.append((float(judge(start, photo)), float(judge(inversion_image(inversion), photo))))
    return scores


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
        notes.append(["", *(_format_cell(column, row) for column in columns)])
    labels = [photo.name or f"photo {number + 1}" for number, photo in enumerate(photos)]
    caption = CAPTION if any(column.scores for column in columns) else ""
    return i2i.Table(cells, ["original", *(column.caption for column in columns)], labels, notes, caption)


def _format_cell(column: MethodInversions, row: int) -> str:
    metrics = _format_metrics(column.metrics[row])
    return f"{metrics}; {format_score(*column.scores[row])}" if column.scores else metrics
