"""The latent codes of an edit and of its grid: towards other photos, averages, and attribute directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

import i2i
from i2i.toolkit.latents.layers import choose_layers

from .directions import DirectionSet, find_directions
from .latent_operations import (
    add_difference,
    add_direction,
    average,
    coordinate,
    interpolate,
    interpolate_path,
    mix_layers,
)
from .options import MixOptions, read_strengths
from .rendering import EditPlan, EditProgress, GridCell, GridPlan, ImagePlan, RenderRequest

THRESHOLD = 0.1
"""Smallest L2 norm of a layer's difference that counts, in standard deviations of w; published as about 1."""
FRACTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Fractions of a morph in its grid."""
GRID_COLUMNS = 5
"""Number of strengths in the grid of a direction, from -S to S."""
COMPONENTS = 8
"""Number of components in the grid of a direction, from the chosen one on."""

Transfer: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
"""Maps the w of a photo and of a donor, both ``(num_ws, w_dim)``, to the w at strength 1."""


class LatentSource(NamedTuple):
    """A photo with its latent code."""

    photo: i2i.Photo
    w: Tensor
    """``(num_ws, w_dim)`` on the generator's device."""

    @property
    def name(self) -> str:
        """Name for captions."""
        return self.photo.name or (self.photo.path.stem if self.photo.path else "")


def _sources(scene: i2i.Scene, *names: str) -> list[LatentSource]:
    """Return all photos of the scene under these names, with their latent codes."""
    photos = [
        photo
        for name in names
        for photo in scene.every.get(name) or ([scene.photos[name]] if name in scene.photos else [])
    ]
    device = scene.generator.w_mean.device
    return [LatentSource(photo, photo.latent.w[0].detach().to(device)) for photo in photos if photo.latent is not None]


def _scalars(scene: i2i.Scene, source: LatentSource, w: Tensor, layers: Sequence[int]) -> dict[str, float]:
    """Return the number of layers that may change, and the RMS displacement over layers in deviations of w."""
    displacement = (w - source.w).square().sum(dim=-1).mean().sqrt() / scene.generator.w_std
    return {"rows": float(len(layers)), "moved": float(displacement)}


def plan_edit(scene: i2i.Scene, options: MixOptions, progress: EditProgress) -> EditPlan:
    """Compute the latent codes of an edit by any preset.

    Raises:
        UsageError: photos are missing or do not pair, or layers, weights, components or labels do not exist.
        I2IError: the generator or an extractor cannot do what the preset needs.
        DirectionCancelled: the user cancelled before a direction was found.
    """
    if options.chosen.kind == "direction":
        return _plan_direction(scene, options, progress)
    return _plan_average(scene, options) if options.chosen.kind == "average" else _plan_transfer(scene, options)


def _layers(scene: i2i.Scene, options: MixOptions) -> list[int]:
    return choose_layers(options.rows or options.chosen.rows, scene.generator.num_ws, options.rows_of == "own")


def _chosen_strengths(options: MixOptions) -> list[float]:
    """Return the strengths of the strip, or an empty list."""
    return read_strengths(options.strengths) if options.strengths else []


def _chosen_strength(options: MixOptions) -> float:
    """Return the strength of the result: the last of several, or that of the preset, where none is given."""
    if options.strength is not None:
        return options.strength
    return (_chosen_strengths(options) or [options.chosen.strength])[-1]


def interpolate_strengths(strengths: Sequence[float], count: int) -> list[float]:
    """Return ``count`` strengths from the first to the last, evenly spaced between neighbours; one is the last."""
    if count < 2:
        return [strengths[-1]] * count
    places = np.arange(count) * (len(strengths) - 1) / (count - 1)
    return [float(value) for value in np.interp(places, np.arange(len(strengths)), strengths)]


def _frame_count(options: MixOptions) -> int:
    return options.chosen.frames if options.frames is None else options.frames


def _plan_transfer(scene: i2i.Scene, options: MixOptions) -> EditPlan:
    """Move each photo towards another one: style, expression, crossover and morph."""
    images, others = _sources(scene, "image"), _sources(scene, "other")
    layers, strength, strengths = _layers(scene, options), _chosen_strength(options), _chosen_strengths(options)
    if options.preset == "morph" and (len(others) > 1 >= len(images) or len(images) > 1 > len(others)):
        return _plan_chain(scene, [*images, *others], layers, strength, options)
    transfer, donors = _transfer(scene, others, layers, options)
    plans, segments = [], []
    for image, donor in _pair(images, donors, options):
        target = transfer(image.w, donor.w)
        segments.append((image, donor, image.w, target))
        w = interpolate(image.w, target, strength)
        if strengths:
            frames = [
                interpolate(image.w, target, value) for value in interpolate_strengths(strengths, _frame_count(options))
            ]
        else:
            frames = _path_frames([image.w, interpolate(image.w, target, max(1.0, strength))], options)
        plans.append(ImagePlan(RenderRequest(image.photo, w), frames, _scalars(scene, image, w, layers)))
    grid = None
    if strengths or (options.grid and options.preset == "morph"):
        grid = _morph_grid(segments, strengths or FRACTIONS)
    elif options.grid:
        grid = _cross_grid(images, donors, lambda image, donor: interpolate(image, transfer(image, donor), strength))
    return EditPlan(plans, grid)


