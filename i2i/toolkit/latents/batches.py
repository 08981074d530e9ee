"""Which pictures of an edit go side by side: those that one generator draws, as many at a time as suit the device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .sampling import batch_for

if TYPE_CHECKING:
    from ...api.generator import Generator
    from ...api.scene import Photo, Scene

GRADIENTS = 4
"""A picture that is learnt from takes about as much room as so many that are only drawn."""


class Batch(NamedTuple):
    """Pictures that go side by side."""

    numbers: list[int]
    """Which of those that were given, in their order."""
    generator: Generator
    """The generator that renders them."""


def batches(
    scene: Scene, photos: Sequence[Photo], size: int | None = None, *, gradients: bool = True
) -> Iterator[Batch]:
    """All pictures, batch by batch.

    Those whose latent has noise or changed weights of its own are drawn by a generator of their own, which is made when
    its turn comes.

    Args:
        photos: The same one may stand there more than once.
        size: Most pictures at a time; None for as many as suit the device.
        gradients: Whether they are learnt from, which takes more room than drawing them.
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
    """Equal for pictures of one generator."""
    latent = photo.latent
    return id(latent) if latent is not None and (latent.noise or latent.changes) else 0


def _generator(scene: Scene, photo: Photo) -> Generator:
    """The scene has the first picture's at hand; another copy of it would only take room."""
    first = next(iter(scene.photos.values()), None)
    if first is not None and first.latent is not None and photo.latent is first.latent:
        return scene.generator
    return scene.generator_for(photo)
