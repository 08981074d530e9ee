"""The evaluation of inverters: a comparison of methods, and LPIPS under perturbations of the photo.

The perturbations follow Abdal, Qin and Wonka, "Image2StyleGAN" (2019), section 3; here they are evaluated for each
latent space and each initial latent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

import i2i

from .editor import (
    edit_result,
    inversion_image,
    inverter_class,
    inverter_options,
    merge_results,
    note_cancellation,
    stack_images,
)
from .initialisation import encode_images
from .methods import METHODS, Initial, Space
from .options import InvertOptions, PerturbationName
from .perturbations import PERTURBATIONS

SHOWN = {"psnr": ("PSNR", "{:.1f} dB"), "lpips": ("LPIPS", "{:.5f}"), "identity": ("identity", "{:.3f}")}
"""Metrics in the table of a comparison, by the names that ``scene.compare`` gives them, with title and format."""
_AVERAGED = (*SHOWN, "ssim", "seconds")
_PROGRESS_PARTS = 100  # of each method of a comparison, because their numbers of steps differ

STEPS = 40
"""Optimisation steps of each inversion under perturbations unless chosen; enough to see which images fail."""
_BATCH_PIXELS = 2**15  # on a CPU: eight images of 64 x 64 in a batch take two thirds of the time of single ones
_COMPARE_BATCH = 8  # images whose LPIPS is computed together

Trial = tuple[PerturbationName, float]
"""A perturbation with its strength."""


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


@dataclass(frozen=True)
class PerturbedPhotos:
    """Photos and their perturbed copies: the first photo, its copies by trial; the second photo, and so on."""

    trials: Sequence[Trial]
    """The perturbations of each photo."""
    images: Tensor
    """``(photos * (1 + trials), 3, R, R)``."""

    @property
    def photos(self) -> int:
        """Number of photos."""
        return len(self.images) // (1 + len(self.trials))

    def indices(self, trial: Trial | None) -> list[int]:
        """Return the indices of the images of a trial, photo by photo; None means the unchanged photos."""
        offset = 0 if trial is None else 1 + self.trials.index(trial)
        return [photo * (1 + len(self.trials)) + offset for photo in range(self.photos)]

    def mean(self, series: InversionSeries, trial: Trial | None) -> float:
        """Return the mean LPIPS of a trial over the photos."""
        return sum(series.distances[index] for index in self.indices(trial)) / self.photos


@dataclass(frozen=True)
class InversionSeries:
    """The inversions of all images in one space from one initial latent."""

    name: str
    """Name for legends."""
    inversions: Sequence[i2i.Inversion]
    """One inversion for each image."""
    distances: Sequence[float]
    """LPIPS of each reconstruction to the image that was inverted."""


def evaluate_perturbations(scene: i2i.Scene, options: InvertOptions) -> i2i.Result:
    """Invert photos perturbed by ``--changes`` in each space from each initial latent; plot LPIPS against strength.

    Returns:
        The images and latents of the unchanged photos in the method's own space from its own initial latent. The means
        and the table, which shows the first photo, are of the same space and initial latent.

    Raises:
        I2IError, UsageError: see ``scene.invert``; also for strengths out of range.
    """
    inputs = _perturb(scene, options, _trials(options))
    every = _invert_series(scene, options, inputs)
    own, unchanged = every[0], inputs.indices(None)
    metrics = scene.compare(stack_images([own.inversions[index] for index in unchanged]), inputs.images[unchanged])
    results = [edit_result(own.inversions[index], each) for index, each in zip(unchanged, metrics, strict=True)]
    by_name = {name: [trial for trial in inputs.trials if trial[0] == name] for name in options.changes}
    means = {name: sum(inputs.mean(own, trial) for trial in trials) / len(trials) for name, trials in by_name.items()}
    for name, mean in means.items():
        reference = f"{inputs.mean(own, None):.4f} without a change"
        scene.note(f"{PERTURBATIONS[name].title}: mean LPIPS {mean:.4f} ({own.name}; {reference}).")
    note_cancellation(scene)
    first = replace(
        results[0],
        scalars={**results[0].scalars, **{f"{name}/lpips": mean for name, mean in means.items()}},
        table=_perturbation_table(inputs, own),
        plots={**results[0].plots, **{f"study_{name}": _plot(name, inputs, every) for name in by_name}},
    )
    return merge_results([first, *results[1:]])


def _trials(options: InvertOptions) -> list[Trial]:
    """Return every perturbation with every strength.

    Raises:
        UsageError: strengths are given for several perturbations, or one is out of range.
    """
    names = dict.fromkeys(options.changes)
    if not options.strengths:
        return [(name, strength) for name in names for strength in PERTURBATIONS[name].strengths]
    if len(options.changes) != 1:
        raise i2i.UsageError("--strengths are in the unit of one change; name it with --changes, once.")
    name = options.changes[0]
    perturbation = PERTURBATIONS[name]
    smallest, largest = perturbation.limits
    for strength in options.strengths:
        if not smallest <= strength <= largest or strength == perturbation.identity:
            raise i2i.UsageError(
                f"--strengths {strength:g}: {name} takes {smallest:g} to {largest:g} {perturbation.unit} except "
                f"{perturbation.identity:g}, which changes nothing; choose such a number."
            )
    return [(name, strength) for strength in sorted(set(options.strengths))]


def _perturb(scene: i2i.Scene, options: InvertOptions, trials: Sequence[Trial]) -> PerturbedPhotos:
    images = []
    for photo in scene.every["image"]:
        image = photo.pixels[0]
        images += [image, *(PERTURBATIONS[name](image, strength, options.seed) for name, strength in trials)]
    return PerturbedPhotos(trials, torch.stack(images))


def _invert_series(scene: i2i.Scene, options: InvertOptions, inputs: PerturbedPhotos) -> list[InversionSeries]:
    """Invert the images in each space from each initial latent, the method's own first.

    After the user has cancelled, no further series is started.
    """
    values = inverter_options(scene, options, options.method, strict=False)
    fields = inverter_class(scene, options.method).Options.model_fields
    if "steps" in fields and options.steps is None:
        values["steps"] = STEPS
    if "batch" in fields and options.batch is None:
        values["batch"] = _batch_size(scene)
    settings: list[tuple[Space | None, Initial | None]] = [
        (space, initial)
        for space in (_spaces(scene, options) if "space" in fields else (None,))
        for initial in (_initial_latents(scene, options, inputs) if "start" in fields else (None,))
    ]
    settings.sort(key=lambda setting: setting != _own_setting(options))
    series: list[InversionSeries] = []
    for number, (space, initial) in enumerate(settings):

        def on_step(done: int, total: int, number: int = number, **scalars: float) -> None:
            scene.progress(number * total + done, len(settings) * total, **scalars)

        chosen = {name: value for name, value in (("space", space), ("start", initial)) if value is not None}
        inversions = scene.invert(inputs.images, options.method, {**values, **chosen}, progress=on_step, cache=False)
        name = f"{space} from the {initial or options.method}" if space else options.method
        series.append(InversionSeries(name, inversions, _distances(scene, inversions, inputs.images)))
        if scene.cancelled:
            break
    return series


def _own_setting(options: InvertOptions) -> tuple[Space | None, Initial | None]:
    """Return the space and initial latent of the method itself; None for what only other methods have."""
    method = METHODS.get(options.method)
    if method is None:
        return options.space, options.start
    return options.space or method.space, (options.start or method.initial) if method.steps else None


def _batch_size(scene: i2i.Scene) -> int | None:
    """Return the images in a batch, None for as many as fit: changes of the last digit do not show in a plot."""
    return None if scene.device.type == "cuda" else max(1, _BATCH_PIXELS // scene.generator.resolution**2)


def _spaces(scene: i2i.Scene, options: InvertOptions) -> Sequence[Space]:
    if options.space is not None:
        return (options.space,)
    if scene.generator.c_dim and options.label is None:
        scene.note("The study skips the space z, in which this generator needs a class: give --label.")
        return ("w+", "w")
    return ("w+", "w", "z")


def _initial_latents(scene: i2i.Scene, options: InvertOptions, inputs: PerturbedPhotos) -> Sequence[Initial]:
    if options.start is not None:
        return (options.start,)
    try:
        encode_images(scene, [inputs.images[:1]])
    except i2i.I2IError as error:
        scene.note(f"The study starts from the mean latent only, as no encoder fits: {error}")
        return ("mean",)
    return ("encoder", "mean")


def _distances(scene: i2i.Scene, inversions: Sequence[i2i.Inversion], images: Tensor) -> list[float]:
    """Compute LPIPS of each reconstruction to its image."""
    perceptual: i2i.PerceptualExtractor = scene.extractors["perceptual"]
    distances: list[float] = []
    with torch.no_grad():
        for first in range(0, len(inversions), _COMPARE_BATCH):
            reconstructed = stack_images(inversions[first : first + _COMPARE_BATCH])
            distances += perceptual.distance(reconstructed, images[first : first + _COMPARE_BATCH]).tolist()
    return distances


def _plot(name: PerturbationName, inputs: PerturbedPhotos, every: Sequence[InversionSeries]) -> i2i.Plot:
    perturbation = PERTURBATIONS[name]
    strengths = [strength for perturbed_by, strength in inputs.trials if perturbed_by == name]
    lines = {}
    for series in every:
        points = [(strength, inputs.mean(series, (name, strength))) for strength in strengths]
        lines[series.name] = sorted([(perturbation.identity, inputs.mean(series, None)), *points])
    return i2i.Plot(f"{perturbation.title}, {perturbation.unit}", "LPIPS of the reconstruction to the input", lines)


def _perturbation_table(inputs: PerturbedPhotos, series: InversionSeries) -> i2i.Table:
    """Show the first photo: for each perturbation a row of inputs, and below it a row of reconstructions."""
    cells: list[list[Tensor | None]] = []
    notes, labels = [], []
    for name in dict.fromkeys(name for name, _ in inputs.trials):
        trials: list[Trial | None] = [None, *(trial for trial in inputs.trials if trial[0] == name)]
        indices = [inputs.indices(trial)[0] for trial in trials]
        unit = PERTURBATIONS[name].unit
        cells.append([inputs.images[index : index + 1] for index in indices])
        notes.append(["unchanged" if trial is None else f"{trial[1]:g} {unit}" for trial in trials])
        cells.append([inversion_image(series.inversions[index]) for index in indices])
        notes.append([f"LPIPS {series.distances[index]:.4f}" for index in indices])
        strengths = ", ".join(f"{trial[1]:g}" for trial in trials if trial is not None)
        labels += [f"{PERTURBATIONS[name].title}: {strengths} {unit}", series.name]
    longest = max(len(row) for row in cells)  # perturbations differ in the number of their strengths
    for cell_row, note_row in zip(cells, notes, strict=True):
        cell_row += [None] * (longest - len(cell_row))
        note_row += [""] * (longest - len(note_row))
    columns = ["unchanged", *(f"change {number}" for number in range(1, longest))]
    return i2i.Table(cells, columns, labels, notes)
