"""The dataset: its splits, archives and synthetic pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

from .palette import PALETTE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

    from i2i import Pair


class Cityscapes(i2i.Dataset):
    """Street scenes and label maps of what stands in them."""

    name = "cityscapes"
    summary = "Street scenes and label maps of what stands in them."
    licence = "Cityscapes terms of use: non-commercial, no redistribution"
    homepage = "https://www.cityscapes-dataset.com/"
    classes = tuple(PALETTE)
    palette = tuple(PALETTE.values())
    sides = ("photo", "labels")
    direction = "BtoA"
    counts = {"train": 2975, "val": 500}
    drawn = {"train": 400, "val": 100}

    def pairs(self, root: Path, split: str) -> Sequence[Pair] | None:
        """List the real pairs of a split: of the official download if it is there, else of the default layout."""
        from .official_files import is_official, official_pairs

        return official_pairs(root, split) if is_official(root) else super().pairs(root, split)

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw one synthetic pair, photo and labels, each uint8 ``(size, size, 3)``, RGB."""
        from .renderer import draw

        return draw(rng, size)
