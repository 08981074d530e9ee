"""The embedded world as the networks see it: latents, and pools of drawn faces to learn from and to be measured on."""

from __future__ import annotations

from typing import Any

import numpy as np

import i2i

Z_DIM = 64
"""Numbers in a latent of ``demo-faces``; a few more than a face has parameters, and those say nothing."""
SIZE = 64
"""Height and width of the world's pictures, pixels."""
UNSEEN = 10_000_000
"""Seeds from here on are for measuring; no network has learnt from them."""


def faces() -> Any:
    """The data set ``faces``: values, pictures, landmarks, words.

    Raises:
        UsageError: the plugin that brings it is not loaded.
    """
    return i2i.load_registry().get("dataset", "faces")()


def latents(seed: int) -> np.ndarray:
    """Latent ``(Z_DIM,)`` float32, standard normal."""
    return np.random.default_rng((seed, 2)).standard_normal(Z_DIM).astype(np.float32)


def values_of(z: Any) -> Any:
    """Latents ``(N, Z_DIM)`` -> the values ``(N, P)`` of the faces that ``demo-faces`` was taught to make of them.

    A mapping network sees the direction of z alone (Karras et al. 2019, section 2: z is normalised), so the length is
    brought to its usual one first.
    """
    length = (z * z).sum(-1)[..., None] ** 0.5
    return (z * (Z_DIM**0.5 / length))[..., : len(faces().names)]
