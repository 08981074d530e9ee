"""From each picture towards others: style, expression, crossover, morph; and the mean of all pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import i2i
from i2i.toolkit.latents.layers import choose

from .operations import add_difference, average, path, take_rows, towards
from .options import Options
from .plans import Layout, Made, Picture, Place, Plan, Plans, pictures, told

if TYPE_CHECKING:
    from torch import Tensor

THRESHOLD = 0.1
"""Shortest row of a difference that counts, in standard deviations of w; published as a length of about 1."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Where a morph is shown in its grid."""

Goal: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
"""From a picture's w and a donor's, both ``(num_ws, w_dim)``, to the latent at strength 1."""


def plan(scene: i2i.Scene, options: Options) -> Plans:
    """What presets of the kind ``towards`` draw.

    Raises:
        UsageError: other pictures are missing, or do not pair with the pictures.
    """
    images, others = pictures(scene, "image"), pictures(scene, "other")
    rows = choose(options.rows or options.chosen.rows, scene.generator.num_ws, options.rows_of == "own")
    strength = options.chosen.strength if options.strength is None else options.strength
    if options.preset == "morph" and (len(others) > 1 >= len(images) or len(images) > 1 > len(others)):
        return _through(scene, [*images, *others], rows, strength, options)
    goal, donors = _goal(scene, others, rows, options)
    results, ways = [], []
    for image, donor in _pair(images, donors, options):
        end = goal(image.w, donor.w)
        ways.append((image, donor, image.w, end))
        w = towards(image.w, end, strength)
        frames = _frames([image.w, towards(image.w, end, max(1.0, strength))], options)
        results.append(Plan(Made(image.photo, w), frames, told(scene, image, w, rows)))
    layout = None
    if options.grid and options.preset == "morph":
        layout = _ways(ways)
    elif options.grid:
        layout = _crossed(images, donors, lambda image, donor: towards(image, goal(image, donor), strength))
    return Plans(results, layout)


def _goal(scene: i2i.Scene, others: list[Picture], rows: list[int], options: Options) -> tuple[Goal, list[Picture]]:
    """What is done, and the donors."""
    if options.preset == "expression-delta":
        if len(others) < 2:
            raise i2i.UsageError(
                "--preset expression-delta needs two other pictures of one person, neutral and with the expression, "
                "in this order: type --image other=PATH twice."
            )
        shortest = (THRESHOLD if options.threshold is None else options.threshold) * scene.generator.w_std
        neutral = others[0].w
        return lambda w, donor: add_difference(w, neutral, donor, rows, shortest), others[1:]
    if not others:
        raise i2i.UsageError(
            f"--preset {options.preset} takes from another picture: type --image other=PATH, or --image other=seed:1."
        )
    psi = options.chosen.psi if options.psi is None else options.psi
    return partial(take_rows, rows=rows, psi=psi), others


def _pair(images: list[Picture], donors: list[Picture], options: Options) -> list[tuple[Picture, Picture]]:
    """Each picture with its donor: one for all, or as many as pictures; a grid shows all, whatever their number."""
    if len(donors) == len(images):
        return list(zip(images, donors, strict=True))
    if len(donors) > 1 and (not options.grid or options.preset == "morph"):
        more = "" if options.preset == "morph" else ", or type --grid for all with all"
        raise i2i.UsageError(
            f"{len(images)} picture(s) and {len(donors)} to take from do not pair: give one --image other=PATH, or as "
            f"many as there are pictures{more}."
        )
    return [(image, donors[0]) for image in images]


def _frames(keys: Sequence[Tensor], options: Options) -> list[Tensor]:
    """The way through the keys; one frame is its end."""
    count = options.chosen.frames if options.frames is None else options.frames
    return path(keys, count) if count > 1 else list(keys[-1:]) * count


def _through(scene: i2i.Scene, stops: list[Picture], rows: list[int], strength: float, options: Options) -> Plans:
    """A morph from picture to picture in their order, rendered with the noise and the weights of the first."""
    first = stops[0]
    keys = [take_rows(first.w, stop.w, rows) for stop in stops]
    place = strength * (len(keys) - 1)
    leg = min(max(int(place), 0), len(keys) - 2)
    w = towards(keys[leg], keys[leg + 1], place - leg)
    one = Plan(Made(first.photo, w), _frames(keys, options), told(scene, first, w, rows))
    ways = zip(stops, stops[1:], keys, keys[1:], strict=False)
    return Plans([one], _ways(list(ways), first.photo) if options.grid else None)


def _ways(ways: Sequence[tuple[Picture, Picture, Tensor, Tensor]], own: i2i.Photo | None = None) -> Layout:
    """A row for each way from one picture to another: the picture, the way, the other.

    Args:
        ways: With the latents where each begins and ends.
        own: With whose noise and weights they are rendered; None for the picture's where each begins.
    """
    places: list[list[Place]] = [
        [
            image.photo.pixels,
            *(Made(own or image.photo, towards(start, end, share)) for share in SHARES),
            other.photo.pixels,
        ]
        for image, other, start, end in ways
    ]
    columns = ["from", *(f"{share:g}" for share in SHARES), "to"]
    return Layout(places, columns, [f"{image.name} to {other.name}" for image, other, _, _ in ways])


def _crossed(images: list[Picture], donors: list[Picture], mixed: Goal) -> Layout:
    """A row for each picture, a column for each donor, the originals along the edges."""
    places: list[list[Place]] = [[None, *(donor.photo.pixels for donor in donors)]]
    for image in images:
        places.append([image.photo.pixels, *(Made(image.photo, mixed(image.w, donor.w)) for donor in donors)])
    return Layout(places, ["", *(donor.name for donor in donors)], ["", *(image.name for image in images)])


def mean(scene: i2i.Scene, options: Options) -> Plans:
    """The mean of all pictures, rendered with the noise and the weights of the first.

    Raises:
        UsageError: there is but one picture, or the weights do not fit.
    """
    import torch

    every = pictures(scene, "image", "other")
    if len(every) < 2:
        raise i2i.UsageError("A mean is of two pictures or more: give --image more than once.")
    if options.weights and len(options.weights) != len(every):
        raise i2i.UsageError(f"--weights was given {len(options.weights)} times for {len(every)} pictures; one each.")
    if options.weights and abs(sum(options.weights)) < 1e-6:
        raise i2i.UsageError("The sum of --weights is 0, so there is no mean; give others.")
    first = every[0]
    w = average(torch.stack([each.w for each in every]), options.weights)
    made = Made(first.photo, w)
    scalars = {**told(scene, first, w, range(len(w))), "pictures": float(len(every))}
    layout = None
    if options.grid:
        layout = Layout([[*(each.photo.pixels for each in every), made]], [*(each.name for each in every), "mean"])
    return Plans([Plan(made, (), scalars)], layout)
