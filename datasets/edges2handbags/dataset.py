"""The dataset: its splits, archives and synthetic pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    import numpy as np


class Edges2Handbags(i2i.Dataset):
    """Line drawings of handbags and their photographs."""

    name = "edges2handbags"
    summary = "Line drawings of handbags and their photographs."
    licence = "for research; see the homepage of iGAN, which gathered the images"
    homepage = "https://github.com/junyanz/iGAN"
    sides = ("edges", "photo")
    direction = "AtoB"
    counts = {"train": 138567, "val": 200}
    archive = i2i.Archive(
        "http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/edges2handbags.tar.gz", bytes=8_600_000_000
    )
    drawn = {"train": 400, "val": 100}

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw one synthetic pair, edges and photo, each uint8 ``(size, size, 3)``, RGB."""
        from .renderer import draw

        return draw(rng, size)
