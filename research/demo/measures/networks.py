"""The extractors of the demo networks, on synthetic faces that they never saw and on the generator's samples."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from i2i_plugins.demo import synthetic_faces

from .. import pools
from ..training import encoder as encoding
from ..training import identity as identities
from ..training import landmarks as points
from ..training import text as words
from .figures import Figure, create_figures
from .samples import BATCH, EvaluationSamples, first

PER_IDENTITY, PEOPLE = 4, 40
"""Faces of each person, and the fewest people, for the figures of identity."""
ERROR = 0.03
"""What the mean error of landmarks has to stay below, a fraction of the eye distance."""

LANDMARKS = {
    "nme": "mean distance of the 68 points from the true ones, fraction of the distance of the outer eye corners",
    "nme_median": "the same, median of faces",
    "nme_p95": "the same, 95th percentile of faces",
    "failures": "fraction of faces where it is over 0.08",
    "found": "fraction of faces in which a face is detected",
    "false_alarms": "fraction of images without a whole face in which one is detected",
}
IDENTITY = {
    "accuracy": "accuracy of verification: pairs of one person or of two, in equal numbers, ten-fold cross-validation",
    "auc": "ROC AUC: probability that two faces of one person are more similar than those of two",
    "tar_at_far_": "true accept rate of pairs of one person where {} of the pairs of two are accepted",
}
TEXT = {
    "caption@": "recall: an image's own caption is among the first {} of 100",
    "picture@": "recall: a caption's own image is among the first {} of 100",
    "accuracy": "accuracy of choosing the true one of two prompts, with an attribute and without it",
    "accuracy/": "the same for: {}",
}
ENCODER = {
    f"{kind}/{name}": meaning.format(what)
    for kind, what in (("samples", "samples"), ("drawn", "unseen synthetic faces"))
    for name, meaning in (
        ("lpips", "LPIPS of {} and their reconstructions"),
        ("l1", "mean absolute difference, on a range of 1, of the same {}"),
        ("psnr", "PSNR in decibels, mean over images, of the same {}"),
        ("deltas", "distance of the layers of a latent from its first, in standard deviations of w, of {}"),
        ("latents", "distance of the latents from the true ones, in standard deviations of w, of {}"),
    )
}


def landmarks_of_synthetic_faces(bench: EvaluationSamples) -> list[Figure]:
    """Landmarks of unseen synthetic faces."""
    extractor = bench.extractor("demo-landmarks")
    bench.say("landmarks are read")
    found = points.evaluate(extractor, first(bench.faces, bench.count // 2))
    return create_figures(found, LANDMARKS, "drawn/", under={"nme": ERROR})


def landmarks_of_samples(bench: EvaluationSamples) -> list[Figure]:
    """Landmarks of samples of the generator, against those of the faces rendered for their latents."""
    found = points.evaluate(bench.extractor("demo-landmarks"), first(bench.samples, bench.count // 2))
    return create_figures(found, LANDMARKS, "samples/", under={"nme": ERROR})


def people(bench: EvaluationSamples) -> list[Figure]:
    """Verification of unseen people, each rendered several times."""
    extractor = bench.extractor("demo-identity")
    pool = bench.draw(PER_IDENTITY * max(PEOPLE, bench.count // 10), per_identity=PER_IDENTITY)
    return create_figures(identities.evaluate(extractor, pool), IDENTITY, least={"accuracy": 0.95})


@torch.no_grad()
def likeness_of_samples(bench: EvaluationSamples) -> list[Figure]:
    """Whether the generator's samples look like who they were meant to be."""
    extractor, count = bench.extractor("demo-identity"), bench.count // 4
    made, synthetic = (_embedded(extractor, first(pool, count)) for pool in (bench.samples, bench.targets))
    cosine = "mean cosine of a sample (psi 1) and"
    return [
        Figure(
            "samples/own", float((made * synthetic).sum(dim=1).mean()), f"{cosine} the face rendered for its latent"
        ),
        Figure(
            "samples/others",
            float((made * synthetic.roll(1, 0)).sum(dim=1).mean()),
            f"{cosine} the face rendered for another latent",
        ),
    ]


def _embedded(extractor: Any, pool: pools.Pool) -> Tensor:
    """Unit vectors ``(N, F)`` of faces that are aligned by their true points."""
    parts = []
    for numbers in torch.arange(len(pool)).split(BATCH):
        parts.append(extractor(extractor.align(pools.images_of(pool, numbers), pool.landmarks[numbers])))
    return torch.cat(parts)


def retrieval(bench: EvaluationSamples) -> list[Figure]:
    """Captions for images, images for captions, and single attributes, of unseen synthetic faces."""
    extractor = bench.extractor("demo-text")
    bench.say("captions are looked for")
    return create_figures(
        words.evaluate(extractor, synthetic_faces.faces(), first(bench.faces, bench.count // 2)), TEXT
    )


def inversion(bench: EvaluationSamples) -> list[Figure]:
    """What comes back of images through the encoder and the generator."""
    extractor = bench.extractor("demo-encoder")
    bench.say("images are turned into latents and back")
    return create_figures(encoding.evaluate(extractor, bench.generator, first(bench.faces, bench.count // 8)), ENCODER)
