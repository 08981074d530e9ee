"""Attribute directions of a latent space: SeFa, GANSpace, InterFaceGAN and published files.

All directions are computed in float64 on the CPU. The sign of an eigenvector is arbitrary, so its largest component is
made positive. The normal of a boundary points to the samples whose label is true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i.toolkit.latents.sampling import batch_for

from .direction_files import DirectionFile, find_direction
from .labels import read_labels, select_confident
from .options import MixOptions
from .rendering import EditProgress

if TYPE_CHECKING:
    import numpy.typing as npt

HELD_OUT = 5
"""Every fifth sample of each label is held out: it measures the accuracy of the boundary and does not train it."""
SAMPLES = 10_000
"""Number of latents from which components are computed."""
TEXT_SAMPLES = 500
"""Number of samples that are rendered and labelled by a text extractor."""
SEED = 123
"""Seed of the latents from which components are computed."""
_MAPPING_BATCH = 500
_PENALTY = 0.03
"""Weight of the squared norm of the boundary's normal. A smaller weight separates the samples a little better, but
along directions in which latents hardly vary: an edit would leave the distribution before the image changed."""


@dataclass(frozen=True)
class Components:
    """Orthogonal directions, the strongest first."""

    units: Tensor
    """``(K, w_dim)`` float64, unit vectors."""
    strengths: Tensor
    """``(K,)`` descending: eigenvalues of ``sefa``, standard deviations of ``ganspace``."""


@dataclass(frozen=True)
class Boundary:
    """A hyperplane that separates samples with two labels."""

    unit: Tensor
    """``(w_dim,)`` float64, its unit normal, which points to the samples whose label is true."""
    accuracy: float
    """Balanced accuracy on held-out samples, from 0 to 1; 0.5 is chance."""


@dataclass(frozen=True)
class DirectionSet:
    """Directions in a generator's latent space, the strongest first, with the spread of its latents along them."""

    names: Sequence[str]
    """Names for captions."""
    units: Tensor
    """``(K, w_dim)``, or ``(K, num_ws, w_dim)`` for one vector for each layer; float32 on the generator's device."""
    deviations: Tensor
    """``(K,)``: what strength 1 adds of each: standard deviations of w along them, or 1 for published directions."""
    mean: Tensor | None = None
    """``(w_dim,)``: the origin of coordinates, for directions in which an edit sets the coordinate; None where it adds
    to the coordinate."""
    scalars: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the chosen direction."""
    rows: str | None = None
    """Layers that are edited, of 18, where a file says so."""


def sefa(styles: Sequence[Tensor]) -> Components:
    """Compute the directions to which layers respond most (Shen and Zhou 2021): eigenvectors of A^T A.

    As in the published code every row of A, the weights of one channel, is scaled to unit length first.

    Args:
        styles: Weights A of the affine maps that read w, by layer, each ``(C, w_dim)``.
    """
    weights = F.normalize(torch.cat([style.detach().cpu().double() for style in styles]), dim=1)
    return _decompose(weights.T @ weights)


def ganspace(w: Tensor) -> Components:
    """Compute the principal components of latents ``w (N, w_dim)`` (Härkönen et al. 2020), with their deviations."""
    centred = w.detach().cpu().double()
    centred = centred - centred.mean(dim=0)
    components = _decompose(centred.T @ centred / (len(centred) - 1))
    return Components(components.units, components.strengths.sqrt())


def _decompose(matrix: Tensor) -> Components:
    """Compute the eigenvectors of a symmetric positive semidefinite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    units = vectors.T.flip(0)
    largest = units.gather(1, units.abs().argmax(dim=1, keepdim=True))
    return Components(units * largest.sign(), values.flip(0).clamp(min=0))


def fit_boundary(w: Tensor, labels: Tensor) -> Boundary:
    """Separate labelled latents by logistic regression (Shen et al. 2020); both labels have the same weight.

    Args:
        w: ``(N, w_dim)``.
        labels: ``(N,)`` bool, with at least ``HELD_OUT`` of each label.
    """
    x, y = w.detach().cpu().double(), labels.cpu()
    held_out = torch.zeros(len(y), dtype=torch.bool)
    for label in (True, False):
        held_out[torch.nonzero(y == label)[HELD_OUT - 1 :: HELD_OUT, 0]] = True
    mean = x[~held_out].mean(dim=0)
    scale = (x[~held_out] - mean).square().mean().sqrt()
    normal, offset = _regress((x[~held_out] - mean) / scale, y[~held_out])
    predicted = ((x[held_out] - mean) / scale) @ normal + offset > 0
    recalls = [(predicted[y[held_out] == label] == label).double().mean() for label in (True, False)]
    return Boundary(normal / normal.norm(), float(sum(recalls) / 2))


