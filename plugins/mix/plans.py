"""What an edit is going to draw: latents by picture, and the places of the grid; nothing is rendered yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, Union

import i2i

if TYPE_CHECKING:
    from torch import Tensor


class Made(NamedTuple):
    """A new latent, and the picture with whose noise and weights it is rendered."""

    own: i2i.Photo
    w: Tensor
    """``(num_ws, w_dim)`` on the generator's device."""


Place: TypeAlias = Union[Made, "Tensor", None]
"""One place of a grid: a latent to render, a picture ``(1, 3, H, W)`` that is there, or nothing."""


@dataclass(frozen=True)
class Layout:
    """The grid before it is drawn."""

    places: Sequence[Sequence[Place]]
    columns: Sequence[str] = ()
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class Plan:
    """One result."""

    made: Made
    frames: Sequence[Tensor] = ()
    """Each ``(num_ws, w_dim)``."""
    scalars: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plans:
    """All results of an edit, in the order of its pictures."""

    results: Sequence[Plan]
    layout: Layout | None = None


class Picture(NamedTuple):
    """A picture with its latent, as the operations want it."""

    photo: i2i.Photo
    w: Tensor
    """``(num_ws, w_dim)`` on the generator's device."""

    @property
    def name(self) -> str:
        """For captions."""
        return self.photo.name or (self.photo.path.stem if self.photo.path else "")


def pictures(scene: i2i.Scene, *names: str) -> list[Picture]:
    """All pictures that the scene has under these names, with their latents."""
    photos = [
        photo
        for name in names
        for photo in scene.every.get(name) or ([scene.photos[name]] if name in scene.photos else [])
    ]
    device = scene.generator.w_mean.device
    return [Picture(photo, photo.latent.w[0].detach().to(device)) for photo in photos if photo.latent is not None]


def told(scene: i2i.Scene, own: Picture, w: Tensor, rows: Sequence[int]) -> dict[str, float]:
    """How many rows an edit may change, and how far it went: the root mean square over rows, in deviations of w."""
    far = (w - own.w).square().sum(dim=-1).mean().sqrt() / scene.generator.w_std
    return {"rows": float(len(rows)), "moved": float(far)}
