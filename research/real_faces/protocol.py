"""How edits are run and judged: the same for edits, for a random direction of equal length, and for no edit at all."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

import i2i
from i2i.editing.generators import render
from i2i.toolkit.images import to_array, to_tensor
from i2i.toolkit.latents.sampling import SamplingOptions, latents

from .judges import POSE, Judges, Seen, descriptor_distance, downsample

PSI = 0.7
"""Truncation of samples."""
STORED = 512
"""Resolution at which images before and after are stored, pixels."""
JPEG_QUALITY = 95
"""Of the copy of a sample that stands for no edit: another file of the same face. 75 moved parameters of faces at 64 px
by more than a standard deviation."""
SAME = 1.5 / 127.5
"""Difference up to which a pixel counts as unchanged: the mask keeps it."""
CLOSING = 0.02
"""Width of gaps in the mask that are closed, as a fraction of the side."""
LEAST_OUTSIDE = 0.02
"""Fraction of the image outside the mask below which nothing is measured there."""


@dataclass(frozen=True)
class Start:
    """An image before its edits."""

    source: str
    """As ``--image`` takes it: ``seed:N`` or the path of a photo."""
    image: Tensor
    """``(1, 3, R, R)`` in [-1, 1]: the sample, or the crop of the photo."""
    rendered: Tensor
    """What the generator renders from the latent, of the same shape: the sample itself, or the inversion."""
    latent: i2i.Latent
    seen: Seen


class FaceNotFoundError(i2i.I2IError):
    """dlib finds no face in an image before its edit."""


class Bench:
    """The generator, the judges and the images that an evaluation needs, each made once."""

    def __init__(
        self,
        judges: Judges,
        generator: str,
        out: Path,
        invert: str = "",
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Store the settings.

        Args:
            invert: Inverter of photos, as ``i2i edit --invert`` takes it.
            options: Options of editors by editor name.
        """
        self.judges, self.name, self.out, self.invert = judges, generator, out, invert
        self.options = options or {}
        self._starts: dict[str, Start] = {}

    @cached_property
    def generator(self) -> Any:
        """The generator that renders baselines."""
        return i2i.generator(self.name, "cpu", registry=self.judges.registry)

    def edit(self, editor: str, sources: Sequence[str], notes: list[str], **values: Any) -> tuple[i2i.Result, float]:
        """Run an edit; return its result and its seconds."""
        began = time.perf_counter()
        given = {**values, **self.options.get(editor, {})}
        result = i2i.edit(
            editor,
            sources,
            generator=self.name,
            device="cpu",
            registry=self.judges.registry,
            note=notes.append,
            **given,
        )
        return result, time.perf_counter() - began

    def sample(self, seed: int) -> Start:
        """Render a sample.

        Raises:
            FaceNotFoundError: dlib finds no face in it.
        """
        with torch.no_grad():
            w = latents(self.generator, [seed], SamplingOptions(truncation=PSI))
            image = self.generator.render(w).clamp(-1, 1)
        return Start(f"seed:{seed}", image, image, i2i.Latent(w), self._look(image, f"seed:{seed}"))

    def photo(self, file: Path, method: str = "", face: int = 1) -> Start:
        """Align a face of a photo and invert it by ``method``, or read the cached inversion.

        Args:
            face: Number of the face, from the left.

        Raises:
            FaceNotFoundError: dlib finds no face in the crop.
        """
        key = f"{file} {face} {method or self.invert}"
        if key not in self._starts:
            notes: list[str] = []
            crop, _ = self.edit("align", [str(file)], notes, face=face)
            seen = self._look(crop.image, file.name)
            chosen = method or self.invert
            inverted, _ = self.edit("invert", [str(file)], notes, face=face, **({"method": chosen} if chosen else {}))
            assert isinstance(inverted.latent, i2i.Latent)
            start = Start(str(file), crop.image, inverted.image, inverted.latent, seen)
            self._starts = {key: start}  # the edits of one photo follow each other, and images are large
        return self._starts[key]

    def _look(self, image: Tensor, name: str) -> Seen:
        seen = self.judges.look(quantise(image))
        if seen is None:
            raise FaceNotFoundError(f"dlib finds no face in {name}, so its edits cannot be judged.")
        return seen

    def judge(
        self, start: Start, after: Tensor, rendered: Tensor | None = None, source: Seen | None = None
    ) -> dict[str, Any]:
        """Judge ``after (1, 3, R, R)`` against its start.

        Args:
            rendered: The same before anything was pasted back.
            source: Another person, to whom the distance is measured as well.
        """
        seen = self.judges.look(quantise(after))
        found: dict[str, Any] = {"face": seen is not None}
        if seen is not None:
            found["measures"] = seen.as_json()["measures"]
            found["identity"] = round(descriptor_distance(seen.descriptor, start.seen.descriptor), 4)
            angles = [name for name in POSE if name in seen.measures]
            if angles:
                found["pose"] = round(max(abs(seen.measures[name] - start.seen.measures[name]) for name in angles), 3)
            if source is not None:
                found["to_source"] = round(descriptor_distance(seen.descriptor, source.descriptor), 4)
        # Where nothing was pasted back, as for a turned head, there is no outside: it all may change.
        if rendered is not None and float((after - rendered).abs().amax()) > SAME:
            inside = inside_mask(start.image, after)
            found["outside"] = round(1 - float(inside.mean()), 4)
            if found["outside"] >= LEAST_OUTSIDE:
                for name, reference in (("lpips_outside", start.rendered), ("lpips_outside_photo", start.image)):
                    outside = torch.lerp(rendered, reference, inside)
                    found[name] = round(self.judges.distance(outside, reference), 5)
        return found

    def judge_edit(self, start: Start, result: i2i.Result, seed: int, source: Seen | None = None) -> dict[str, Any]:
        """Judge an edit, a random direction of the same length, and no edit, each pasted by the edit's own mask.

        Args:
            seed: Seed of the random direction.
            source: See ``judge``.
        """
        edited = _latent_of(result, start.latent)
        found = self.judge(start, result.image, render(self.generator, edited), source)
        inside = inside_mask(start.image, result.image)
        shifted = self.random_direction(start.latent, edited, seed)
        rendered = render(self.generator, shifted)
        unedited = recompress(start.image) if start.rendered is start.image else start.rendered
        return found | {
            "length": round(float((edited.w - start.latent.w).norm()), 4),
            "random": self.judge(start, torch.lerp(start.image, rendered, inside), source=source),
            "none": self.judge(start, torch.lerp(start.image, unedited, inside), source=source),
        }

    def random_direction(self, start: i2i.Latent, edited: i2i.Latent, seed: int) -> i2i.Latent:
        """Return the start moved towards a random sample, each layer as far as the edit moved it."""
        with torch.no_grad():
            one, other = latents(self.generator, [seed, seed + 1], SamplingOptions(truncation=1.0))
        direction = F.normalize(other - one, dim=-1)
        lengths = (edited.w - start.w).norm(dim=-1, keepdim=True)
        return i2i.Latent(start.w + lengths * direction, start.noise, start.changes)

    def store(self, name: str, image: Tensor) -> str:
        """Store a small copy of an image; return its path within the output folder."""
        path = self.out / "images" / f"{name.replace('/', '_').replace(':', '_')}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(to_array(downsample(image, STORED))).save(path, quality=92)
        return str(path.relative_to(self.out))


