"""The parameters of synthetic faces, recovered from images: a judge that no edit follows.

Ridge regression on feature maps of AlexNet, which was trained on photos of objects: of the whole face, and of the parts
around the mouth and the eyes, upsampled. It is fitted to samples of ``demo-faces``, whose true parameters are known.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from i2i.toolkit.files import atomic_write, hash_file, user_directory
from i2i_plugins.demo import synthetic_faces
from i2i_plugins.demo.model_records import BY_NAME

from .samples import EvaluationSamples, require

FIRST_SEED = 20_000_000
"""First seed of the samples that the judge is fitted to, which no training and no other measure uses."""
COUNT, HELD_OUT = 2000, 400
LAYERS = ("relu2", "relu3")
PARTS = ((0, 64, 0, 64, 64), (34, 62, 14, 50, 72), (18, 42, 8, 56, 96))
"""Top, bottom, left and right edge of each part, pixels of 64, and the width to which it is resized."""
RIDGE = 0.1
"""Weight of the squared coefficients, relative to the mean squared length of the features."""
RECOVERED = 0.4
"""Fraction of the variance of a parameter that the judge has to explain in samples that it was not fitted to."""
BATCH = 100


@dataclass(frozen=True)
class AttributeJudge:
    """Estimates the parameters of faces in images."""

    network: Any
    """LPIPS on AlexNet, whose trunk is used; None after ``fit``."""
    mean: Tensor
    """Mean features, ``(F,)``."""
    weights: Tensor
    """``(F, P)``."""
    offsets: Tensor
    """``(P,)``."""
    explained: dict[str, float]
    """Explained variance (R squared) of each parameter in held-out samples."""

    @property
    def names(self) -> list[str]:
        """Names of the parameters that are recovered well enough to judge by."""
        return [name for name, value in self.explained.items() if value >= RECOVERED]

    def __call__(self, image: Tensor) -> dict[str, float]:
        """Estimate parameters of ``image (1, 3, 64, 64)`` in [-1, 1], in standard deviations of random faces."""
        values = (features_of(self.network, image) - self.mean) @ self.weights + self.offsets
        return {name: float(value) for name, value in zip(self.explained, values[0], strict=True) if name in self.names}


@torch.no_grad()
def features_of(network: Any, images: Tensor) -> Tensor:
    """Return AlexNet's features ``(N, F)`` of images ``(N, 3, 64, 64)`` in [-1, 1], those of all parts."""
    rows = []
    for batch in images.split(BATCH):
        maps = []
        for top, bottom, left, right, width in PARTS:
            part = batch[:, :, top:bottom, left:right]
            size = (round(width * (bottom - top) / (right - left)), width)
            if part.shape[2:] != size:
                part = F.interpolate(part, size, mode="bicubic", antialias=True)
            found = network.features(part)
            maps += [found[layer].flatten(1) for layer in LAYERS]
        rows.append(torch.cat(maps, dim=1))
    return torch.cat(rows)


def fit(features: Tensor, values: Tensor, held_out: int, names: list[str]) -> AttributeJudge:
    """Fit ridge regression from features ``(N, F)`` to values ``(N, P)``; the last ``held_out`` rows only test it."""
    known, own = features[:-held_out], values[:-held_out]
    mean, offsets = known.mean(dim=0), own.mean(dim=0)
    centred = known - mean
    kernel = centred @ centred.T
    ridge = RIDGE * kernel.diagonal().mean() * torch.eye(len(kernel))
    weights = centred.T @ torch.linalg.solve(kernel + ridge, own - offsets)
    tests = values[-held_out:]
    errors = ((features[-held_out:] - mean) @ weights + offsets - tests).square().mean(dim=0)
    explained = 1 - errors / tests.var(dim=0, correction=0).clamp_min(1e-9)
    return AttributeJudge(None, mean, weights, offsets, dict(zip(names, explained.tolist(), strict=True)))


def attribute_judge(bench: EvaluationSamples) -> AttributeJudge:
    """Fit the judge to samples of ``demo-faces``: minutes on one core, once; it is cached in the user's folder."""
    if "attributes" not in bench.cache:
        names = list(synthetic_faces.faces().names)
        require("demo-faces")
        path = BY_NAME["demo-faces"].path
        assert path is not None
        settings = f"{COUNT} {HELD_OUT} {FIRST_SEED} {LAYERS} {PARTS} {RIDGE}"
        key = hashlib.sha256((hash_file(path) + settings).encode()).hexdigest()[:8]
        file = user_directory() / "demo" / f"attributes_{key}.safetensors"
        if not file.is_file():
            judge = _fit_to_samples(bench, names)
            explained = torch.tensor([judge.explained[name] for name in names])
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(file) as beside:
                tensors = {"mean": judge.mean, "weights": judge.weights, "offsets": judge.offsets}
                save_file({**tensors, "explained": explained}, beside)
        found = load_file(file)
        explained_by_name = dict(zip(names, found.pop("explained").tolist(), strict=True))
        bench.cache["attributes"] = AttributeJudge(bench.lpips, **found, explained=explained_by_name)
    cached: AttributeJudge = bench.cache["attributes"]
    return cached


def _fit_to_samples(bench: EvaluationSamples, names: list[str]) -> AttributeJudge:
    count = COUNT + HELD_OUT
    bench.say(f"{count} samples are made for the judge of attributes")
    z = np.stack([synthetic_faces.latents(FIRST_SEED + number) for number in range(count)])
    features = torch.cat([features_of(bench.lpips, bench.render(part)) for part in torch.from_numpy(z).split(BATCH)])
    values = torch.from_numpy(np.asarray(synthetic_faces.values_of(z), np.float32))
    return fit(features, values, HELD_OUT, names)
