"""Global directions (Patashnik et al., "StyleCLIP", 2021, section 6): text to styles, without optimisation.

A style is the affine transform of w for one channel of a layer (Wu et al., "StyleSpace Analysis", 2021). The effect of
each channel in the space of a text network is measured once for a generator; an edit is then a matrix product.

The measurement is that of the published code: a channel is set to its mean and moved by 5 standard deviations to both
sides, all other styles being those of a sample; layers above 128 px and of toRGB are left out; means and deviations are
those of samples at psi 0.7. It differs in numbers that cost time: statistics of 10,000 samples, where the code has
100,000, and effects of 4 samples by default, where it has 100.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

import i2i
from i2i.toolkit.files import atomic_write
from i2i.toolkit.latents.files import as_stored
from i2i.toolkit.latents.sampling import SamplingOptions, batch_for, latents
from i2i.toolkit.weights import HEADER, read_weights

from .goals import TextGoal
from .options import NEUTRAL, TextOptions
from .pipeline import EditedLatent, TextEdit, latent_of
from .templates import insert_text, known_templates

DEVIATIONS = 5.0
"""Standard deviations by which each style is moved to both sides, as published."""
STATISTICS_SAMPLES = 10_000
"""Latents from which means and standard deviations are computed; deviations are within 0.7 % (standard error)."""
TRUNCATION = 0.7
"""Truncation psi of all samples, as published."""
_PART = 1000
"""Latents whose styles are in memory at the same time."""
RESOLUTION = 128
"""Largest resolution of layers that are measured, pixels, as published."""
ALPHA = 4.1
"""Default strength, as published."""


@dataclass(frozen=True)
class Directions:
    """Effects of the styles of one generator, measured with one text network."""

    layers: Mapping[str, int]
    """Channels of each measured layer, in order, by the names of ``Generator.style_space``."""
    effects: Tensor
    """``(C, F)``: unit direction in which the style of each channel changes images; C channels over all layers."""
    deviations: Tensor
    """``(C,)``: the standard deviation of each style."""
    w_mean: Tensor
    """``(w_dim,)``, the mean of all w, which identifies the generator."""
    text: str
    """Name of the text extractor."""
    samples: int
    """Number of latents over which each effect is averaged."""

    def save(self, path: Path) -> None:
        """Write a safetensors file atomically."""
        about = {"kind": KIND, "layers": dict(self.layers), "text": self.text, "samples": self.samples}
        tensors = {"effects": self.effects, "deviations": self.deviations, "w_mean": self.w_mean}
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            stored = {name: each.detach().float().cpu().contiguous() for name, each in tensors.items()}
            save_file(stored, temporary, metadata={HEADER: json.dumps(about)})

    @classmethod
    def load(cls, path: Path) -> Directions:
        """Read a file of ``save``.

        Raises:
            I2IError: it cannot be read, or does not contain directions.
        """
        contents = read_weights(path)
        try:
            about: Any = contents.header
            tree: Any = contents.tree
            tensors = {name: tree[name].tensor().float() for name in ("effects", "deviations", "w_mean")}
            layers = {str(name): int(count) for name, count in about["layers"].items()}
            directions = cls(layers, **tensors, text=str(about["text"]), samples=int(about["samples"]))
            valid = about["kind"] == KIND and len(directions.effects) == len(directions.deviations) == sum(
                layers.values()
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            valid = False
        if not valid:
            raise i2i.I2IError(
                f"{path} contains no directions; make them: i2i models make-directions --generator G --out {path.name}"
            )
        if not all(bool(each.isfinite().all()) for each in tensors.values()):
            raise i2i.I2IError(
                f"{path} contains numbers that are not finite (nan or inf); make it again: i2i models make-directions "
                f"--generator G --out {path.name}"
            )
        return directions

    def offsets(self, direction: Tensor, alpha: float, threshold: float) -> tuple[dict[str, Tensor], int]:
        """Return offsets of the styles for a ``direction (F,)`` in text space, and the number of channels that move.

        The relevance of a channel is the cosine of its effect and the direction. The most relevant channel moves by
        ``alpha`` standard deviations, others in proportion; those with a relevance below the threshold stay.

        Raises:
            UsageError: no channel moves.
        """
        relevance = self.effects @ F.normalize(direction.to(self.effects), dim=0)
        largest = relevance.abs().max()
        selected = torch.where(relevance.abs() >= threshold, relevance, 0.0)
        count = int(selected.count_nonzero())
        if not count:
            raise i2i.UsageError(
                f"--threshold {threshold:g}: no channel is that relevant to this text; the largest relevance is "
                f"{float(largest):.3f}, so type --threshold {float(largest) / 2:.2g}."
            )
        moves = alpha * self.deviations * selected / largest
        parts = moves.split(list(self.layers.values()))
        return {name: part for name, part in zip(self.layers, parts, strict=True) if part.any()}, count


KIND = "directions of styles"


class StyleOffsets(NamedTuple):
    """What a text adds to styles."""

    offsets: Mapping[str, Tensor]
    """Offsets ``(C,)`` by the names of ``Generator.style_space``."""
    channels: int
    """Number of channels that move."""


class OffsetFinder:
    """Offsets of styles for goals; the file of directions is read once for all of them."""

    def __init__(self, scene: i2i.Scene, options: TextOptions) -> None:
        """Load the directions that the options name.

        Raises:
            I2IError: the file cannot be read, or was made for another generator or text network.
        """
        assert options.directions is not None
        self._options, self._text = options, scene.extractors["text"]
        self._directions = load_for_scene(options.directions, scene, self._text)

    def find(self, goal: TextGoal) -> StyleOffsets:
        """Compute the offsets of a goal.

        Raises:
            UsageError: no channel is relevant to the text, or the text network refuses it.
        """
        options = self._options
        prompts = [goal.name] if options.grid else options.prompt
        direction = embed(self._text, prompts, self._templates) - self._neutral
        alpha = ALPHA if options.strength is None else options.strength
        return StyleOffsets(*self._directions.offsets(direction, alpha, options.threshold))

    @cached_property
    def _templates(self) -> Sequence[str]:
        return known_templates(self._text)

    @cached_property
    def _neutral(self) -> Tensor:
        """``(F,)``: the vector of the text that matches the image now."""
        return embed(self._text, [self._options.against or NEUTRAL], self._templates)


def apply_directions(
    scene: i2i.Scene, edits: Sequence[TextEdit], found: Mapping[str, StyleOffsets]
) -> list[EditedLatent]:
    """Move every image in the direction of its text: w stays, and offsets are added to the styles.

    Args:
        found: Offsets by the name of the goal.
    """
    results = []
    for number, edit in enumerate(edits, start=1):
        offsets, count = found[edit.goal.name]
        initial = latent_of(edit.photo)
        moved = {
            layer: initial.changes.get(layer, 0) + offset.to(initial.w.device) for layer, offset in offsets.items()
        }
        changes = {**initial.changes, **as_stored(moved)}  # in the precision of a file
        results.append(EditedLatent(i2i.Latent(initial.w, initial.noise, changes), (), {"channels": float(count)}))
        scene.progress(number, len(edits))
    return results


def embed(text: Any, prompts: Sequence[str], templates: Sequence[str] | None = None) -> Tensor:
    """Return the mean vector of the templates with the prompts: ``(F,)``, of unit length.

    Args:
        templates: Templates of ``known_templates``; None to find them.
    """
    templates = known_templates(text) if templates is None else templates
    with torch.no_grad():
        vectors = text.texts([sentence for prompt in prompts for sentence in insert_text(prompt, templates)])
    return F.normalize(vectors.mean(dim=0), dim=0)


def load_for_scene(path: Path, scene: i2i.Scene, text: Any) -> Directions:
    """Load directions; check that they were made for the generator and text network of a scene.

    Raises:
        I2IError: they were made for another, or the file cannot be read.
    """
    generator = scene.untuned if scene.untuned is not None else scene.generator
    directions = load_for_generator(path, cast(i2i.StyleGenerator, generator))  # required by the editor
    if directions.text != text.name:
        raise i2i.I2IError(
            f"{path} was made with the text network {directions.text!r}; choose it with --extractor "
            f"text={directions.text}."
        )
    return directions


def load_for_generator(path: Path, generator: i2i.StyleGenerator) -> Directions:
    """Load directions; check that they were made for a generator.

    Raises:
        I2IError: they were made for another, or the file cannot be read.
    """
    if not path.is_file():
        reason = "it is a folder; make a file in it" if path.is_dir() else "there is no such file; make it"
        file = path / "directions.safetensors" if path.is_dir() else path
        raise i2i.I2IError(f"--directions {path}: {reason} with i2i models make-directions --generator G --out {file}")
    directions = Directions.load(path)
    mean = generator.w_mean.detach().float().cpu()
    styles = generator.style_space(generator.w_mean.expand(1, generator.num_ws, -1))
    same = mean.shape == directions.w_mean.shape and torch.allclose(mean, directions.w_mean, atol=1e-3, rtol=1e-3)
    channels = {name: each.shape[1] for name, each in styles.items()}
    if not same or any(channels.get(name) != count for name, count in directions.layers.items()):
        raise i2i.I2IError(
            f"{path} was made for another generator; make one: i2i models make-directions --generator G --out FILE."
        )
    return directions


def make_directions(
    generator: i2i.Generator,
    text: Any,
    samples: int,
    first_seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Directions:
    """Measure the effect of every style on ``samples`` images in the space of a text network.

    Args:
        generator: A ``StyleGenerator``.
        text: An extractor of the role text.
        first_seed: Seed of the first image; the others follow.
        progress: Called with the channels done and their total.

    Raises:
        I2IError: the generator has no styles, or cannot be tuned.
    """
    no_styles = i2i.I2IError(
        f"Generators of the family {generator.name!r} have no styles and so no directions; leave --directions out to "
        "optimise instead."
    )
    if not isinstance(generator, i2i.StyleGenerator):
        raise no_styles
    with torch.no_grad():
        means, deviations = _statistics(generator, range(first_seed, first_seed + STATISTICS_SAMPLES))
        if not means:
            raise no_styles
        w = latents(generator, range(first_seed, first_seed + samples), SamplingOptions(truncation=TRUNCATION))
        copy = generator.tuned()
        names = _layers_up_to(RESOLUTION, copy, w[:1], deviations)
        effects, total = [], sum(len(means[name]) for name in names)
        for name in names:
            layer = _StyleLayer(copy, name, w, means[name])
            for channel, deviation in enumerate(deviations[name].tolist()):
                effects.append(_effect(text, layer, channel, DEVIATIONS * deviation))
                progress(len(effects), total)
    return Directions(
        {name: len(means[name]) for name in names},
        torch.stack(effects),
        torch.cat([deviations[name] for name in names]).cpu(),
        generator.w_mean.detach().float().cpu(),
        text.name,
        samples,
    )


def _statistics(generator: i2i.StyleGenerator, seeds: range) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Compute means and standard deviations ``(C,)`` of the styles of all layers, in parts that fit in memory."""
    sums: dict[str, Tensor] = {}
    squares: dict[str, Tensor] = {}
    for start in range(0, len(seeds), _PART):
        w = latents(generator, seeds[start : start + _PART], SamplingOptions(truncation=TRUNCATION))
        for name, styles in generator.style_space(w).items():
            sums[name] = sums.get(name, 0) + styles.double().sum(dim=0)
            squares[name] = squares.get(name, 0) + styles.double().square().sum(dim=0)
    means = {name: each / len(seeds) for name, each in sums.items()}
    variances = {name: (squares[name] / len(seeds) - mean.square()).clamp_min(0) for name, mean in means.items()}
    return (
        {name: each.float() for name, each in means.items()},
        {name: each.sqrt().float() for name, each in variances.items()},
    )


