"""The adversarial losses on logits; each is a mean over all patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Callable[[Tensor, bool], Tensor]


def adversarial(kind: Literal["vanilla", "lsgan"]) -> Loss:
    """Return the loss function: logits ``(N, 1, h, w)`` and their label (real or not) -> a scalar, float32.

    ``vanilla`` is binary cross-entropy (Goodfellow et al. 2014), ``lsgan`` the squared distance (Mao et al. 2017).
    """
    distances: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "vanilla": F.binary_cross_entropy_with_logits,
        "lsgan": F.mse_loss,
    }
    distance = distances[kind]

    def loss(logits: Tensor, real: bool) -> Tensor:
        logits = logits.float()
        return distance(logits, torch.ones_like(logits) if real else torch.zeros_like(logits))

    return loss
