"""Contract test of extractors: one function for each standard role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ...inference.generators import generator as open_generator
from .contract_run import ContractRun, assert_finite, photos, seed_images


def check_extractor(run: ContractRun) -> None:
    """Call what the role asks for."""
    extractor = run.build(run.device)
    if run.generator is None:
        images = photos(2)
    else:
        images = seed_images(open_generator(run.generator, "cpu", registry=run.registry), 2)
    check = _ROLES.get(extractor.role)
    with torch.no_grad():
        if check is not None:
            check(extractor, images)
        elif callable(extractor):
            extractor(images)


def _unit(vectors: Tensor, what: str) -> None:
    assert torch.allclose(vectors.norm(dim=1), torch.ones(len(vectors)), atol=1e-3), f"{what} are no unit vectors"


def _landmarks(extractor: Any, images: Tensor) -> None:
    if callable(extractor):
        points = extractor(images)
        assert_finite(points, "landmarks")
        assert torch.allclose(extractor(images[1:]), points[1:], atol=1e-2), "landmarks depend on the batch"
    if hasattr(extractor, "find"):
        for face in extractor.find(images[:1]):
            assert face.landmarks.shape == (68, 2)
            assert_finite(face.landmarks, "landmarks")


def _identity(extractor: Any, images: Tensor) -> None:
    from ..stand_ins import face_points

    faces = extractor.align(images, (face_points() * images.shape[-1]).expand(len(images), -1, -1))
    vectors = extractor(faces)
    _unit(vectors, "embeddings")
    assert torch.allclose(extractor(faces[1:]), vectors[1:], atol=1e-3), "embeddings depend on the batch"


def _perceptual(extractor: Any, images: Tensor) -> None:
    others = images.flip(0)
    zero, distance = extractor.distance(images, images), extractor.distance(images, others)
    assert torch.allclose(zero, torch.zeros_like(zero), atol=1e-4), "the distance of equal images is not 0"
    assert (distance > 0).all(), "the distance of different images is not greater than 0"
    features = extractor.features(images)
    alone = extractor.features(images[1:])
    for layer, maps in features.items():
        assert torch.allclose(alone[layer], maps[1:], atol=1e-3), f"features {layer!r} depend on the batch"
    compared = extractor.compare(features, extractor.features(others))
    assert torch.allclose(compared, distance, atol=1e-4), "compare(features, features) is not distance(images, images)"


def _text(extractor: Any, images: Tensor) -> None:
    pictures, sentences = extractor.images(images), extractor.texts(["a face", "a smiling face"])
    _unit(pictures, "vectors of images")
    _unit(sentences, "vectors of sentences")
    assert pictures.shape[1] == sentences.shape[1], "images and sentences have vectors of different lengths"
    if hasattr(extractor, "unknown"):
        extractor.unknown("a face")


def _encoder(extractor: Any, images: Tensor) -> None:
    assert_finite(extractor(images), "latent codes")


def _segmentation(extractor: Any, images: Tensor) -> None:
    scores = extractor(images)
    assert scores.shape[1] == len(extractor.classes), "there is not one score for each of `classes`"
    assert scores.shape[2:] == images.shape[2:], "scores do not have the size of the images"


def _domain(extractor: Any, images: Tensor) -> None:
    scores = extractor(images)
    assert_finite(scores, "scores")
    assert ((scores >= 0) & (scores <= 1)).all(), "scores are not in [0, 1]"
    assert torch.allclose(extractor(images[1:]), scores[1:], atol=1e-3), "scores depend on the batch"


_ROLES: Mapping[str, Callable[[Any, Tensor], None]] = {
    "landmarks": _landmarks,
    "identity": _identity,
    "perceptual": _perceptual,
    "text": _text,
    "encoder": _encoder,
    "segmentation": _segmentation,
    "domain": _domain,
}
