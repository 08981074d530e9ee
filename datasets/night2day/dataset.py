"""The dataset: its splits, archives and synthetic pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    import numpy as np


class Night2Day(i2i.Dataset):
    """Outdoor views by night and by day."""

    name = "night2day"
    summary = "Outdoor views by night and by day."
    licence = "for research; see the homepage of the transient attributes set"
    homepage = "http://transattr.cs.brown.edu/"
    sides = ("night", "day")
    direction = "BtoA"
    counts = {"train": 17823, "val": 10, "test": 2287}
    archive = i2i.Archive("http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/night2day.tar.gz")
    drawn = {"train": 400, "val": 100}

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw one synthetic pair, night and day, each uint8 ``(size, size, 3)``, RGB."""
        from .renderer import draw

        return draw(rng, size)
