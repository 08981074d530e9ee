"""Global directions (Patashnik et al., "StyleCLIP", 2021, section 6): text to styles, without optimisation.

A style is the affine transform of w for one channel of a layer (Wu et al., "StyleSpace Analysis", 2021). The effect of
each channel in the space of a text network is measured once for a generator; an edit is then a matrix product.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import i2i
from i2i.toolkit.files import atomic_write
from i2i.toolkit.latents.files import as_stored
from i2i.toolkit.latents.sampling import SamplingOptions, batch_for, latents
from i2i.toolkit.weights import HEADER, read_weights

from .options import NEUTRAL, TextOptions
from .pipeline import EditedLatent, TextEdit, latent_of

if TYPE_CHECKING:
    from torch import Tensor

DEVIATIONS = 5.0
"""Standard deviations by which each style is moved to both sides, as published."""
STATISTICS_SAMPLES = 2000
"""Latents from which the standard deviations are computed."""
ALPHA = 4.1
"""Default strength, as published."""
TEMPLATES = ("{}", "a photo of {}", "a picture of {}", "a portrait of {}", "a drawing of {}")
"""Sentences into which a prompt is inserted; the mean over several is less noisy."""


@dataclass(frozen=True)
class Directions:
    """Effects of the styles of one generator, measured with one text network."""

    layers: Mapping[str, int]
    """Channels of each layer, in order, by the names of ``Generator.style_space``."""
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


def apply_directions(scene: i2i.Scene, options: TextOptions, edits: Sequence[TextEdit]) -> list[EditedLatent]:
    """Move every image in the direction of its text: w stays, and offsets are added to the styles.

    Raises:
        UsageError: no channel is relevant to the text.
        I2IError: the file cannot be read, or was made for another generator or text network.
    """
    assert options.directions is not None
    text: Any = scene.extractors["text"]
    directions = load_for_scene(options.directions, scene, text)
    alpha, against = ALPHA if options.strength is None else options.strength, options.against or NEUTRAL
    results, cached = [], {}
    for number, edit in enumerate(edits, start=1):
        name = edit.goal.name
        if name not in cached:
            prompts = [name] if options.grid else options.prompt
            cached[name] = directions.offsets(embed(text, prompts) - embed(text, [against]), alpha, options.threshold)
        offsets, count = cached[name]
        initial = latent_of(edit.photo)
        moved = {
            layer: initial.changes.get(layer, 0) + offset.to(initial.w.device) for layer, offset in offsets.items()
        }
        changes = {**initial.changes, **as_stored(moved)}  # in the precision of a file
        results.append(EditedLatent(i2i.Latent(initial.w, initial.noise, changes), (), {"channels": float(count)}))
        scene.progress(number, len(edits))
    return results


def embed(text: Any, prompts: Sequence[str]) -> Tensor:
    """Return the mean vector of sentences with the prompts: ``(F,)``, of unit length."""
    with torch.no_grad():
        vectors = text.texts([template.format(prompt) for prompt in prompts for template in TEMPLATES])
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
    if not same or {name: each.shape[1] for name, each in styles.items()} != dict(directions.layers):
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
        spread = generator.style_space(
            latents(generator, range(first_seed, first_seed + STATISTICS_SAMPLES), SamplingOptions(truncation=1))
        )
        if not spread:
            raise no_styles
        w = latents(generator, range(first_seed, first_seed + samples), SamplingOptions(truncation=0.7))
        copy = generator.tuned()
        added, effects = copy.weights(), []
        total = sum(styles.shape[1] for styles in spread.values())
        for name, styles in spread.items():
            for channel, deviation in enumerate(styles.std(dim=0).tolist()):
                effects.append(_effect(copy, text, w, added[name], channel, DEVIATIONS * deviation))
                progress(len(effects), total)
    return Directions(
        {name: styles.shape[1] for name, styles in spread.items()},
        torch.stack(effects),
        torch.cat([styles.std(dim=0) for styles in spread.values()]).cpu(),
        generator.w_mean.detach().float().cpu(),
        text.name,
        samples,
    )


def _effect(generator: i2i.StyleGenerator, text: Any, w: Tensor, added: Tensor, channel: int, amount: float) -> Tensor:
    """Return the direction in which one channel changes images, ``(F,)`` of unit length on the CPU."""
    initial = added[channel].clone()
    sides = []
    for sign in (1, -1):
        added[channel] = initial + sign * amount
        parts = [generator.render(part).clamp(-1, 1) for part in w.split(batch_for(generator))]
        sides.append(torch.cat([text.images(part.expand(-1, 3, -1, -1)) for part in parts]))
    added[channel] = initial
    difference = F.normalize(sides[0] - sides[1], dim=1)
    effect: Tensor = F.normalize(difference.mean(dim=0), dim=0).cpu()
    return effect