def _layers_up_to(
    resolution: int, generator: i2i.StyleGenerator, w: Tensor, deviations: Mapping[str, Tensor]
) -> list[str]:
    """Return the names of the layers whose styles change feature maps of at most ``resolution`` px, in order.

    All layers of a generator with a smaller resolution, and of one without feature maps of such a resolution.

    Args:
        generator: A copy that may be changed; its weights are restored.
    """
    defines_features = type(generator).features is not i2i.StyleGenerator.features
    if generator.resolution <= resolution or not defines_features:
        return list(deviations)
    try:
        initial = generator.features(w, resolution)
    except i2i.UsageError:  # no layer has this resolution
        return list(deviations)
    weights, names = generator.weights(), []
    for name, deviation in deviations.items():
        kept = weights[name].clone()
        weights[name].add_(deviation)
        if not torch.equal(generator.features(w, resolution), initial):
            names.append(name)
        weights[name].copy_(kept)
    return names or list(deviations)


class _StyleLayer:
    """The styles of one layer on some samples, in a copy of the generator that may be changed."""

    def __init__(self, generator: i2i.StyleGenerator, name: str, w: Tensor, means: Tensor) -> None:
        """Find the weights that read w, so that samples can be rendered in batches.

        Args:
            name: Name of the layer in ``style_space``.
            w: The samples ``(N, num_ws, w_dim)``.
            means: ``(C,)``, the mean of each style.
        """
        self.generator, self.added = generator, generator.weights()[name]
        self._matrix = self._find_matrix(name, w)
        self._parts = list(w.split(batch_for(generator) if self._matrix is not None else 1))
        if self._matrix is not None:
            kept = self._matrix.clone()
            self._matrix.zero_()
            constant = generator.style_space(w[:1])[name]
            self._matrix.copy_(kept)
            self._to_mean = [means - constant[0]] * len(self._parts)
        else:
            self._to_mean = list(means - generator.style_space(w)[name])

    def _find_matrix(self, name: str, w: Tensor) -> Tensor | None:
        """Return the weights ``(C, w_dim)`` without which the styles are the same for all w; None if there are none."""
        varied = torch.cat([w[:1], w[:1] + 1])
        for each in self.generator.weights().values():
            if each.shape == (len(self.added), w.shape[2]):
                kept = each.clone()
                each.zero_()
                first, second = self.generator.style_space(varied)[name]
                each.copy_(kept)
                if torch.equal(first, second):
                    return each
        return None

    def render(self, channel: int, offset: float) -> Iterator[Tensor]:
        """Render the samples, batch by batch, with the style of a channel at its mean plus ``offset``."""
        style = self.added[channel].clone()
        weights = None if self._matrix is None else self._matrix[channel].clone()
        if self._matrix is not None:
            self._matrix[channel] = 0
        for part, to_mean in zip(self._parts, self._to_mean, strict=True):
            self.added[channel] = style + to_mean[channel] + offset
            yield self.generator.render(part).clamp(-1, 1).expand(-1, 3, -1, -1)
        self.added[channel] = style
        if self._matrix is not None and weights is not None:
            self._matrix[channel] = weights


def _effect(text: Any, layer: _StyleLayer, channel: int, amount: float) -> Tensor:
    """Return the direction in which one channel changes images, ``(F,)`` of unit length on the CPU."""
    sides = [torch.cat([text.images(part) for part in layer.render(channel, sign * amount)]) for sign in (1, -1)]
    difference = F.normalize(sides[0] - sides[1], dim=1)
    effect: Tensor = F.normalize(difference.mean(dim=0), dim=0).cpu()
    return effect
