"""A measure of reconstructions that is in no method's loss, so that it can tell whether optimising helped."""

from __future__ import annotations

import torch
from torch import Tensor

from i2i.toolkit.images.similarity import structural_similarity
from i2i.toolkit.latents.features import resize_for_features

MEASURE = "SSIM"
"""Name of the measure for notes and tables; higher is better, 1 for equal images."""


@torch.no_grad()
def judge(images: Tensor, photos: Tensor) -> Tensor:
    """Compute the SSIM ``(N,)`` of images with photos, ``(N, 3, R, R)`` each in [-1, 1], at 256 px at most."""
    return structural_similarity(*(resize_for_features(batch.clamp(-1, 1)) for batch in (images, photos)))
