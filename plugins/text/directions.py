"""Global directions (Patashnik et al., "StyleCLIP", 2021, section 6): words to styles, without optimisation.

A style is what a layer makes of w for one of its channels (Wu et al., "StyleSpace Analysis", 2021). How each channel
moves the picture in the space of a text network is measured once for a generator; then a sentence is a matter of a
product.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

import i2i

from .editing import Edited, Job, latent_of
from .options import NEUTRAL, Options

if TYPE_CHECKING:
    from torch import Tensor

ALPHA = 4.1
"""How far to go unless that is said, as published."""
TEMPLATES = ("{}", "a photo of {}", "a picture of {}", "a portrait of {}", "a drawing of {}")
"""What words are put into: the mean over several sentences says more of what they have in common."""


@dataclass(frozen=True)
class Directions:
    """What was measured of one generator with one text network."""

    layers: Mapping[str, int]
    """Channels of each layer, in order, by the names of ``Generator.style_space``."""
    effects: Tensor
    """``(C, F)``: by channel, where its style moves pictures, of unit length; C over all layers."""
    deviations: Tensor
    """``(C,)``: the standard deviation of each style."""
    w_mean: Tensor
    """``(w_dim,)`` of the generator, by which it is known again."""
    text: str
    """The name of the text network."""
    samples: int
    """Latents that each effect is the mean of."""

    def save(self, path: Path) -> None:
        """Write a safetensors file, whole or not at all."""
        from safetensors.torch import save_file

        from i2i.toolkit.files import atomic_write
        from i2i.toolkit.weights import HEADER

        about = {"kind": KIND, "layers": dict(self.layers), "text": self.text, "samples": self.samples}
        tensors = {"effects": self.effects, "deviations": self.deviations, "w_mean": self.w_mean}
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as beside:
            kept = {name: each.detach().float().cpu().contiguous() for name, each in tensors.items()}
            save_file(kept, beside, metadata={HEADER: json.dumps(about)})

    @classmethod
    def load(cls, path: Path) -> Directions:
        """Read what ``save`` wrote.

        Raises:
            I2IError: it cannot be read, or holds something else.
        """
        from i2i.toolkit.weights import read_weights

        contents = read_weights(path)
        try:
            about: Any = contents.header
            tree: Any = contents.tree
            found = {name: tree[name].tensor().float() for name in ("effects", "deviations", "w_mean")}
            layers = {str(name): int(count) for name, count in about["layers"].items()}
            made = cls(layers, **found, text=str(about["text"]), samples=int(about["samples"]))
            whole = about["kind"] == KIND and len(made.effects) == len(made.deviations) == sum(layers.values())
        except (KeyError, TypeError, ValueError, AttributeError):
            whole = False
        if not whole:
            raise i2i.I2IError(
                f"{path} holds no directions; make them: i2i models make-directions --generator G --out {path.name}"
            )
        if not all(bool(each.isfinite().all()) for each in found.values()):
            raise i2i.I2IError(
                f"{path} holds numbers that are not finite (nan or inf); make it again: i2i models make-directions "
                f"--generator G --out {path.name}"
            )
        return made

    def offsets(self, way: Tensor, alpha: float, threshold: float) -> tuple[dict[str, Tensor], int]:
        """What is added to the styles for a ``way (F,)`` of the text space, and how many channels that moves.

        A channel's relevance is its effect's part along the way. The strongest moves by ``alpha`` of its deviations,
        the others in proportion; those whose relevance is below the threshold stay.

        Raises:
            UsageError: all stay.
        """
        relevance = self.effects @ F.normalize(way.to(self.effects), dim=0)
        most = relevance.abs().max()
        kept = torch.where(relevance.abs() >= threshold, relevance, 0.0)
        count = int(kept.count_nonzero())
        if not count:
            raise i2i.UsageError(
                f"--threshold {threshold:g}: no channel matters so much to these words; the one that matters most has "
                f"{float(most):.3f}, so take --threshold {float(most) / 2:.2g}."
            )
        moves = alpha * self.deviations * kept / most
        parts = moves.split(list(self.layers.values()))
        return {name: part for name, part in zip(self.layers, parts, strict=True) if part.any()}, count


KIND = "directions of styles"


def move(scene: i2i.Scene, options: Options, jobs: Sequence[Job]) -> list[Edited]:
    """Every picture moved along the direction of its words: its latent keeps its w, and styles are added to.

    Raises:
        UsageError: the words have nothing to do with any channel.
        I2IError: the file cannot be read, or is of another generator or text network.
    """
    from i2i.toolkit.latents.files import as_stored

    assert options.directions is not None
    text: Any = scene.extractors["text"]
    found = opened(options.directions, scene, text)
    alpha, against = ALPHA if options.strength is None else options.strength, options.against or NEUTRAL
    done, ways = [], {}
    for number, job in enumerate(jobs, start=1):
        name = job.goal.name
        if name not in ways:
            prompts = [name] if options.grid else options.prompt
            ways[name] = found.offsets(said(text, prompts) - said(text, [against]), alpha, options.threshold)
        offsets, count = ways[name]
        own = latent_of(job.photo)
        moved = {layer: own.changes.get(layer, 0) + offset.to(own.w.device) for layer, offset in offsets.items()}
        changes = {**own.changes, **as_stored(moved)}  # as a file will give them back
        done.append(Edited(i2i.Latent(own.w, own.noise, changes), (), {"channels": float(count)}))
        scene.progress(number, len(jobs))
    return done


def said(text: Any, prompts: Sequence[str]) -> Tensor:
    """The mean of what sentences with the prompts say: ``(F,)``, of unit length."""
    with torch.no_grad():
        vectors = text.texts([template.format(prompt) for prompt in prompts for template in TEMPLATES])
    return F.normalize(vectors.mean(dim=0), dim=0)


def opened(path: Path, scene: i2i.Scene, text: Any) -> Directions:
    """The directions of a file, proved to be of this generator and text network.

    Raises:
        I2IError: they are of another, or the file cannot be read.
    """
    found = of_generator(path, scene.untuned if scene.untuned is not None else scene.generator)
    if found.text != text.name:
        raise i2i.I2IError(
            f"{path} was made with the text network {found.text!r}; take it with --extractor text={found.text}."
        )
    return found


def of_generator(path: Path, generator: Any) -> Directions:
    """The directions of a file, proved to be of this generator, as it was opened.

    Raises:
        I2IError: they are of another, or the file cannot be read.
    """
    if not path.is_file():
        reason = "it is a folder; make a file in it" if path.is_dir() else "there is no such file; make it"
        file = path / "directions.safetensors" if path.is_dir() else path
        raise i2i.I2IError(f"--directions {path}: {reason} with i2i models make-directions --generator G --out {file}")
    found = Directions.load(path)
    mean = generator.w_mean.detach().float().cpu()
    styles = generator.style_space(generator.w_mean.expand(1, generator.num_ws, -1))
    same = mean.shape == found.w_mean.shape and torch.allclose(mean, found.w_mean, atol=1e-3, rtol=1e-3)
    if not same or {name: each.shape[1] for name, each in styles.items()} != dict(found.layers):
        raise i2i.I2IError(
            f"{path} was made for another generator; make one: i2i models make-directions --generator G --out FILE."
        )
    return found
