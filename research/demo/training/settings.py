"""What a training of the demo networks is told, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TrainingSettings:
    """How long and on what a network learns."""

    steps: int
    batch: int
    rate: float
    """Adam's learning rate at its highest."""
    images: int
    """Drawn faces to learn from."""
    size: int = 64
    """Height and width of the images, pixels."""
    seed: int = 0


@dataclass(frozen=True)
class Trained:
    """What a training leaves."""

    tensors: Mapping[str, Tensor]
    """The network's state dict, float32."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Worth telling on its card: plain values."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the file says of itself beside its tensors."""