def _transfer(
    scene: i2i.Scene, others: list[LatentSource], layers: list[int], options: MixOptions
) -> tuple[Transfer, list[LatentSource]]:
    """Return the operation of a preset, and the donors."""
    if options.preset == "expression-delta":
        if len(others) < 2:
            raise i2i.UsageError(
                "--preset expression-delta needs two other photos of one person, neutral and with the expression, "
                "in this order: type --image other=PATH twice."
            )
        minimum = (THRESHOLD if options.threshold is None else options.threshold) * scene.generator.w_std
        neutral = others[0].w
        return lambda w, donor: add_difference(w, neutral, donor, layers, minimum), others[1:]
    if not others:
        raise i2i.UsageError(
            f"--preset {options.preset} needs another image: type --image other=PATH, or --image other=seed:1."
        )
    own_weight = options.chosen.psi if options.psi is None else options.psi
    return partial(mix_layers, layers=layers, own_weight=own_weight), others


def _pair(
    images: list[LatentSource], donors: list[LatentSource], options: MixOptions
) -> list[tuple[LatentSource, LatentSource]]:
    """Pair each photo with a donor: the only donor, or the one at the same position; a grid shows all pairs."""
    if len(donors) == len(images):
        return list(zip(images, donors, strict=True))
    if len(donors) > 1 and (not options.grid or options.preset == "morph"):
        hint = "" if options.preset == "morph" else ", or add --grid for all pairs"
        raise i2i.UsageError(
            f"{len(images)} image(s) and {len(donors)} other image(s) do not pair: give one --image other=PATH, or as "
            f"many as there are images{hint}."
        )
    return [(image, donors[0]) for image in images]


def _path_frames(keys: Sequence[Tensor], options: MixOptions) -> list[Tensor]:
    """Return the frames through the keys; a single frame is the last key."""
    count = _frame_count(options)
    return interpolate_path(keys, count) if count > 1 else list(keys[-1:]) * count


def _plan_chain(
    scene: i2i.Scene, stops: list[LatentSource], layers: list[int], strength: float, options: MixOptions
) -> EditPlan:
    """Morph through photos in their order, rendered with the noise maps and weights of the first."""
    first = stops[0]
    keys = [mix_layers(first.w, stop.w, layers) for stop in stops]
    w = point_on_path(keys, strength)
    strengths, grid = _chosen_strengths(options), None
    frames = _path_frames(keys, options)
    if strengths:
        frames = [point_on_path(keys, value) for value in interpolate_strengths(strengths, _frame_count(options))]
        requests: list[GridCell] = [RenderRequest(first.photo, point_on_path(keys, value)) for value in strengths]
        cells = [[first.photo.pixels, *requests, stops[-1].photo.pixels]]
        columns = [first.name, *(f"{value:.3g}" for value in strengths), stops[-1].name]
        grid = GridPlan(cells, columns)
    elif options.grid:
        grid = _morph_grid(list(zip(stops, stops[1:], keys, keys[1:], strict=False)), FRACTIONS, first.photo)
    return EditPlan([ImagePlan(RenderRequest(first.photo, w), frames, _scalars(scene, first, w, layers))], grid)


def point_on_path(keys: Sequence[Tensor], fraction: float) -> Tensor:
    """Return the point at a fraction of the path through the keys; fractions beyond 0 and 1 extrapolate."""
    position = fraction * (len(keys) - 1)
    segment = min(max(int(position), 0), len(keys) - 2)
    return interpolate(keys[segment], keys[segment + 1], position - segment)


def _morph_grid(
    segments: Sequence[tuple[LatentSource, LatentSource, Tensor, Tensor]],
    fractions: Sequence[float],
    rendered_with: i2i.Photo | None = None,
) -> GridPlan:
    """Plan a grid with one row for each pair: the first photo, the path, the second photo.

    Args:
        segments: Both photos, and the latent codes at the ends of the path.
        fractions: Fractions of the path that are shown.
        rendered_with: The photo whose noise maps and weights are used; None for the first photo of each row.
    """
    cells: list[list[GridCell]] = [
        [
            image.photo.pixels,
            *(RenderRequest(rendered_with or image.photo, interpolate(start, end, fraction)) for fraction in fractions),
            other.photo.pixels,
        ]
        for image, other, start, end in segments
    ]
    columns = ["from", *(f"{fraction:.3g}" for fraction in fractions), "to"]
    return GridPlan(cells, columns, [f"{image.name} to {other.name}" for image, other, _, _ in segments])


