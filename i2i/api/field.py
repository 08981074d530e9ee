"""Fields: the named parts of a sample, with the kind that says how each is read, resized and put into a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FieldKind = Literal["image", "labels", "mask", "value"]


@dataclass(frozen=True)
class Field:
    """One named part of every sample of a dataset, such as a photo, its label map or its age.

    | kind | file or value | resized | in a batch |
    |---|---|---|---|
    | `image` | an image file, converted to `channels` | bicubic | float32 `(N, channels, H, W)` in [-1, 1] |
    | `labels` | an image file of class numbers, or of the colours of `Dataset.palette` | nearest | int64 `(N, H, W)` |
    | `mask` | an image file, true where it is at least half bright | nearest | float32 `(N, 1, H, W)` of 0 and 1 |
    | `value` | numbers, `Sample.values` | never | float32 `(N, ...)` |

    Random crops and mirror images are the same for all fields of a sample.

    Raises:
        ValueError: A setting is wrong or does not fit the kind.
    """

    name: str
    """The key in `Sample.files`, `Sample.values` and in batches."""
    kind: FieldKind = "image"
    channels: int = 3
    """Channels of an `image`: 3 (RGB) or 1 (grey)."""
    bits: int = 8
    """Bits of an `image`: 8, or 16 for files of one channel, which then keep all 65,536 levels."""
    classes: int | None = None
    """Number of classes of `labels`, numbered from 0; None if it is not known. Number 255 means "no class"."""

    def __post_init__(self) -> None:
        """Refuse settings that do not fit each other."""
        if self.kind not in ("image", "labels", "mask", "value"):
            raise ValueError(f"the field {self.name!r} has kind {self.kind!r}; use image, labels, mask or value")
        if self.channels not in (1, 3):
            raise ValueError(f"the field {self.name!r} has {self.channels} channels; use 3 (RGB) or 1 (grey)")
        if self.bits not in (8, 16) or (self.bits == 16 and self.channels != 1):
            raise ValueError(f"the field {self.name!r} has {self.bits} bits; use 8, or 16 together with channels=1")
        if self.classes is not None and not (self.kind == "labels" and self.classes > 0):
            raise ValueError(f"the field {self.name!r} has classes={self.classes}; only labels have classes, 1 or more")
