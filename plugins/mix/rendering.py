"""The rendering of an edit: what is rendered, batch by batch, with the progress of the whole edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

import i2i
from i2i.toolkit.images.frames import LazyFrames
from i2i.toolkit.latents.sampling import batch_for


class DirectionCancelled(Exception):
    """The user cancelled before there is anything to show."""


class EditProgress:
    """Progress of an edit, counted in images rendered and latents mapped."""

    def __init__(self, scene: i2i.Scene) -> None:
        self.scene, self.done, self.total = scene, 0, 0

    def expect(self, count: int) -> None:
        """Add ``count`` to the total."""
        self.total += count

    def advance(self, count: int) -> None:
        """Report that ``count`` more are done."""
        self.done += count
        self.scene.progress(self.done, self.total)

    @property
    def cancelled(self) -> bool:
        """True once the user has cancelled."""
        return self.scene.cancelled

    def check_cancelled(self) -> None:
        """End work whose partial result is of no use.

        Raises:
            DirectionCancelled: the user has cancelled.
        """
        if self.cancelled:
            raise DirectionCancelled


class RenderRequest(NamedTuple):
    """A latent code to render, and the photo with whose noise maps and weights it is rendered."""

    photo: i2i.Photo
    w: Tensor
    """``(num_ws, w_dim)`` on the generator's device."""


GridCell: TypeAlias = RenderRequest | Tensor | None
"""One cell of a grid: a latent code to render, an image ``(1, 3, H, W)``, or nothing."""


@dataclass(frozen=True)
class GridPlan:
    """An image grid that is not rendered yet."""

    cells: Sequence[Sequence[GridCell]]
    """The cells, row by row."""
    columns: Sequence[str] = ()
    """Names of the columns."""
    labels: Sequence[str] = ()
    """Names of the rows."""


@dataclass(frozen=True)
class ImagePlan:
    """One result of an edit that is not rendered yet."""

    request: RenderRequest
    """The edited image."""
    frames: Sequence[Tensor] = ()
    """Latent codes of the animation, each ``(num_ws, w_dim)``."""
    scalars: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the result."""


@dataclass(frozen=True)
class EditPlan:
    """All results of an edit, in the order of its photos."""

    images: Sequence[ImagePlan]
    """The results, at least one."""
    grid: GridPlan | None = None
    """The image grid, if one was asked for."""


def render_edit(scene: i2i.Scene, plan: EditPlan, progress: EditProgress) -> i2i.Result:
    """Render a plan to the result of the first photo, which holds the other results and the grid.

    After the user has cancelled, the images of the results are still rendered; frames end early, and the grid is left
    out. Frames are rendered when they are read.
    """
    requests = [cell for row in plan.grid.cells for cell in row if isinstance(cell, RenderRequest)] if plan.grid else []
    progress.expect(len(plan.images) + len(requests))
    images = _render(scene, [image.request for image in plan.images], progress, until_cancelled=False)
    animations = [_animate(scene, image, progress) for image in plan.images]
    cells = _render(scene, requests, progress, until_cancelled=True)
    table = _fill_grid(plan.grid, cells) if plan.grid and len(cells) == len(requests) else None
    results = [
        i2i.Result(rendered, _latent(image.request), frames, image.scalars)
        for image, rendered, frames in zip(plan.images, images, animations, strict=True)
    ]
    first = results[0]
    return i2i.Result(first.image, first.latent, first.frames, first.scalars, table, others=results[1:])


def _animate(scene: i2i.Scene, image: ImagePlan, progress: EditProgress) -> Sequence[Tensor]:
    """Return the frames of one result, which are counted in the progress as they are rendered."""
    if progress.cancelled:
        return ()
    open_generator = cache(lambda: scene.generator_for(image.request.photo))

    def render(first: int, end: int) -> Sequence[Tensor]:
        progress.expect(end - first)
        return _render_batch(open_generator(), image.frames[first:end], progress)

    return LazyFrames(len(image.frames), render, batch_for(scene.generator), lambda: progress.cancelled)


def _latent(request: RenderRequest) -> i2i.Latent:
    """Join the new w with the noise maps and weight changes of the photo."""
    assert request.photo.latent is not None
    return i2i.Latent(request.w[None], request.photo.latent.noise, request.photo.latent.changes)


def _fill_grid(grid: GridPlan, rendered: list[Tensor]) -> i2i.Table:
    """Put the rendered images in the place of their requests."""
    images = iter(rendered)
    cells = [[next(images) if isinstance(cell, RenderRequest) else cell for cell in row] for row in grid.cells]
    return i2i.Table(cells, grid.columns, grid.labels)


def _render(
    scene: i2i.Scene, requests: Sequence[RenderRequest], progress: EditProgress, until_cancelled: bool
) -> list[Tensor]:
    """Render to images ``(1, 3, R, R)`` in [-1, 1], in the order of the requests; fewer after a cancellation."""
    images: list[Tensor] = []
    size = batch_for(scene.generator)
    for _, group in groupby(requests, key=lambda request: _weights_key(request.photo)):
        same_weights = list(group)
        generator = scene.generator_for(same_weights[0].photo)
        for start in range(0, len(same_weights), size):
            if until_cancelled and progress.cancelled:
                return images
            w = [request.w for request in same_weights[start : start + size]]
            images += _render_batch(generator, w, progress)
    return images


def _render_batch(generator: i2i.Generator, w: Sequence[Tensor], progress: EditProgress) -> Sequence[Tensor]:
    """Render latent codes ``(num_ws, w_dim)`` to images ``(1, 3, R, R)`` in [-1, 1]."""
    with torch.no_grad():
        batch = generator.render(torch.stack(list(w)))
    progress.advance(len(batch))
    images: tuple[Tensor, ...] = batch.float().clamp(-1, 1).expand(-1, 3, -1, -1).split(1)
    return images


def _weights_key(photo: i2i.Photo) -> int | None:
    """Return what is equal for photos in one batch: None without own noise maps and weights, else the photo's id."""
    return id(photo) if photo.latent is not None and (photo.latent.noise or photo.latent.changes) else None
