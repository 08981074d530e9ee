"""Plugin module of the datasets ``fruits`` and ``streets`` and of the metrics that suit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

import i2i

if TYPE_CHECKING:
    import numpy as np


class FruitsOptions(i2i.Options):
    """Options of ``fruits``."""

    background: Literal["plain", "noise"] = Field("plain", description="Background of synthetic images")


class Fruits(i2i.Dataset):
    """Apples and oranges that do not belong together: ``train/apple_*.png`` and ``train/orange_*.png``."""

    name = "fruits"
    summary = "Unpaired images of apples (A) and oranges (B)."
    licence = "MIT"
    sides = ("apples", "oranges")
    drawn: ClassVar[Mapping[str, int]] = {"train": 16, "val": 4}
    Options = FruitsOptions

    def __init__(self, options: FruitsOptions) -> None:
        self.options = options

    def unpaired(self, root: Path, split: str) -> Mapping[str, Sequence[Path]] | None:
        """List both sides by the beginning of the file names; None where there is no such split."""
        folder = root / split
        if not folder.is_dir():
            return None
        return {"A": sorted(folder.glob("apple_*.png")), "B": sorted(folder.glob("orange_*.png"))}

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw a red disc and, elsewhere and of another size, an orange one with dots."""
        return self._fruit(rng, size, (200, 30, 40), dots=False), self._fruit(rng, size, (240, 150, 20), dots=True)

    def _fruit(self, rng: np.random.Generator, size: int, colour: tuple[int, int, int], dots: bool) -> np.ndarray:
        import numpy as np

        noisy = self.options.background == "noise"
        image = rng.integers(0, 256, (size, size, 3)) if noisy else np.full((size, size, 3), rng.integers(90, 200))
        y, x = (np.mgrid[:size, :size] + 0.5) / size
        cx, cy, radius = rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6), rng.uniform(0.2, 0.35)
        distance = np.hypot(x - cx, y - cy) / radius
        shade = (1.1 - 0.5 * distance)[..., None] * np.array(colour)
        if dots:
            shade = shade * (0.9 + 0.1 * np.sign(np.sin(40 * x) * np.sin(40 * y)))[..., None]
        return np.where(distance[..., None] < 1, shade, image).clip(0, 255).astype(np.uint8)


class Streets(i2i.Dataset):
    """Label maps and photos: ``train/labels/NAME.png`` and ``train/photo/NAME.png``, the default layout."""

    name = "streets"
    summary = "Label maps of streets and photos."
    licence = "MIT"
    fields = (i2i.Field("labels", "labels", classes=4), i2i.Field("photo"))
    classes = ("sky", "building", "road", "car")
    palette = ((70, 130, 180), (70, 70, 70), (128, 64, 128), (0, 0, 142))
    sides = ("labels", "photos")
    drawn: ClassVar[Mapping[str, int]] = {"train": 12, "val": 4}

    def draw(self, rng: np.random.Generator, size: int) -> Mapping[str, np.ndarray]:
        """Draw sky, a building, a road and a car; the photo has the colour of each class, with noise."""
        import numpy as np

        labels = np.zeros((size, size), np.uint8)
        horizon = int(size * rng.uniform(0.45, 0.65))
        left, top = (int(size * rng.uniform(low, low + 0.3)) for low in (0.1, 0.1))
        labels[top:horizon, left : left + size // 3] = 1
        labels[horizon:] = 2
        x, height = int(size * rng.uniform(0.1, 0.6)), max(1, size // 6)
        labels[horizon : horizon + height, x : x + 2 * height] = 3
        photo = np.array(self.palette)[labels] + rng.normal(0, 12, (size, size, 1))
        return {"labels": labels, "photo": photo.clip(0, 255).astype(np.uint8)}


@i2i.hookimpl
def register_datasets(register: i2i.Register) -> None:
    """Register the datasets as classes: this module imports neither torch nor NumPy."""
    register(Fruits)
    register(Streets)


@i2i.hookimpl
def register_metrics(register: i2i.Register) -> None:
    """Register the metrics by string; ``better`` is declared, so that tables need not import them."""
    register(
        "frechet-features",
        "i2i_outside.metrics:FrechetFeatures",
        summary="Frechet distance of the features of outputs and targets, as FID.",
        better="lower",
    )
    register(
        "mean-iou",
        "i2i_outside.metrics:MeanIoU",
        summary="Mean intersection over union of the classes in outputs and targets.",
        better="higher",
    )