def _latent_of(result: i2i.Result, start: i2i.Latent) -> i2i.Latent:
    """Return the latent of a result with the noise and weight changes of its start where it has only w."""
    if isinstance(result.latent, i2i.Latent):
        return result.latent
    assert result.latent is not None
    return i2i.Latent(result.latent, start.noise, start.changes)


def quantise(image: Tensor) -> Tensor:
    """Return an image as a file holds it, in 8 bits."""
    return to_tensor(to_array(image))


def recompress(image: Tensor) -> Tensor:
    """Return an image through JPEG at ``JPEG_QUALITY``."""
    stream = io.BytesIO()
    Image.fromarray(to_array(image)).save(stream, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    with Image.open(stream) as decoded:
        return to_tensor(np.array(decoded.convert("RGB")))


def inside_mask(before: Tensor, after: Tensor) -> Tensor:
    """Return where an edit may have changed an image, ``(1, 1, R, R)`` of 0 and 1.

    Outside its mask an edit shows the image itself, so changed pixels with closed gaps are the mask.
    """
    changed = ((after - before).abs().amax(dim=1, keepdim=True) > SAME).float()
    width = 2 * max(1, round(CLOSING * before.shape[-1] / 2)) + 1
    grown = F.max_pool2d(changed, width, 1, width // 2)
    return 1 - F.max_pool2d(1 - grown, width, 1, width // 2)
