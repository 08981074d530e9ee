"""The dataset: its splits, archives and synthetic pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

from .palette import PALETTE

if TYPE_CHECKING:
    import numpy as np


class Facades(i2i.Dataset):
    """Photographs of house fronts and label maps of their parts."""

    name = "facades"
    summary = "Photographs of house fronts and label maps of their parts."
    licence = "citation of the CMP Facade Database (R. Tylecek, R. Sara, 2013); no licence is stated"
    homepage = "https://cmp.felk.cvut.cz/~tylecr1/facade/"
    classes = tuple(PALETTE)
    palette = tuple(PALETTE.values())
    sides = ("photo", "labels")
    direction = "BtoA"
    counts = {"train": 400, "val": 100, "test": 106}
    archive = i2i.Archive("http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/facades.tar.gz", bytes=31_000_000)
    drawn = {"train": 400, "val": 100}

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw one synthetic pair, photo and labels, each uint8 ``(size, size, 3)``, RGB."""
        from .renderer import draw

        return draw(rng, size)
