"""Scenes for the tests of face swaps: a generator of discs on grounds, and networks whose answers can be foretold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i_plugins.swap.editor import Swap

CPU = i2i.choose_device("cpu", "fp32")
SIDE = 32


def face_points() -> Tensor:
    """68 points ``(68, 2)`` of an upright face, in shares of the picture's side; the eyes are 0.25 apart."""
    points = torch.zeros(68, 2)
    angles = torch.linspace(0, torch.pi, 17)
    points[:17] = torch.stack([0.5 - 0.25 * angles.cos(), 0.45 + 0.3 * angles.sin()], dim=1)
    points[17:27] = torch.stack([torch.linspace(0.3, 0.7, 10), torch.full((10,), 0.35)], dim=1)
    points[27:36] = torch.tensor([0.5, 0.5])
    points[36:42], points[42:48] = torch.tensor([0.375, 0.42]), torch.tensor([0.625, 0.42])
    for lips in (slice(48, 60), slice(60, 68)):
        count = lips.stop - lips.start
        points[lips] = torch.stack([torch.linspace(0.42, 0.58, count), torch.full((count,), 0.65)], dim=1)
    return points


class Discs(i2i.StyleGenerator):
    """Row 0 of w is the colour of a disc, row 1 of the ground, row 2 makes the right half brighter, row 3 nothing."""

    name = "discs"
    summary = "A disc."
    z_dim, w_dim, num_ws, resolution = 3, 3, 4, SIDE
    w_mean, w_std = torch.zeros(3), 3**0.5

    def __init__(self, weights: i2i.Weights | None = None, device: i2i.Device = CPU) -> None:
        self.device, self.shift = device, torch.zeros(1)
        across = (torch.arange(SIDE) + 0.5) / SIDE - 0.5
        self.disc = (0.4 - (across[None] ** 2 + across[:, None] ** 2).sqrt()).mul(20).add(0.5).clamp(0, 1)
        self.right = (across > 0).float()

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        return truncation * z[:, None].repeat(1, self.num_ws, 1)

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        disc, ground, half = (w[:, row, :, None, None] for row in range(3))
        return ground + self.disc * (disc - ground) + 0.5 * half * self.right + self.shift

    def tuned(self, changes: Any = None, noise: Any = None) -> Discs:
        copied = Discs(None, self.device)
        copied.shift = self.shift + (changes or {}).get("shift", 0)
        return copied


class Points(i2i.Extractor):
    """The landmarks of ``face_points``, a pixel further right for each unit by which the right half is brighter."""

    name, summary, role = "points", "Where a face is.", "landmarks"

    def __init__(self, device: i2i.Device = CPU) -> None:
        pass

    def __call__(self, pictures: Tensor) -> Tensor:
        half = pictures.shape[3] // 2
        turned = pictures[..., half:].mean(dim=(1, 2, 3)) - pictures[..., :half].mean(dim=(1, 2, 3))
        across = torch.stack([turned, torch.zeros_like(turned)], dim=1)
        return face_points() * pictures.shape[3] + across[:, None]


class Still(Points):
    """As ``Points``, but no network: no gradients pass."""

    name = "still"

    def __call__(self, pictures: Tensor) -> Tensor:
        return super().__call__(pictures).detach()


class Who(i2i.Extractor):
    """A person is the direction of the mean colour amid the picture."""

    name, summary, role = "who", "Whose colour it is.", "identity"

    def __init__(self, device: i2i.Device = CPU) -> None:
        pass

    def align(self, pictures: Tensor, landmarks: Tensor) -> Tensor:
        quarter = pictures.shape[3] // 4
        return pictures[:, :, quarter:-quarter, quarter:-quarter]

    def __call__(self, pictures: Tensor) -> Tensor:
        return F.normalize(pictures.mean(dim=(2, 3)))


class Squares(i2i.Extractor):
    """The distance is the mean squared difference of pixels."""

    name, summary, role = "squares", "How far pictures are apart.", "perceptual"

    def __init__(self, device: i2i.Device = CPU) -> None:
        pass

    def features(self, pictures: Tensor) -> dict[str, Tensor]:
        return {"pixels": pictures}

    def compare(self, features: dict[str, Tensor], others: dict[str, Tensor]) -> Tensor:
        return (features["pixels"] - others["pixels"]).square().mean(dim=(1, 2, 3))


def person(disc: Sequence[float], ground: Sequence[float], **changes: Tensor) -> i2i.Latent:
    """A latent of ``Discs``."""
    rows = [disc, ground, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)]
    return i2i.Latent(torch.tensor(rows, dtype=torch.float32)[None], {}, changes)


RED = person((0.8, 0.1, 0.1), (0.2, 0.3, 0.4))
BLUE = person((0.1, 0.1, 0.8), (-0.5, -0.2, 0.1))
GREEN = person((0.1, 0.7, 0.2), (0.0, -0.4, -0.1))


def scene(
    targets: Sequence[i2i.Latent],
    sources: Sequence[i2i.Latent],
    landmarks: i2i.Extractor | None = None,
    generator: Any = None,
    **more: Any,
) -> i2i.Scene:
    """Targets called a, b, ... and sources called A, B, ..."""
    generator = generator or Discs()
    every = {
        name: [_photo(generator, latent, chr(ord(first) + number)) for number, latent in enumerate(latents)]
        for name, latents, first in (("target", targets, "a"), ("source", sources, "A"))
    }
    extractors = {"identity": Who(), "landmarks": landmarks or Points(), "perceptual": Squares()}
    photos = {name: given[0] for name, given in every.items()}
    return i2i.Scene(photos, CPU, extractors, generator=generator, untuned=generator, every=every, **more)


def _photo(generator: Any, latent: i2i.Latent, name: str) -> i2i.Photo:
    whole = generator.tuned(latent.changes) if latent.changes else generator
    with torch.no_grad():
        return i2i.Photo(whole.render(latent.w).clamp(-1, 1), None, name, latent)


def swap(given: i2i.Scene, **options: Any) -> i2i.Result:
    editor, chosen = Swap(), Swap.Options(**options)
    editor.check_photos(given, chosen)
    return editor.edit(given, chosen)


def w_of(result: i2i.Result) -> Tensor:
    """``(num_ws, w_dim)``."""
    assert isinstance(result.latent, i2i.Latent)
    return result.latent.w[0]


Progress = Callable[..., None]
