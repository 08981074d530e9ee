"""From each picture along a direction: sefa, ganspace, interfacegan. Those called ``other`` are pictures like all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i
from i2i.toolkit.latents.layers import choose

from .finding import Found, find
from .operations import coordinate, move
from .options import Options
from .plans import Layout, Made, Picture, Place, Plan, Plans, pictures, told
from .work import Work

if TYPE_CHECKING:
    from torch import Tensor

COLUMNS = 5
"""Strengths in a grid, from -S to S; and"""
ROWS = 8
"""components, from the chosen one on."""


def plan(scene: i2i.Scene, options: Options, work: Work) -> Plans:
    """What presets of the kind ``direction`` draw.

    Raises:
        UsageError, I2IError, Stopped: as ``find``.
    """
    rows = choose(options.rows or options.chosen.rows, scene.generator.num_ws, options.rows_of == "own")
    images, found = pictures(scene, "image", "other"), find(scene, options, rows, work)
    strength = options.chosen.strength if options.strength is None else options.strength
    count = options.chosen.frames if options.frames is None else options.frames
    number = options.component or 0
    results = []
    for image in images:
        w = _moved(image.w, found, number, strength, rows)
        frames = [_moved(image.w, found, number, each, rows) for each in _even(strength, count)]
        scalars = {**told(scene, image, w, rows), **found.scalars}
        if found.mean is not None:
            before = coordinate(image.w, found.mean, found.units[number]) / found.deviations[number]
            scalars["coordinate"] = float(before)
        results.append(Plan(Made(image.photo, w), frames, scalars))
    return Plans(results, _layout(images, found, number, strength, rows) if options.grid else None)


def _moved(w: Tensor, found: Found, number: int, strength: float, rows: list[int]) -> Tensor:
    """``w`` moved by ``strength`` deviations; or, with a mean, so that its coordinate is ``strength``."""
    amount = strength * found.deviations[number]
    if found.mean is not None:
        amount = amount - coordinate(w, found.mean, found.units[number])
    return move(w, found.units[number], amount, rows)


def _even(strength: float, count: int) -> list[float]:
    """From ``-strength`` to ``strength``; a single one is its end."""
    if count < 2:
        return [strength] * count
    return [strength * (2 * number / (count - 1) - 1) for number in range(count)]


def _layout(images: list[Picture], found: Found, number: int, strength: float, rows: list[int]) -> Layout:
    """Strengths across; down, several pictures along one direction, or one picture along several."""
    strengths = _even(strength, COLUMNS)
    if len(images) > 1:
        sides = [(image, number, image.name) for image in images]
    else:
        last = min(number + ROWS, len(found.names))
        sides = [(images[0], each, found.names[each]) for each in range(number, last)]
    places: list[list[Place]] = [
        [
            image.photo.pixels,
            *(Made(image.photo, _moved(image.w, found, each, strength, rows)) for strength in strengths),
        ]
        for image, each, _ in sides
    ]
    return Layout(places, ["original", *(f"{each:g}" for each in strengths)], [name for _, _, name in sides])
