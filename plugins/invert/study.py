"""The study of ``--study``: which changes of a photo the inversion survives, by LPIPS of the reconstructions.

The perturbations follow Abdal, Qin and Wonka, "Image2StyleGAN" (2019), section 3; here they are evaluated for each
latent space and each initial latent. What defects (occlusion, noise, JPEG) do to a reconstruction is also measured
against the photo without the defect, and outside of the defect. As a baseline, a generator whose synthesis weights are
random shows how far optimising the latent alone gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

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
from .initialisation import encode_images
from .inverters import EncoderInverter
from .methods import METHODS, Initial, Space, method_for
from .options import InvertOptions, PerturbationName, TuningOptions
from .perturbations import PERTURBATIONS
from .pipeline import reconstruct
from .spaces import seeded_random

STEPS = 40
"""Optimisation steps of each inversion under perturbations unless chosen; enough to see which images fail."""
_BATCH_PIXELS = 2**15  # on a CPU: eight images of 64 x 64 in a batch take two thirds of the time of single ones
_COMPARE_BATCH = 8  # images whose LPIPS is computed together
_PROGRESS_PARTS = 1000  # of each series of inversions, because their numbers of steps differ

Trial = tuple[PerturbationName, float]
"""A perturbation with its strength."""
Measure = Literal["input", "clean", "outside"]
"""With what a reconstruction is compared: the image that was inverted, the photo without the defect, or that photo
where the defect does not cover it."""

RANDOM_WEIGHTS = "random synthesis weights"
"""Name of the baseline in the table."""


@dataclass(frozen=True)
class PerturbedPhotos:
    """Photos and their perturbed copies: the first photo, its copies by trial; the second photo, and so on."""

    trials: Sequence[Trial]
    """The perturbations of each photo."""
    images: Tensor
    """``(photos * (1 + trials), 3, R, R)``."""
    seed: int = 0
    """Seed of the perturbations."""

    @property
    def photos(self) -> int:
        """Number of photos."""
        return len(self.images) // (1 + len(self.trials))

    def indices(self, trial: Trial | None) -> list[int]:
        """Return the indices of the images of a trial, photo by photo; None means the unchanged photos."""
        offset = 0 if trial is None else 1 + self.trials.index(trial)
        return [photo * (1 + len(self.trials)) + offset for photo in range(self.photos)]

    def trial(self, index: int) -> Trial | None:
        """Return the trial of an image; None for an unchanged photo."""
        offset = index % (1 + len(self.trials))
        return self.trials[offset - 1] if offset else None

    def clean(self, index: int) -> Tensor:
        """Return the unchanged photo ``(1, 3, R, R)`` of an image."""
        first = index - index % (1 + len(self.trials))
        return self.images[first : first + 1]

    def visible(self, index: int) -> Tensor:
        """Return the part that a defect does not cover, 1 or 0 ``(1, 1, R, R)``; all 1 for an unchanged photo."""
        trial, size = self.trial(index), self.images.shape[-1]
        if trial is None:
            return self.images.new_ones(1, 1, size, size)
        covered = PERTURBATIONS[trial[0]].covered
        assert covered is not None
        return 1 - covered(size, trial[1], self.seed).to(self.images)[None, None]


@dataclass(frozen=True)
class InversionSeries:
    """The inversions of all images in one space from one initial latent."""

    name: str
    """Name for legends."""
    inversions: Sequence[i2i.Inversion]
    """One inversion for each image."""
    distances: Mapping[Measure, Mapping[int, float]]
    """LPIPS of the reconstructions by index of the image; for ``clean`` and ``outside`` of defects only."""


def evaluate_perturbations(scene: i2i.Scene, options: InvertOptions) -> i2i.Result:
    """Invert photos perturbed by ``--changes`` in each space from each initial latent; plot LPIPS against strength.

    Returns:
        The images and latents of the unchanged photos in the method's own space from its own initial latent. The means
        and the table, which shows the first photo, are of the same space and initial latent.

    Raises:
        I2IError, UsageError: see ``scene.invert``; also for strengths out of range.
    """
    values = _values(scene, options)
    options = _merge_options(scene, options, values)
    inputs = _perturb(scene, options, _trials(options))
    every = _invert_series(scene, options, values, inputs)
    own, unchanged = every[0], inputs.indices(None)
    metrics = scene.compare(stack_images([own.inversions[index] for index in unchanged]), inputs.images[unchanged])
    results = [edit_result(own.inversions[index], each) for index, each in zip(unchanged, metrics, strict=True)]
    changed = _distances_of_changes(scene, inputs)
    scalars = _note_means(scene, inputs, own, changed)
    on_step = _progress_of(scene, len(every), len(every) + 1)
    baseline = _invert_with_random_weights(scene, options, values, inputs, on_step)
    if baseline is not None:
        scalars["random_weights/lpips"] = _note_baseline(scene, inputs, baseline, every)
    note_cancellation(scene)
    plots = {
        name: plot for change in dict.fromkeys(options.changes) for name, plot in _plots(change, inputs, every, changed)
    }
    first = replace(
        results[0],
        scalars={**results[0].scalars, **scalars},
        table=_perturbation_table(inputs, own, baseline),
        plots={**results[0].plots, **plots},
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
    return PerturbedPhotos(trials, torch.stack(images), options.seed)


def _invert_series(
    scene: i2i.Scene, options: InvertOptions, values: Mapping[str, Any], inputs: PerturbedPhotos
) -> list[InversionSeries]:
    """Invert the images in each space from each initial latent, the method's own first.

    After the user has cancelled, no further series is started.
    """
    fields = scene.inverters[options.method].Options.model_fields
    settings: list[tuple[Space | None, Initial | None]] = [
        (space, initial)
        for space in (_spaces(scene, options) if "space" in fields else (None,))
        for initial in (_initial_latents(scene, options, inputs) if "start" in fields else (None,))
    ]
    settings.sort(key=lambda setting: setting != _own_setting(scene, options))
    series: list[InversionSeries] = []
    for number, (space, initial) in enumerate(settings):
        chosen = {name: value for name, value in (("space", space), ("start", initial)) if value is not None}
        on_step = _progress_of(scene, number, len(settings) + _has_baseline(scene, options))
        inversions = scene.invert(inputs.images, options.method, {**values, **chosen}, progress=on_step, cache=False)
        name = f"{space} from the {initial or options.method}" if space else options.method
        series.append(InversionSeries(name, inversions, _measure(scene, inversions, inputs)))
        if scene.cancelled:
            break
    return series


def _progress_of(scene: i2i.Scene, number: int, count: int) -> Callable[..., None]:
    """Return the progress of one of ``count`` series of inversions, as a part of the whole study."""

    def on_step(done: int, total: int, **scalars: float) -> None:
        part = _PROGRESS_PARTS * done // max(1, total)
        scene.progress(_PROGRESS_PARTS * number + part, _PROGRESS_PARTS * count, **scalars)

    return on_step


def _values(scene: i2i.Scene, options: InvertOptions) -> dict[str, Any]:
    """Return the options of the inverter; those in ``--method`` take precedence over those of the editor.

    Steps are few and batches small unless the user chose them.

    Raises:
        UsageError: there is no such inverter or option, or a value is out of range.
    """
    kind, own = split_inverter(scene, options.method)
    given = {**inverter_options(scene, options, options.method, strict=False), **own}
    values = i2i.build_options(kind.Options, given, f"--method {options.method}").model_dump(exclude_unset=True)
    fields = kind.Options.model_fields
    if "steps" in fields and values.get("steps") is None:
        values["steps"] = STEPS
    if "batch" in fields and values.get("batch") is None:
        values["batch"] = _batch_size(scene)
    return values


def _merge_options(scene: i2i.Scene, options: InvertOptions, values: Mapping[str, Any]) -> InvertOptions:
    """Return the options with those in ``--method`` merged and its bare name, by which the method is looked up.

    A seed in ``--method`` is that of the inverter alone: ``options.seed`` is also that of the perturbations.
    """
    kind, _ = split_inverter(scene, options.method)
    shared = {name: values[name] for name in TuningOptions.model_fields if name in values and name != "seed"}
    return options.model_copy(update={**shared, "method": kind.name})


def _own_setting(scene: i2i.Scene, options: InvertOptions) -> tuple[Space | None, Initial | None]:
    """Return the space and initial latent of the method itself; None for what only other methods have."""
    if options.method not in METHODS:
        return options.space, options.start
    method = method_for(options.method, scene.generator.resolution)
    return options.space or method.space, (options.start or method.initial) if method.steps else None


def _batch_size(scene: i2i.Scene) -> int | None:
    """Return the images in a batch, None for as many as fit: changes of the last digit do not show in a plot."""
    return None if scene.device.type == "cuda" else max(1, _BATCH_PIXELS // scene.generator.resolution**2)


def _spaces(scene: i2i.Scene, options: InvertOptions) -> Sequence[Space]:
    if options.space is not None:
        return (options.space,)
    own, _ = _own_setting(scene, options)
    spaces: tuple[Space, ...] = ("p+", "w+", "w") if own == "p+" else ("w+", "w")
    if scene.generator.c_dim and options.label is None:
        scene.note("The study skips the space z, in which this generator needs a class: give --label.")
        return spaces
    return (*spaces, "z")


def _initial_latents(scene: i2i.Scene, options: InvertOptions, inputs: PerturbedPhotos) -> Sequence[Initial]:
    if options.start is not None:
        return (options.start,)
    try:
        encode_images(scene, [inputs.images[:1]])
    except i2i.I2IError as error:
        scene.note(f"The study starts from the mean latent only, as no encoder fits: {error}")
        return ("mean",)
    return ("encoder", "mean")


def _has_baseline(scene: i2i.Scene, options: InvertOptions) -> bool:
    """Whether a generator with random weights can be made, and the method optimises its latents."""
    method, generator = METHODS.get(options.method), scene.generator
    return bool(method and method.steps and isinstance(generator, i2i.StyleGenerator) and generator.weights())


def randomise_weights(generator: i2i.StyleGenerator, seed: int = 0) -> i2i.StyleGenerator:
    """Copy a generator with random synthesis weights: normal, with mean and standard deviation of each tensor.

    Each layer keeps the scale of its activations, and nothing of what training has found. The mapping network, whose w
    the optimisation starts from, stays.
    """
    random = seeded_random(seed)
    changes = {}
    for name, weight in generator.weights().items():
        weight = weight.detach()
        normal = torch.randn(weight.shape, generator=random).to(weight)
        deviation = weight.std() if weight.numel() > 1 else weight.new_zeros(())
        changes[name] = weight.mean() + deviation * normal - weight
    return generator.tuned(changes)


def _invert_with_random_weights(
    scene: i2i.Scene,
    options: InvertOptions,
    values: Mapping[str, Any],
    inputs: PerturbedPhotos,
    on_step: Callable[..., None],
) -> list[i2i.Inversion] | None:
    """Optimise the latents of the unchanged photos, from the mean, in a generator with random synthesis weights.

    Returns:
        One inversion for each photo; None where the method optimises none, or the weights cannot be changed.
    """
    if scene.cancelled or not _has_baseline(scene, options):
        return None
    assert isinstance(scene.generator, i2i.StyleGenerator)
    kind = scene.inverters[options.method]
    assert issubclass(kind, EncoderInverter)
    built: Any = i2i.build_options(kind.Options, values, options.method)
    method = kind().method(scene.generator, built)
    method = replace(method, initial="mean", try_uniform=False, noise=False, tuning=None)
    other = replace(scene, generator=randomise_weights(scene.generator, options.seed), untuned=None)
    images = inputs.images[inputs.indices(None)]
    found = reconstruct(other, images, method, on_step, batch=built.batch)
    return [reconstruction.to_inversion() for reconstruction in found]


def _measure(
    scene: i2i.Scene, inversions: Sequence[i2i.Inversion], inputs: PerturbedPhotos
) -> dict[Measure, dict[int, float]]:
    """Compute LPIPS of the reconstructions by each measure; for what is hidden the clean photo is put in both images.

    ``outside`` is divided by the visible fraction, so that strengths can be compared.
    """
    every = range(len(inversions))
    found: dict[Measure, dict[int, float]] = {
        "input": _distances(scene, every, lambda i: inversion_image(inversions[i]), lambda i: inputs.images[i : i + 1])
    }
    defects = [i for i in every if _is_defect(inputs.trial(i))]
    clean = _distances(scene, defects, lambda i: inversion_image(inversions[i]), inputs.clean)
    found["clean"] = clean

    def uncovered(i: int) -> Tensor:
        visible = inputs.visible(i)
        return visible * inversion_image(inversions[i]) + (1 - visible) * inputs.clean(i)

    covered = [i for i in defects if (trial := inputs.trial(i)) and PERTURBATIONS[trial[0]].covered]
    outside = _distances(scene, covered, uncovered, inputs.clean)
    found["outside"] = {i: value / max(float(inputs.visible(i).mean()), 1e-6) for i, value in outside.items()}
    return found


def _is_defect(trial: Trial | None) -> bool:
    return trial is not None and PERTURBATIONS[trial[0]].defect


def _distances_of_changes(scene: i2i.Scene, inputs: PerturbedPhotos) -> dict[int, float]:
    """Compute LPIPS of the images with a defect to the photos without it, by index."""
    defects = [i for i in range(len(inputs.images)) if _is_defect(inputs.trial(i))]
    return _distances(scene, defects, lambda i: inputs.images[i : i + 1], inputs.clean)


def _distances(
    scene: i2i.Scene, indices: Iterable[int], first: Callable[[int], Tensor], second: Callable[[int], Tensor]
) -> dict[int, float]:
    """Compute LPIPS of pairs of images ``(1, 3, R, R)`` by index."""
    perceptual: i2i.PerceptualExtractor = scene.extractors["perceptual"]
    numbers = list(indices)
    found: dict[int, float] = {}
    with torch.no_grad():
        for start in range(0, len(numbers), _COMPARE_BATCH):
            part = numbers[start : start + _COMPARE_BATCH]
            pair = (torch.cat([side(index) for index in part]) for side in (first, second))
            found |= dict(zip(part, perceptual.distance(*pair).tolist(), strict=True))
    return found


def _mean(distances: Mapping[int, float], inputs: PerturbedPhotos, trials: Sequence[Trial | None]) -> float:
    """Return the mean over trials and photos."""
    values = [distances[index] for trial in trials for index in inputs.indices(trial)]
    return sum(values) / len(values)


def _note_means(
    scene: i2i.Scene, inputs: PerturbedPhotos, own: InversionSeries, changed: Mapping[int, float]
) -> dict[str, float]:
    """Note the means of each perturbation, and return them as scalars."""
    scalars = {}
    unchanged = _mean(own.distances["input"], inputs, [None])
    for name in dict.fromkeys(name for name, _ in inputs.trials):
        perturbation, trials = PERTURBATIONS[name], [trial for trial in inputs.trials if trial[0] == name]
        scalars[f"{name}/lpips"] = mean = _mean(own.distances["input"], inputs, trials)
        text = f"{perturbation.title}: mean LPIPS {mean:.4f} ({own.name}; {unchanged:.4f} without a change)"
        if perturbation.defect:
            scalars[f"{name}/lpips_clean"] = clean = _mean(own.distances["clean"], inputs, trials)
            text += (
                f"; to the clean photo {clean:.4f}, of the changed photo itself {_mean(changed, inputs, trials):.4f}"
            )
        if perturbation.covered:
            scalars[f"{name}/lpips_outside"] = outside = _mean(own.distances["outside"], inputs, trials)
            text += f"; outside of it {outside:.4f}"
        scene.note(f"{text}.")
    return scalars


def _note_baseline(
    scene: i2i.Scene, inputs: PerturbedPhotos, baseline: Sequence[i2i.Inversion], every: Sequence[InversionSeries]
) -> float:
    """Note the mean LPIPS with random synthesis weights, and return it."""
    numbers = inputs.indices(None)
    images = dict(zip(numbers, map(inversion_image, baseline), strict=True))
    mean = _mean(_distances(scene, numbers, images.__getitem__, inputs.clean), inputs, [None])
    space = every[0].name.partition(" from ")[0]
    trained = next((series for series in every if series.name == f"{space} from the mean"), every[0])
    scene.note(
        f"With {RANDOM_WEIGHTS}: mean LPIPS {mean:.4f} without a change ({space} from the mean; "
        f"{_mean(trained.distances['input'], inputs, [None]):.4f} with those of the generator, {trained.name})."
    )
    return mean


def _plots(
    name: PerturbationName, inputs: PerturbedPhotos, every: Sequence[InversionSeries], changed: Mapping[int, float]
) -> Iterable[tuple[str, i2i.Plot]]:
    """Yield the plots of a perturbation with their names: one for each measure."""
    perturbation = PERTURBATIONS[name]
    trials = [trial for trial in inputs.trials if trial[0] == name]
    x = f"{perturbation.title}, {perturbation.unit}"

    def line(distances: Mapping[int, float], at_identity: float) -> list[tuple[float, float]]:
        points = [(trial[1], _mean(distances, inputs, [trial])) for trial in trials]
        return sorted([(perturbation.identity, at_identity), *points])

    def lines(measure: Measure) -> dict[str, list[tuple[float, float]]]:
        return {
            each.name: line(each.distances[measure], _mean(each.distances["input"], inputs, [None])) for each in every
        }

    yield f"study_{name}", i2i.Plot(x, "LPIPS of the reconstruction to the input", lines("input"))
    if perturbation.defect:
        reference = {"the changed photo itself": line(changed, 0.0)}
        yield f"study_{name}_clean", i2i.Plot(x, "LPIPS to the clean photo", {**lines("clean"), **reference})
    if perturbation.covered:
        label = "LPIPS of the reconstruction to the photo, outside"
        yield f"study_{name}_outside", i2i.Plot(x, label, lines("outside"))


def _perturbation_table(
    inputs: PerturbedPhotos, series: InversionSeries, baseline: Sequence[i2i.Inversion] | None
) -> i2i.Table:
    """Show the first photo: for each perturbation a row of inputs, and below it a row of reconstructions.

    The last row is the baseline, if there is one.
    """
    cells: list[list[Tensor | None]] = []
    notes, labels = [], []
    for name in dict.fromkeys(name for name, _ in inputs.trials):
        trials: list[Trial | None] = [None, *(trial for trial in inputs.trials if trial[0] == name)]
        indices = [inputs.indices(trial)[0] for trial in trials]
        unit = PERTURBATIONS[name].unit
        cells.append([inputs.images[index : index + 1] for index in indices])
        notes.append(["unchanged" if trial is None else f"{trial[1]:g} {unit}" for trial in trials])
        cells.append([inversion_image(series.inversions[index]) for index in indices])
        notes.append([_format_distances(series, index) for index in indices])
        strengths = ", ".join(f"{trial[1]:g}" for trial in trials if trial is not None)
        labels += [f"{PERTURBATIONS[name].title}: {strengths} {unit}", series.name]
    if baseline is not None:
        cells.append([inversion_image(baseline[0])])
        notes.append(["unchanged"])
        labels.append(RANDOM_WEIGHTS)
    longest = max(len(row) for row in cells)  # perturbations differ in the number of their strengths
    for cell_row, note_row in zip(cells, notes, strict=True):
        cell_row += [None] * (longest - len(cell_row))
        note_row += [""] * (longest - len(note_row))
    columns = ["unchanged", *(f"change {number}" for number in range(1, longest))]
    return i2i.Table(cells, columns, labels, notes)


def _format_distances(series: InversionSeries, index: int) -> str:
    """Format as in ``LPIPS 0.1034, to the clean photo 0.0925, outside 0.0412``."""
    words: dict[Measure, str] = {"input": "LPIPS", "clean": "to the clean photo", "outside": "outside"}
    return ", ".join(
        f"{word} {series.distances[measure][index]:.4f}"
        for measure, word in words.items()
        if index in series.distances[measure]
    )
