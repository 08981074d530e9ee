"""Swap pairs batch by batch, measure the results and report what did not work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

import i2i
from i2i.toolkit.latents.batches import batches
from i2i.toolkit.latents.features import resize_for_features
from i2i.toolkit.latents.layers import choose_layers
from i2i.toolkit.latents.optimizer import Trajectory

from .faces import People, read_people
from .losses import SwapLoss
from .optimisation import optimise_latents
from .options import CROSSOVER, MIN_RESOLUTION, ROWS, SwapOptions
from .pairs import SwapPair, unique_names

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SwapResult:
    """The result for one pair."""

    image: Tensor
    """``(1, 3, R, R)`` in [-1, 1], as it is shown."""
    latent: i2i.Latent
    """Latent of the rendered image, before it was blended with the background of the target."""
    trajectory: Trajectory
    """With the terms of the loss, step by step."""
    scalars: Mapping[str, float]
    """Measures of the result by name."""


def swap_pairs(scene: i2i.Scene, options: SwapOptions, pairs: Sequence[SwapPair]) -> list[SwapResult]:
    """Swap every pair; return the results in their order.

    Raises:
        UsageError: there are no such layers.
        I2IError: an extractor cannot be opened.
    """
    layers, crossed = choose_swap_layers(options, scene.generator)
    people = _read_sources(scene, pairs, tones=options.skin == "source")
    results: dict[int, SwapResult] = {}
    for numbers, generator in batches(scene, [pair.target for pair in pairs], options.batch):
        batch = [pairs[number] for number in numbers]
        loss = SwapLoss(scene, options, torch.cat([pair.target.pixels for pair in batch]), people.select(numbers))
        if options.landmarks_weight and not loss.follows and not results:
            scene.note(
                f"No gradients pass through the landmarks of {loss.landmarks.name!r}, so only pixels and features keep "
                "the expression; choose another with --landmarks."
            )
        initial = torch.stack([_initial_latent(pair, crossed) for pair in batch]).to(scene.generator.w_mean.device)
        before = len(results) * options.steps

        def on_step(done: int, value: float, before: int = before) -> None:
            scene.progress(before + done, len(pairs) * options.steps, loss=value)

        optimised = optimise_latents(scene, generator, options, loss, initial, layers, on_step, numbers)
        results |= dict(zip(numbers, _render_best(scene, loss, generator, batch, optimised), strict=True))
    return [results[number] for number in range(len(pairs))]


def choose_swap_layers(options: SwapOptions, generator: i2i.Generator) -> tuple[list[int], list[int]]:
    """Return the layers of a generator that may change and those that the initial latent takes from the source.

    Raises:
        UsageError: there are no such layers.
    """
    own, count = options.rows_of == "own", generator.num_ws
    if options.rows is not None:
        layers = choose_layers(options.rows, count, own)
    elif generator.resolution < MIN_RESOLUTION:
        layers = list(range(count))
    else:
        layers = choose_layers(ROWS, count)
    if options.start != "crossover":
        return layers, []
    if options.crossover is not None:
        return layers, choose_layers(options.crossover, count, own)
    return layers, [layer for layer in choose_layers(CROSSOVER, count) if layer in layers]


def _read_sources(scene: i2i.Scene, pairs: Sequence[SwapPair], tones: bool) -> People:
    """Read the people in the sources, each source once, with their skin tones where those are wanted."""
    cached: dict[int, People] = {}
    for pair in pairs:
        if id(pair.source) not in cached:
            cached[id(pair.source)] = read_people(scene, pair.source.pixels, tones)
    people = [cached[id(pair.source)] for pair in pairs]
    found = [each.tones for each in people if each.tones is not None]
    return People(torch.cat([each.vectors for each in people]), torch.cat(found) if found else None)


def _initial_latent(pair: SwapPair, crossed: Sequence[int]) -> Tensor:
    """Return the latent of the target with some layers of the source, ``(num_ws, w_dim)``."""
    assert pair.target.latent is not None and pair.source.latent is not None
    w = pair.target.latent.w[0].detach().clone()
    w[list(crossed)] = pair.source.latent.w[0].detach().to(w)[list(crossed)]
    return w


def _render_best(
    scene: i2i.Scene,
    loss: SwapLoss,
    generator: i2i.Generator,
    pairs: Sequence[SwapPair],
    optimised: Sequence[tuple[i2i.Latent, Trajectory]],
) -> list[SwapResult]:
    """Render the best latent of each pair, one at a time, as it is rendered when its file is opened."""
    with torch.no_grad():
        rendered = [generator.render(best.w, best.noise or "const").expand(-1, 3, -1, -1) for best, _ in optimised]
        images = loss.finished(torch.cat(rendered).float().clamp(-1, 1))
    measures = measure(scene, loss, images)
    results = []
    for pair, (best, trajectory), image, numbers in zip(pairs, optimised, images.split(1), measures, strict=True):
        own = pair.target.latent
        assert own is not None
        latent = i2i.Latent(best.w, {**own.noise, **best.noise}, own.changes)
        scalars = {**numbers, "steps": float(trajectory.steps), "seconds": trajectory.seconds}
        results.append(SwapResult(image, latent, trajectory, scalars))
    return results


MIN_GAP = 0.1
"""Difference to a cosine of 1 below which two images show one person, and closing it has no meaning."""
LEVELS = 127.5
"""Grey levels, of 255, in one unit of an image in [-1, 1]."""


def measure(scene: i2i.Scene, loss: SwapLoss, images: Tensor) -> list[dict[str, float]]:
    """Measure each of ``images (N, 3, R, R)`` in [-1, 1] against its target and source.

    * ``identity/before``, ``identity/after``: cosine to the source;
    * ``closed``: fraction of the gap between the first and 1 that was closed, where it was at least ``MIN_GAP``;
    * ``landmarks``: mean displacement of the landmarks, in eye distances;
    * ``background``: change of the mean colour outside the face, largest of three channels, of 255;
    * ``lpips/outside``: perceptual distance to the target outside the face, where that can be measured.
    """
    with torch.no_grad():
        points = loss.landmarks(images)
        before, after = loss.similarities(loss.targets, loss.points), loss.similarities(images, points)
        columns = {
            "identity/before": before,
            "identity/after": after,
            "closed": (after - before) / (1 - before).clamp_min(MIN_GAP),
            "landmarks": loss.displacements(points).mean(dim=1),
            "background": background(loss, images),
        }
        if loss.perceptual is not None:
            outside = loss.targets + (1 - loss.region) * (images - loss.targets)
            columns["lpips/outside"] = loss.perceptual.compare(
                loss.perceptual.features(resize_for_features(outside)), loss.features
            )
    rows: Sequence[Sequence[float]] = torch.stack([column.cpu() for column in columns.values()], dim=1).tolist()
    measures = [dict(zip(columns, row, strict=True)) for row in rows]
    for numbers in measures:
        if 1 - numbers["identity/before"] < MIN_GAP:
            del numbers["closed"]
    return measures


def background(loss: SwapLoss, images: Tensor) -> Tensor:
    """Return changes of the mean colour outside the face, of 255: ``(N,)``."""
    outside = (1 - loss.region).expand_as(images)
    moved = (outside * (images - loss.targets)).sum(dim=(2, 3)) / outside.sum(dim=(2, 3)).clamp_min(1e-6)
    return LEVELS * moved.abs().amax(dim=1)


MAX_LISTED = 3
"""Pairs that a note lists by name; further ones are only counted."""


def check_faces(scene: i2i.Scene) -> None:
    """Check that photos show faces, as landmark networks return points for any image.

    Rendered latents are not checked, nor are photos where the landmark network cannot detect faces.

    Raises:
        I2IError: there is no face in the crop of a photo; names the photo.
    """
    landmarks: Any = scene.extractors["landmarks"]
    if not hasattr(landmarks, "find"):
        return
    for role in ("target", "source"):
        photos = scene.every[role]
        for photo, name in zip(photos, unique_names(photos), strict=True):
            if photo.placement is not None and not landmarks.find(photo.pixels):
                raise i2i.I2IError(
                    f"{photo.path or name}: swap needs a face, and {landmarks.name} finds none in the part of the "
                    f"photo that the generator sees; give a {role} with one large upright face by --image {role}=PATH."
                )


def report(scene: i2i.Scene, pairs: Sequence[SwapPair], scalars: Sequence[Mapping[str, float]]) -> None:
    """Note pairs that show one person from the start, and pairs whose similarity to the source decreased."""
    similar, worse = [], []
    for pair, numbers in zip(pairs, scalars, strict=True):
        before, after = numbers["identity/before"], numbers["identity/after"]
        name = f"{pair.target.name or 'the target'} with the face of {pair.source.name or 'the source'}"
        if "closed" not in numbers:
            similar.append(f"{name} (cosine {before:.2f})")
        elif after < before:
            worse.append(f"{name} (cosine {after:.2f} from {before:.2f})")
    if similar:
        scene.note(
            f"The target already shows the source's face, so the closed gap is not reported: {_join_names(similar)}."
        )
    if worse:
        scene.note(
            f"warning: the similarity to the source decreased: {_join_names(worse)}; try more --steps, or a larger "
            "--arcface-weight."
        )


def _join_names(names: Sequence[str]) -> str:
    more = len(names) - MAX_LISTED
    return ", ".join(names[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