def _cross_grid(images: list[LatentSource], donors: list[LatentSource], transfer: Transfer) -> GridPlan:
    """Plan a grid with a row for each photo, a column for each donor, and the originals at the edges."""
    cells: list[list[GridCell]] = [[None, *(donor.photo.pixels for donor in donors)]]
    for image in images:
        cells.append([image.photo.pixels, *(RenderRequest(image.photo, transfer(image.w, each.w)) for each in donors)])
    return GridPlan(cells, ["", *(donor.name for donor in donors)], ["", *(image.name for image in images)])


def _plan_average(scene: i2i.Scene, options: MixOptions) -> EditPlan:
    """Average all photos; the result is rendered with the noise maps and weights of the first.

    Raises:
        UsageError: there is only one photo, or the weights do not fit.
    """
    sources = _sources(scene, "image", "other")
    if len(sources) < 2:
        raise i2i.UsageError("An average needs at least two images: give --image more than once.")
    if options.weights and len(options.weights) != len(sources):
        raise i2i.UsageError(
            f"--weights was given {len(options.weights)} times for {len(sources)} images; give it once for each."
        )
    if options.weights and abs(sum(options.weights)) < 1e-6:
        raise i2i.UsageError("The sum of --weights is 0, so there is no average; give other weights.")
    first = sources[0]
    w = average(torch.stack([source.w for source in sources]), options.weights)
    request = RenderRequest(first.photo, w)
    scalars = {**_scalars(scene, first, w, range(len(w))), "pictures": float(len(sources))}
    grid = None
    if options.grid:
        originals = [source.photo.pixels for source in sources]
        grid = GridPlan([[*originals, request]], [*(source.name for source in sources), "mean"])
    return EditPlan([ImagePlan(request, (), scalars)], grid)


def _plan_direction(scene: i2i.Scene, options: MixOptions, progress: EditProgress) -> EditPlan:
    """Move each photo in an attribute direction: SeFa, GANSpace, InterFaceGAN and published files.

    Photos under the name ``other`` are edited like all others.
    """
    layers, strength = _layers(scene, options), _chosen_strength(options)
    images = _sources(scene, "image", "other")
    directions = find_directions(scene, options, layers, progress)
    if options.rows is None and directions.rows is not None:
        layers = choose_layers(directions.rows, scene.generator.num_ws)
    number, strengths = options.component or 0, _chosen_strengths(options)
    count = _frame_count(options)
    values = interpolate_strengths(strengths, count) if strengths else _spread(strength, count)
    plans = []
    for image in images:
        w = _apply_direction(image.w, directions, number, strength, layers)
        frames = [_apply_direction(image.w, directions, number, value, layers) for value in values]
        scalars = {**_scalars(scene, image, w, layers), **directions.scalars}
        if directions.mean is not None:
            initial = coordinate(image.w, directions.mean, directions.units[number]) / directions.deviations[number]
            scalars["coordinate"] = float(initial)
        plans.append(ImagePlan(RenderRequest(image.photo, w), frames, scalars))
    grid = None
    if options.grid or strengths:
        components = COMPONENTS if options.grid and len(images) == 1 else 1
        columns = strengths or _spread(strength, GRID_COLUMNS)
        grid = _direction_grid(images, directions, range(number, number + components), columns, layers)
    return EditPlan(plans, grid)


def _apply_direction(w: Tensor, directions: DirectionSet, number: int, strength: float, layers: list[int]) -> Tensor:
    """Move ``w`` by ``strength`` deviations; directions with a mean set the coordinate to ``strength`` instead."""
    amount = strength * directions.deviations[number]
    if directions.mean is not None:
        amount = amount - coordinate(w, directions.mean, directions.units[number])
    return add_direction(w, directions.units[number], amount, layers)


def _spread(strength: float, count: int) -> list[float]:
    """Return ``count`` evenly spaced strengths from ``-strength`` to ``strength``; a single one is ``strength``."""
    if count < 2:
        return [strength] * count
    return [strength * (2 * number / (count - 1) - 1) for number in range(count)]


def _direction_grid(
    images: list[LatentSource],
    directions: DirectionSet,
    components: range,
    strengths: Sequence[float],
    layers: list[int],
) -> GridPlan:
    """Plan a grid of strengths (columns): a row for each photo, or for each of several components of one photo."""
    if len(components) > 1:
        last = min(components.stop, len(directions.names))
        rows = [(images[0], number, directions.names[number]) for number in range(components.start, last)]
    else:
        rows = [(image, components.start, image.name) for image in images]
    cells: list[list[GridCell]] = [
        [
            image.photo.pixels,
            *(
                RenderRequest(image.photo, _apply_direction(image.w, directions, component, value, layers))
                for value in strengths
            ),
        ]
        for image, component, _ in rows
    ]
    return GridPlan(cells, ["original", *(f"{value:.3g}" for value in strengths)], [label for _, _, label in rows])
