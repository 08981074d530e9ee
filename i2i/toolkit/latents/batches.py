"""Batches of an edit: images of one generator, in a batch size that suits the device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .sampling import batch_for

if TYPE_CHECKING:
    from ...api.generator import Generator
    from ...api.scene import Photo, Scene

GRADIENTS = 4
"""Memory of an image rendered with gradients, as a multiple of that of one without."""


class Batch(NamedTuple):
    """Images that are processed in one batch."""

    numbers: list[int]
    """Indices into the given photos, ascending."""
    generator: Generator
    """The generator that renders them."""


def batches(
    scene: Scene, photos: Sequence[Photo], size: int | None = None, *, gradients: bool = True
) -> Iterator[Batch]:
    """Yield all images in batches.

    Images whose latent has its own noise or weight changes are rendered by a generator of their own, which is created
    when its batch is reached.

    Args:
        photos: The same photo may occur more than once.
        size: Batch size; None for one that suits the device.
        gradients: Whether they are rendered with gradients, which takes more memory.
    """
    size = size or max(1, batch_for(scene.generator) // (GRADIENTS if gradients else 1))
    alike: dict[int, list[int]] = {}
    for number, photo in enumerate(photos):
        alike.setdefault(_ground(photo), []).append(number)
    for numbers in alike.values():
        generator = _generator(scene, photos[numbers[0]])
        for start in range(0, len(numbers), size):
            yield Batch(numbers[start : start + size], generator)


def _ground(photo: Photo) -> int:
    """Return a key that is equal for images of one generator."""
    latent = photo.latent
    return id(latent) if latent is not None and (latent.noise or latent.changes) else 0


def _generator(scene: Scene, photo: Photo) -> Generator:
    """Return the generator of a photo; the scene's own for the first one, to save memory."""
    first = next(iter(scene.photos.values()), None)
    if first is not None and first.latent is not None and photo.latent is first.latent:
        return scene.generator
    return scene.generator_for(photo)