def _regress(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Fit a class-balanced logistic regression to ``x (N, w_dim)`` and ``y (N,)``; return its normal and offset."""
    normal = x.new_zeros(x.shape[1], requires_grad=True)
    offset = x.new_zeros((), requires_grad=True)
    weights = torch.where(y, 0.5 / y.sum(), 0.5 / (~y).sum()).to(x)
    optimizer = torch.optim.LBFGS([normal, offset], max_iter=200, tolerance_change=1e-10, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = (weights * F.binary_cross_entropy_with_logits(x @ normal + offset, y.to(x), reduction="none")).sum()
        value = value + _PENALTY * normal.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)  # type: ignore[no-untyped-call]
    return normal.detach(), offset.detach()


def project_out(unit: Tensor, condition: Tensor) -> Tensor:
    """Make a direction leave another attribute unchanged: remove its component along ``condition`` (section 3.3).

    Args:
        unit: ``(w_dim,)``, a unit vector, as is ``condition``.

    Raises:
        ValueError: the two directions are the same.
    """
    rest = unit - (unit @ condition) * condition
    length = rest.norm()
    if length < 1e-3:
        raise ValueError("nothing is left of the direction")
    projected: Tensor = rest / length
    return projected


def find_directions(
    scene: i2i.Scene, options: MixOptions, layers: Sequence[int], progress: EditProgress
) -> DirectionSet:
    """Find the directions of a preset in the scene's generator or in a file; ``interfacegan`` gives a single one.

    Args:
        layers: Layers of w that are edited; ``sefa`` decomposes their weights.

    Raises:
        UsageError: the labels, the text or the file cannot be used, or there is no such component.
        I2IError: the generator does not expose its weights, or a text extractor is missing.
        DirectionCancelled: the user has cancelled.
    """
    if options.direction is not None:
        return _published(scene, options)
    if options.preset == "interfacegan":
        return _find_boundary(scene, options, progress)
    generator = scene.generator
    styles: Sequence[Tensor] = ()
    if options.preset == "sefa" and isinstance(generator, i2i.StyleGenerator):
        styles = generator.styles()
    if options.preset == "sefa" and not styles:
        raise i2i.I2IError(
            f"The generator {generator.name!r} does not show the weights that sefa looks at; choose --preset ganspace."
        )
    count = SAMPLES if options.samples is None else options.samples
    z = np.random.RandomState(SEED).randn(count, generator.z_dim)
    w = _map(scene, z, np.arange(count), progress)  # of all classes in equal numbers, where the generator has classes
    components = sefa([styles[layer] for layer in layers]) if options.preset == "sefa" else ganspace(w)
    variances = components.strengths if options.preset == "sefa" else components.strengths.square()
    number = _chosen_component(options, min(len(components.units), count - 1))
    strength = components.strengths[number] ** (1 if options.preset == "sefa" else 2)
    return _direction_set(w, components, options.preset == "ganspace", {"share": float(strength / variances.sum())})


def open_direction(options: MixOptions, generator: i2i.Generator) -> DirectionFile:
    """Read the direction that the options name, and check that it and the chosen component fit the generator.

    Raises:
        UsageError: there is no such file, record or component, or the dimensions of w differ.
        I2IError: the record is not downloaded, or the file is damaged.
    """
    assert options.direction is not None
    found = find_direction(options.direction)
    found.check(generator)
    if options.preset == "interfacegan" and len(found.vectors) > 1:
        raise i2i.UsageError(
            f"--direction {options.direction} holds {len(found.vectors)} components and no boundary; "
            "choose --preset ganspace."
        )
    _chosen_component(options, len(found.vectors))
    return found


def _chosen_component(options: MixOptions, available: int) -> int:
    """Return the number of the chosen component.

    Raises:
        UsageError: there are only ``available`` components.
    """
    number = options.component or 0
    if number >= available:
        there = f"there are components 0 to {available - 1}" if available > 1 else "there is only component 0"
        raise i2i.UsageError(f"--component {number}: {there}; choose one of them.")
    return number


def _published(scene: i2i.Scene, options: MixOptions) -> DirectionSet:
    """Read the directions of a file, and warn where they belong to another latent space than the generator's."""
    found = open_direction(options, scene.generator)
    if not found.fits(scene.generator):
        space = found.space.name if found.space else "another latent space"
        scene.note(
            f"warning: --direction {options.direction} belongs to {space}, and the mean latent of this generator is "
            "another, so the edit may show nothing meaningful; choose the generator for which it was made."
        )
    device, vectors = scene.generator.w_mean.device, found.for_layers(scene.generator.num_ws)
    count = len(vectors)
    return DirectionSet(
        [found.name] if count == 1 else [f"component {number}" for number in range(count)],
        (vectors[:, 0] if vectors.shape[1] == 1 else vectors).to(device),
        (torch.ones(count) if found.deviations is None else found.deviations).to(device),
        None if found.mean is None or found.deviations is None else found.mean.to(device),
        rows=found.rows,
    )


def _direction_set(w: Tensor, components: Components, absolute: bool, scalars: dict[str, float]) -> DirectionSet:
    """Measure components on samples ``w (N, w_dim)``; ``absolute`` ones set the coordinate of a latent."""
    mean = w.mean(dim=0)
    deviations = ((w - mean).cpu().double() @ components.units.T).std(dim=0)
    return DirectionSet(
        [f"component {number}" for number in range(len(components.units))],
        components.units.to(w.device, torch.float32),
        deviations.to(w.device, torch.float32),
        mean if absolute else None,
        scalars,
    )


def _find_boundary(scene: i2i.Scene, options: MixOptions, progress: EditProgress) -> DirectionSet:
    """Fit the boundary of an attribute to samples labelled by a file or by a text extractor."""
    assert options.attribute is not None
    name, condition = options.attribute, options.condition
    if options.labels is not None:
        labels = read_labels(options.labels, [name, *([condition] if condition else [])])
        w = _map_seeds(scene, labels.seeds, progress)
        values = {column: torch.tensor(column_values) for column, column_values in labels.columns.items()}
        samples = len(w)
    else:
        every = _map_seeds(scene, range(TEXT_SAMPLES if options.samples is None else options.samples), progress)
        indices, confident = select_confident(_text_scores(scene, options, every, progress))
        w, values, samples = every[indices.to(every.device)], {name: confident}, len(every)
    boundary = fit_boundary(w, values[name])
    unit, scalars = boundary.unit, {"accuracy": boundary.accuracy, "samples": float(samples)}
    if condition:
        conditional = fit_boundary(w, values[condition])
        scalars["accuracy/condition"] = conditional.accuracy
        unit = project_out(unit, conditional.unit)
    deviation = ((w - w.mean(dim=0)).cpu().double() @ unit).std()
    return DirectionSet([name], unit[None].to(w.device, w.dtype), deviation[None].to(w.device, w.dtype), None, scalars)


def _text_scores(scene: i2i.Scene, options: MixOptions, w: Tensor, progress: EditProgress) -> Tensor:
    """Score samples ``w (N, w_dim)`` by how much better the attribute fits their images than its opposite: ``(N,)``."""
    text = scene.extractors["text"]
    sentences = text.texts([options.attribute, options.against])
    progress.expect(len(w))
    scores = []
    with torch.no_grad():
        for batch in w.split(batch_for(scene.generator)):
            progress.check_cancelled()
            images = scene.generator.render(batch[:, None].expand(-1, scene.generator.num_ws, -1)).clamp(-1, 1)
            scores.append(text.images(images.expand(-1, 3, -1, -1)) @ (sentences[0] - sentences[1]))
            progress.advance(len(batch))
    return torch.cat(scores)


def _map_seeds(scene: i2i.Scene, seeds: Sequence[int], progress: EditProgress) -> Tensor:
    """Map seeds to latents ``(N, w_dim)``, as ``i2i sample`` does without truncation.

    A generator with classes gets the class ``seed % c_dim``.
    """
    z = []
    for seed in seeds:
        if seed % 100 == 0:
            progress.check_cancelled()
        z.append(np.random.RandomState(seed).randn(scene.generator.z_dim))
    return _map(scene, np.stack(z), np.array(seeds, np.int64), progress)


def _map(
    scene: i2i.Scene, z: npt.NDArray[np.float64], classes: npt.NDArray[np.int64], progress: EditProgress
) -> Tensor:
    """Map ``z (N, z_dim)`` to ``w (N, w_dim)``; ``classes (N,)`` are taken modulo the number of classes."""
    generator, device = scene.generator, scene.generator.w_mean.device
    progress.expect(len(z))
    mapped = []
    with torch.no_grad():
        for start in range(0, len(z), _MAPPING_BATCH):
            progress.check_cancelled()
            batch = torch.from_numpy(z[start : start + _MAPPING_BATCH]).float().to(device)
            c = None
            if generator.c_dim:
                numbers = classes[start : start + _MAPPING_BATCH] % generator.c_dim
                c = torch.eye(generator.c_dim, device=device)[torch.from_numpy(numbers).to(device)]
            mapped.append(generator.map(batch, c)[:, 0])
            progress.advance(len(batch))
    return torch.cat(mapped)
