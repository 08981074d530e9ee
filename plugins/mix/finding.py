"""The direction that the options ask for, found in the scene's generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

import i2i
from i2i.toolkit.latents.sampling import batch_for

from .directions import Components, boundary, ganspace, sefa, without
from .labelling import read, surest
from .options import Options
from .work import Work

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES, RENDERED = 10_000, 500
"""Latents that components are found from; and samples that are rendered for words to be said of them."""
SEED = 123
"""Of those latents."""
_TOGETHER = 500


@dataclass(frozen=True)
class Found:
    """Directions, the strongest first, with the spread of latents along them."""

    names: Sequence[str]
    units: Tensor
    """``(K, w_dim)`` float32 on the generator's device."""
    deviations: Tensor
    """``(K,)``: standard deviations of w along them."""
    mean: Tensor | None = None
    """``(w_dim,)``: where coordinates are counted from, for directions along which latents are set and not moved."""
    scalars: Mapping[str, float] = field(default_factory=dict)


def find(scene: i2i.Scene, options: Options, rows: Sequence[int], work: Work) -> Found:
    """The directions of a preset; of ``interfacegan`` there is one.

    Raises:
        UsageError: labels or words do not serve.
        I2IError: the generator has no weights to look at, or words need a network that is not there.
        Stopped: the user wants out.
    """
    if options.preset == "interfacegan":
        return _between(scene, options, work)
    generator = scene.generator
    styled = options.preset == "sefa" and isinstance(generator, i2i.StyleGenerator)
    layers = generator.styles() if styled else ()
    if options.preset == "sefa" and not layers:
        raise i2i.I2IError(
            f"The generator {generator.name!r} does not show the weights that sefa looks at; choose --preset ganspace."
        )
    count = SAMPLES if options.samples is None else options.samples
    w = _latents(scene, np.random.RandomState(SEED), count, work)
    found = sefa([layers[row] for row in rows]) if options.preset == "sefa" else ganspace(w)
    total = found.strengths.sum() if options.preset == "sefa" else found.strengths.square().sum()
    number, there = options.component or 0, min(len(found.units), count - 1)
    if number >= there:
        raise i2i.UsageError(f"--component {number}: there are components 0 to {there - 1}; choose one of them.")
    strength = found.strengths[number] ** (1 if options.preset == "sefa" else 2)
    return _placed(scene, found, w, options.preset == "ganspace", {"share": float(strength / total)})


def _placed(scene: i2i.Scene, found: Components, w: Tensor, sets: bool, scalars: dict[str, float]) -> Found:
    """Components where the generator is, measured on samples ``w (N, w_dim)``."""
    import torch

    device = scene.generator.w_mean.device
    mean = w.mean(dim=0)
    deviations = ((w - mean).cpu().double() @ found.units.T).std(dim=0)
    return Found(
        [f"component {number}" for number in range(len(found.units))],
        found.units.to(device, torch.float32),
        deviations.to(device, torch.float32),
        mean if sets else None,
        scalars,
    )


def _between(scene: i2i.Scene, options: Options, work: Work) -> Found:
    """The normal of a boundary between labelled samples."""
    import torch

    assert options.attribute is not None
    name, kept = options.attribute, options.condition
    if options.labels is not None:
        labels = read(options.labels, [name, *([kept] if kept else [])])
        w = _of_seeds(scene, labels.seeds, work)
        truth = {column: torch.tensor(values) for column, values in labels.columns.items()}
        samples = len(w)
    else:
        everything = _of_seeds(scene, range(RENDERED if options.samples is None else options.samples), work)
        numbers, sure = surest(_say(scene, options, everything, work))
        w, truth, samples = everything[numbers.to(everything.device)], {name: sure}, len(everything)
    plane = boundary(w, truth[name])
    unit, scalars = plane.unit, {"accuracy": plane.accuracy, "samples": float(samples)}
    if kept:
        other = boundary(w, truth[kept])
        scalars["accuracy/condition"] = other.accuracy
        unit = without(unit, other.unit)
    deviation = ((w - w.mean(dim=0)).cpu().double() @ unit).std()
    return Found([name], unit[None].to(w.device, w.dtype), deviation[None].to(w.device, w.dtype), None, scalars)


def _say(scene: i2i.Scene, options: Options, w: Tensor, work: Work) -> Tensor:
    """How much more the attribute is said of samples ``w (N, w_dim)`` than its opposite: ``(N,)``."""
    import torch

    text = scene.extractors["text"]
    sentences = text.texts([options.attribute, options.against])
    work.plan(len(w))
    scores = []
    with torch.no_grad():
        for part in w.split(batch_for(scene.generator)):
            work.must_go_on()
            drawn = scene.generator.render(part[:, None].expand(-1, scene.generator.num_ws, -1)).clamp(-1, 1)
            scores.append(text.images(drawn.expand(-1, 3, -1, -1)) @ (sentences[0] - sentences[1]))
            work.did(len(part))
    return torch.cat(scores)


def _of_seeds(scene: i2i.Scene, seeds: Sequence[int], work: Work) -> Tensor:
    """The latents ``(N, w_dim)`` of seeds, as ``i2i sample`` has them without truncation.

    Of a generator with classes each seed has the class seed modulo their number.
    """
    z = []
    for seed in seeds:
        if seed % 100 == 0:
            work.must_go_on()
        z.append(np.random.RandomState(seed).randn(scene.generator.z_dim))
    return _map(scene, np.stack(z), np.array(seeds, np.int64), work)


def _latents(scene: i2i.Scene, rng: np.random.RandomState, count: int, work: Work) -> Tensor:
    """``(N, w_dim)``, of all classes alike where the generator has them."""
    return _map(scene, rng.randn(count, scene.generator.z_dim), np.arange(count), work)


def _map(scene: i2i.Scene, z: np.ndarray, classes: np.ndarray, work: Work) -> Tensor:
    """``z (N, z_dim)`` and numbers that are taken modulo the number of classes -> the w of every row."""
    import torch

    generator, device = scene.generator, scene.generator.w_mean.device
    work.plan(len(z))
    found = []
    with torch.no_grad():
        for start in range(0, len(z), _TOGETHER):
            work.must_go_on()
            part = torch.from_numpy(z[start : start + _TOGETHER]).float().to(device)
            c = None
            if generator.c_dim:
                numbers = classes[start : start + _TOGETHER] % generator.c_dim
                c = torch.eye(generator.c_dim, device=device)[torch.from_numpy(numbers).to(device)]
            found.append(generator.map(part, c)[:, 0])
            work.did(len(part))
    return torch.cat(found)
