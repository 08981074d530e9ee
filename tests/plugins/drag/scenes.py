"""Scenes for the tests of dragging: a generator whose blobs lie where its latent says, and a reader of its 'face'."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

import i2i
from i2i_plugins.drag.editor import Drag
from i2i_plugins.drag.presets import PRESETS

SIZE = 64
LIPS = (62, 66)
"""Landmarks, counted from 0, that lie on the two blobs."""


class Blobs(i2i.StyleGenerator):
    """Two blobs; numbers of w move them by pixels, and a third one that only the last rows see is a shade.

    w is (x1, y1, x2, y2); the places are those of ``HOME`` and the mean of the first three rows. The mean of the last
    three rows' first number is the shade of the whole picture.
    """

    name = "blobs"
    summary = "Blobs."
    z_dim = w_dim = 4
    num_ws = 6
    HOME = ((20.0, 30.0), (44.0, 36.0))
    SPREAD = 5.0

    def __init__(self, weights: i2i.Weights | None, device: i2i.Device, size: int = SIZE) -> None:
        self.device, self.resolution = device, size
        self.calls: list[str] = []
        self.counts: list[int] = []
        """Pictures of each call."""

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        return (z * truncation)[:, None].repeat(1, self.num_ws, 1)

    @property
    def w_mean(self) -> Tensor:
        return torch.zeros(4)

    @property
    def w_std(self) -> float:
        return 10.0

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        self.calls.append("render")
        self.counts.append(len(w))
        heights, shade = self._blobs(w, self.resolution), w[:, 3:, 0].mean(dim=1)
        third = shade[:, None, None].expand(-1, self.resolution, self.resolution) * 0.01
        return torch.stack([2 * heights[:, 0] - 1, 2 * heights[:, 1] - 1, third], dim=1)

    def features(self, w: Tensor, resolution: int) -> Tensor:
        self.calls.append(f"features {resolution}")
        self.counts.append(len(w))
        return self._blobs(w, resolution)

    def _blobs(self, w: Tensor, resolution: int) -> Tensor:
        """``(N, 4, r, r)``: each blob's height, and its slopes added up, so that neighbours look different."""
        unit = self.resolution / resolution
        line = (torch.arange(resolution) + 0.5) * unit - 0.5
        y, x = torch.meshgrid(line, line, indexing="ij")
        places = torch.tensor(self.HOME) * (self.resolution / SIZE) + w[:, :3].mean(dim=1).reshape(-1, 2, 2)
        dx, dy = x - places[..., 0, None, None], y - places[..., 1, None, None]
        spread = self.SPREAD * self.resolution / SIZE
        height = torch.exp(-(dx.square() + dy.square()) / (2 * spread**2))
        slopes = torch.stack([(height * dx).sum(dim=1), (height * dy).sum(dim=1)], dim=1) / spread
        return torch.cat([height, slopes], dim=1)


class Reader(i2i.Extractor):
    """A face whose inner lips are the blobs, and whose other points never move; ``face`` says whether it is one."""

    name = "reader"
    summary = "Sees blobs."
    role: ClassVar[Literal["landmarks"]] = "landmarks"

    def __init__(self, face: bool = True, differentiable: bool = True) -> None:
        self.face, self.differentiable = face, differentiable

    def __call__(self, pictures: Tensor) -> Tensor:
        heights = ((pictures[:, :2] + 1) / 2).clamp_min(0)
        line = torch.arange(pictures.shape[-1], dtype=torch.float32)
        whole = heights.sum(dim=(2, 3))
        x, y = (heights.sum(dim=2) @ line) / whole, (heights.sum(dim=3) @ line) / whole
        points = fixed_points()[None].repeat(len(pictures), 1, 1)
        found = torch.stack([x, y], dim=-1)
        rest = [each for each in range(68) if each not in LIPS]
        order = torch.argsort(torch.tensor([*rest, *LIPS]))
        points = torch.cat([points[:, rest], found], dim=1)[:, order]
        return points if self.differentiable else points.detach()

    def find(self, picture: Tensor) -> list[i2i.Face]:
        return [i2i.Face((0, 0, 63, 63), self(picture)[0].detach(), 1.0)] if self.face else []


def fixed_points() -> Tensor:
    """``(68, 2)``: a ring; eyes 20 px apart; a mouth around the blobs, whose lips are at (20, 24) and (44, 44)."""
    angles = torch.arange(68) * (2 * torch.pi / 68)
    points = 32 + 28 * torch.stack([angles.cos(), angles.sin()], dim=1)
    lid = torch.tensor([[-3.0, 0], [-1, -1], [1, -1], [3, 0], [1, 1], [-1, 1]])
    points[36:42], points[42:48] = lid + torch.tensor([22.0, 14]), lid + torch.tensor([42.0, 14])
    points[48:60] = torch.tensor([32.0, 34.0]) + torch.stack([22 * angles.cos(), 16 * angles.sin()], dim=1)[::6]
    points[51], points[57] = torch.tensor([20.0, 24.0]), torch.tensor([44.0, 44.0])
    points[LIPS[0]], points[LIPS[1]] = torch.tensor(Blobs.HOME)
    return points


def scene(
    generator: Any = None,
    w: Tensor | None = None,
    extractors: Mapping[str, Any] | None = None,
    photos: Sequence[i2i.Photo] = (),
    presets: Mapping[str, i2i.Preset] | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[..., None] = lambda done, total, **scalars: None,
) -> tuple[i2i.Scene, list[str]]:
    """A scene of ``photos``, or else of the pictures of ``w (N, num_ws, w_dim)``; and what is noted."""
    generator = generator or Blobs(None, i2i.choose_device("cpu", "fp32"))
    w = torch.zeros(1, generator.num_ws, generator.w_dim) if w is None else w
    shown = list(photos) or [photo_of(generator, each, f"blobs {number}") for number, each in enumerate(w.split(1))]
    notes: list[str] = []
    made = i2i.Scene(
        {"image": shown[0]},
        i2i.choose_device("cpu", "fp32"),
        extractors if extractors is not None else {"landmarks": Reader()},
        progress,
        stop,
        generator,
        every={"image": shown},
        note=notes.append,
        presets={each.name: each for each in PRESETS} if presets is None else presets,
        compare=compare,
    )
    if hasattr(generator, "calls"):
        generator.calls.clear()
        generator.counts.clear()
    return made, notes


def photo_of(generator: Any, w: Tensor, name: str = "", **given: Any) -> i2i.Photo:
    with torch.no_grad():
        return i2i.Photo(
            generator.render(w).clamp(-1, 1).expand(-1, 3, -1, -1), name=name, latent=i2i.Latent(w), **given
        )


def compare(pictures: Tensor, others: Tensor) -> list[dict[str, float]]:
    """The mean difference, under the name of LPIPS."""
    return [{"lpips": float(each)} for each in (pictures - others).abs().mean(dim=(1, 2, 3))]


def drag(made: i2i.Scene, **options: Any) -> i2i.Result:
    """Colours are not held: blobs are all there is in these pictures, and go from block to block."""
    editor, chosen = Drag(), Drag.Options(**{"colour_weight": 0} | options)
    editor.check_photos(made, chosen)
    return editor.edit(made, chosen)


def places(result: i2i.Result) -> list[list[float]]:
    """Where the blobs of a result lie, pixels."""
    assert isinstance(result.latent, Tensor)
    moved = torch.tensor(Blobs.HOME) + result.latent[0, :3].mean(dim=0).reshape(2, 2)
    return moved.tolist()
