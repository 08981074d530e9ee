"""Data of a batch of images: samples are the first dimension of every tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import torch

if TYPE_CHECKING:
    from torch import Tensor

B = TypeVar("B", bound="Batched")


@dataclass(frozen=True)
class Batched:
    """A dataclass whose tensors, and whose ``Batched`` fields, hold one entry per sample; other fields are shared."""

    def select(self: B, samples: Tensor) -> B:
        """Return the data of some samples: ``samples (n,)`` int64."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: _select(part, samples) for name, part in parts.items()})


def concatenate(items: Sequence[B]) -> B:
    """Concatenate the samples of several; shared fields are those of the first."""
    if len(items) == 1:
        return items[0]
    names = [field.name for field in fields(items[0])]
    return replace(items[0], **{name: _concatenate([getattr(item, name) for item in items]) for name in names})


def _select(part: Any, samples: Tensor) -> Any:
    if isinstance(part, Batched):
        return part.select(samples)
    return part[samples] if isinstance(part, torch.Tensor) else part


def _concatenate(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], Batched):
        return concatenate(parts)
    return torch.cat(list(parts)) if isinstance(parts[0], torch.Tensor) else parts[0]
