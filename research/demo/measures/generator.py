"""The generator ``demo-faces`` beside the faces that it was taught to draw."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from i2i_plugins.encoder.augmentation import blur

from .. import pools
from .dlib_detector import Detector
from .figures import Figure
from .samples import BATCH, EvaluationSamples, in_batches

BLUR = 1.0
"""Standard deviation of the Gaussian, pixels, below whose harm the generator's own has to lie."""
PART, ROWS, STEPS = 4, 100, 9
"""One sample that dlib looks at, and one row of interpolations, comes to so many of all; and the images of a row."""


def frechet(bench: EvaluationSamples) -> list[Figure]:
    """The Fréchet distance of samples to unseen synthetic faces, and what to compare it with."""
    metric = bench.frechet()
    samples, synthetic, others = in_batches(bench.samples), in_batches(bench.faces), in_batches(bench.targets)
    bench.say("images are compared as sets")
    for images in synthetic:
        metric.add_targets(images)
    limit = _distance(metric, [blur(images, torch.full((len(images),), BLUR)) for images in synthetic])
    count = len(bench.faces)
    to = f"to {count} unseen synthetic faces"
    return [
        Figure(
            "frechet",
            _distance(metric, samples),
            f"Fréchet distance on VGG16 relu4_3 of {count} samples (psi 1) {to}",
            under=limit,
        ),
        Figure("frechet/blurred", limit, f"the same of those synthetic faces, blurred by a Gaussian of 1 px, {to}"),
        Figure("frechet/floor", _distance(metric, others), f"the same of {count} other synthetic faces {to}"),
    ]


def _distance(metric: Any, images: list[Tensor]) -> float:
    """From what the metric has taken in as targets, which it keeps."""
    own = copy.deepcopy(metric)
    for batch in images:
        own.add_outputs(batch)
    return float(own.compute())


@torch.no_grad()
def variety(bench: EvaluationSamples) -> list[Figure]:
    """How different samples are from each other, compared with the faces rendered for the same latents."""
    made, synthetic = (_pairwise(bench, pool) for pool in (bench.samples, bench.targets))
    pairs = f"mean LPIPS of {len(bench.samples) // 2} pairs of"
    return [
        Figure(
            "variety",
            made / synthetic,
            "LPIPS of pairs of samples (psi 1), divided by that of the synthetic faces",
            least=0.8,
        ),
        Figure("variety/samples", made, f"{pairs} samples"),
        Figure("variety/drawn", synthetic, f"{pairs} faces rendered for the same latents"),
    ]


def _pairwise(bench: EvaluationSamples, pool: pools.Pool) -> float:
    """The mean LPIPS of the first face with the second, the third with the fourth, and so on."""
    numbers = torch.arange(len(pool) // 2 * 2).view(-1, 2).split(BATCH)
    found = [bench.lpips.distance(*(pools.images_of(pool, each) for each in pair.unbind(1))) for pair in numbers]
    return float(torch.cat(found).mean())


def seen(bench: EvaluationSamples) -> list[Figure]:
    """In how many images dlib's detector sees a face."""
    detector, _ = Detector(), bench.generator
    z = bench.targets.latents[: max(1, bench.count // PART)]
    bench.say("dlib looks for faces")
    usual, all_of_w = (
        detector.share(torch.cat([bench.render(part, psi) for part in z.split(BATCH)])) for psi in (0.7, 1.0)
    )
    between = interpolated(bench, max(1, bench.count // ROWS))
    share = "fraction of images, upsampled to 256 px, in which dlib's frontal detector detects a face"
    return [
        Figure("seen/psi 0.7", usual, f"{share}, of {len(z)} samples at psi 0.7", least=0.95),
        Figure("seen/psi 1", all_of_w, f"{share}, of the same latents at psi 1"),
        Figure(
            "seen/between",
            detector.share(between),
            f"{share}, along straight lines in w between samples at psi 0.7, {len(between)} images",
            least=0.95,
        ),
    ]


@torch.no_grad()
def interpolated(bench: EvaluationSamples, rows: int, psi: float = 0.7) -> Tensor:
    """Straight lines in w between two samples each, both ends included: ``(rows * STEPS, 3, S, S)`` in [-1, 1]."""
    z = bench.targets.latents[: 2 * rows]
    one, other = bench.generator.map(z, truncation=psi).chunk(2)
    shares = torch.linspace(0, 1, STEPS).view(1, STEPS, 1, 1)
    w = torch.lerp(one[:, None], other[:, None], shares).flatten(0, 1)
    return torch.cat([bench.generator.render(part).clamp(-1, 1) for part in w.split(BATCH)])


@torch.no_grad()
def likeness(bench: EvaluationSamples) -> list[Figure]:
    """The similarity of samples to the faces rendered for their latents, which are not training data."""
    rows: list[Tensor] = []
    for made, true in zip(in_batches(bench.samples), in_batches(bench.targets), strict=True):
        gap = (made - true) / 2
        psnr = -10 * gap.square().mean(dim=(1, 2, 3)).clamp(min=1e-10).log10()
        rows.append(torch.stack([gap.abs().mean(dim=(1, 2, 3)), bench.lpips.distance(made, true), psnr], dim=1))
    l1, lpips, psnr = torch.cat(rows).mean(dim=0).tolist()
    what = "samples and the faces rendered for their latents, not in the training data"
    return [
        Figure("truth/l1", l1, f"mean absolute difference, on a range of 1, of {what}"),
        Figure("truth/lpips", lpips, f"LPIPS of {what}"),
        Figure("truth/psnr", psnr, f"PSNR in decibels, mean over images, of {what}"),
    ]
