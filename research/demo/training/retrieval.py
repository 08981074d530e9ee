"""How well images find their captions, and captions their images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

GROUP = 100
"""Images among which one is looked for."""
LOOKED = (1, 5)


def retrieval(images: Tensor, texts: Tensor, captions: Sequence[str]) -> dict[str, float]:
    """``caption@k`` and ``picture@k`` over whole groups of 100; over all images where they are fewer.

    Args:
        images: ``(N, F)`` unit vectors.
        texts: ``(N, F)`` unit vectors of the captions.
    """
    group = min(GROUP, len(captions))
    right: dict[str, list[Tensor]] = {}
    for numbers in torch.arange(len(captions) // group * group).split(group):
        same = torch.tensor([[captions[i] == captions[j] for j in numbers] for i in numbers])
        products = images[numbers] @ texts[numbers].T
        for name, table in ("caption", products), ("picture", products.T):
            for count in LOOKED:
                first = table.topk(min(count, group), dim=1).indices
                right.setdefault(f"{name}@{count}", []).append(same.gather(1, first).any(dim=1).float())
    return {name: float(torch.cat(hits).mean()) for name, hits in right.items()}
