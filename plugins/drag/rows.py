"""Pictures side by side: what is known of each stands in its row of every tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import torch

Kind = TypeVar("Kind", bound="Rows")


@dataclass(frozen=True)
class Rows:
    """Fields that are tensors, or ``Rows`` themselves, have a row for each picture; others hold for all pictures."""

    def take(self: Kind, rows: Sequence[int]) -> Kind:
        """The same of some of the pictures."""
        parts = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(self, **{name: _taken(part, rows) for name, part in parts.items()})


def joined(many: Sequence[Kind]) -> Kind:
    """Of pictures that stand alone, of all side by side; what holds for all is that of the first."""
    if len(many) == 1:
        return many[0]
    names = [each.name for each in fields(many[0])]
    return replace(many[0], **{name: _joined([getattr(one, name) for one in many]) for name in names})


def _taken(part: Any, rows: Sequence[int]) -> Any:
    if isinstance(part, Rows):
        return part.take(rows)
    return part[list(rows)] if isinstance(part, torch.Tensor) else part


def _joined(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], Rows):
        return joined(parts)
    return torch.cat(list(parts)) if isinstance(parts[0], torch.Tensor) else parts[0]
