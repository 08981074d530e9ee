"""Datasets: where samples come from, their fields, layout, licence and synthetic samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from .field import Field
from .options import Options
from .sample import Pair, Sample

if TYPE_CHECKING:
    import numpy as np


Direction = Literal["AtoB", "BtoA"]

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Archive:
    """Where a dataset is downloaded from."""

    url: str
    bytes: int | None = None
    """Approximate size in bytes; a file of less than half or more than twice that is refused."""
    pictures: int | None = None
    """Pairs in all splits together, where ``Dataset.counts`` does not tell them apart."""


class Dataset:
    """A source of training data: the fields of its samples, its layout on disk, and synthetic samples.

    Most datasets are pairs of RGB images and need no `fields`: they have "A" and "B". Others declare what they have:

        fields = (i2i.Field("photo"), i2i.Field("classes", "labels", classes=3))
        classes = ("sky", "road", "car")
        palette = ((70, 130, 180), (128, 64, 128), (0, 0, 142))
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    """Its options; where there are any, it is constructed as ``Dataset(options)``."""
    licence: ClassVar[str] = "unknown"
    homepage: ClassVar[str] = ""
    fields: ClassVar[tuple[Field, ...]] = (Field("A"), Field("B"))
    """What each sample has. The first two that are not values are side A and side B for trainers that want pairs."""
    classes: ClassVar[tuple[str, ...]] = ()
    """Names of the classes of its label fields, by number."""
    palette: ClassVar[tuple[tuple[int, int, int], ...]] = ()
    """RGB colour of each class, 0 to 255: to read label files that are in colour, and to show label maps."""
    sides: ClassVar[tuple[str, str]] = ("A", "B")
    """What side A and side B show, for people."""
    direction: ClassVar[Direction] = "AtoB"
    """The usual direction, the default of ``--direction``."""
    counts: ClassVar[Mapping[str, int]] = {}
    """Number of samples in each split of the real dataset."""
    archive: ClassVar[Archive | None] = None
    """Where ``i2i datasets fetch`` downloads it from; None if it cannot be downloaded automatically."""
    drawn: ClassVar[Mapping[str, int]] = {}
    """Number of synthetic samples in each split; empty if the dataset has none."""

    @classmethod
    def own(cls) -> bool:
        """Return whether the images are the user's own: then ``--data-root`` is the dataset itself."""
        return cls.archive is None and not cls.drawn

    def samples(self, root: Path, split: str) -> Sequence[Sample] | None:
        """List the samples of a split, unread, in a fixed order; by default what ``pairs`` gives.

        Args:
            root: Directory of the dataset.
            split: ``train``, ``val`` or ``test``.

        Returns:
            The samples, none if the split is not there; None for the default layout: A|B images in ``root/split``, or
            folders ``A`` and ``B`` in it (named after side A and side B of ``fields``) with equal file names.

        Raises:
            I2IError: The directory is there but its layout is not understood.
        """
        return self.pairs(root, split)

    def pairs(self, root: Path, split: str) -> Sequence[Pair] | None:
        """List the pairs of a split, as ``samples``; enough for a dataset of pairs of images "A" and "B"."""
        return None

    def unpaired(self, root: Path, split: str) -> Mapping[str, Sequence[Path]] | None:
        """List the files of side A and side B for trainers that learn from unpaired images.

        Returns:
            ``{"A": [...], "B": [...]}`` by the names of the two fields, of any lengths; None for the default layouts:
            ``root/splitA`` and ``root/splitB``, ``root/split/A`` and ``root/split/B``, or the sides of the pairs.
        """
        return None

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray] | Mapping[str, np.ndarray]:
        """Draw one synthetic sample from ``rng`` alone.

        Returns:
            ``(A, B)``, each uint8 ``(size, size, 3)`` RGB, or a mapping with an array for each of ``fields``: images
            uint8 or uint16 ``(size, size, channels)``, labels and masks integers ``(size, size)``, values floats.
        """
        raise TypeError(f"{type(self).__name__} must define draw(self, rng, size)")
