"""Settings and results of a training of the demo networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training."""

    steps: int
    batch: int
    rate: float
    """Adam's largest learning rate."""
    images: int
    """Number of synthetic faces."""
    size: int = 64
    """Height and width of the images, pixels."""
    seed: int = 0


@dataclass(frozen=True)
class Trained:
    """The result of a training."""

    tensors: Mapping[str, Tensor]
    """The network's state dict, float32."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Plain values for the model card."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Metadata of the weight file."""
