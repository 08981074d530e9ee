"""The dataset ``faces`` as the demo networks use it: latent codes, and the faces that belong to them."""

from __future__ import annotations

from typing import Any

import numpy as np

import i2i

Z_DIM = 64
"""Dimension of z of ``demo-faces``; a few more than the parameters of a face, the rest is unused."""
SIZE = 64
"""Height and width of the images, pixels."""
UNSEEN = 10_000_000
"""Seeds from this one on are for evaluation; no network was trained on them."""


def faces() -> Any:
    """Return the dataset ``faces``: values, images, landmarks, words.

    Raises:
        UsageError: the plugin that provides it is not loaded.
    """
    return i2i.load_registry().get("dataset", "faces")()


def latents(seed: int) -> np.ndarray:
    """Return the latent code z ``(Z_DIM,)`` float32 of a seed, standard normal."""
    return np.random.default_rng((seed, 2)).standard_normal(Z_DIM).astype(np.float32)


def values_of(z: Any) -> Any:
    """Return the parameter values ``(N, P)`` of the training targets of latent codes ``(N, Z_DIM)``.

    A mapping network normalises z (Karras et al. 2019, section 2), so z is first scaled to the length
    ``sqrt(Z_DIM)``.
    """
    length = (z * z).sum(-1)[..., None] ** 0.5
    return (z * (Z_DIM**0.5 / length))[..., : len(faces().names)]
