"""A run of pix2pix so small that it trains in seconds, for tests of pages that use runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers import small_training

SMALL = {**small_training.SMALL, "callbacks": "none"}
"""Options of a training whose steps take milliseconds."""
WALL, DOOR, WINDOW = (13, 61, 251), (165, 0, 0), (0, 117, 255)


def write_pairs(folder: Path) -> Path:
    """Write A|B images: A a label map of three classes, B a photo in other colours."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2)):
        (folder / split).mkdir(parents=True)
        for number in range(count):
            labels = np.full((32, 32, 3), WALL, np.uint8)
            x, y = rng.integers(2, 20, 2)
            labels[y : y + 8, x : x + 8] = WINDOW
            labels[24:, 12:20] = DOOR
            both = np.concatenate([labels, 255 - labels], axis=1)
            Image.fromarray(both).save(folder / split / f"{number}.png")
    return folder
