"""The dataset: its splits, archives and synthetic pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    import numpy as np


class Edges2Shoes(i2i.Dataset):
    """Line drawings of shoes and their photographs."""

    name = "edges2shoes"
    summary = "Line drawings of shoes and their photographs."
    licence = "for research; see the homepage of UT Zappos50K"
    homepage = "https://vision.cs.utexas.edu/projects/finegrained/utzap50k/"
    sides = ("edges", "photo")
    direction = "AtoB"
    counts = {"train": 49825, "val": 200}
    archive = i2i.Archive("http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/edges2shoes.tar.gz", bytes=2_200_000_000)
    drawn = {"train": 400, "val": 100}

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw one synthetic pair, edges and photo, each uint8 ``(size, size, 3)``, RGB."""
        from .renderer import draw

        return draw(rng, size)
