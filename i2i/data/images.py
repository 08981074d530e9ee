"""Single pictures: found in a folder of any shape, cut to a square; and runs that learnt from them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..api.errors import I2IError
from ..toolkit.images import IMAGE_SUFFIXES
from .pairs import Pair, is_picture, natural

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Picture(Pair):
    """A picture by itself, unread: a pair of which both sides are the square in its middle."""

    noun: ClassVar[str] = "pictures"

    def sides(self, pictures: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The largest square in the middle, uint8 ``(S, S, 3)``: the same array twice."""
        square = central_square(pictures[0])
        return square, square


def central_square(picture: np.ndarray) -> np.ndarray:
    """uint8 ``(H, W, 3)`` -> ``(S, S, 3)`` with ``S = min(H, W)``."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(picture[top : top + side, left : left + side])


def find_pictures(root: Path) -> list[Picture]:
    """All pictures below ``root/train``, or below ``root`` where that is not there, in natural order of their paths.

    Hidden files and folders, and files that are no pictures by name, are passed over.

    Raises:
        I2IError: there is none.
    """
    folder = root / "train" if (root / "train").is_dir() else root
    places: list[tuple[str, ...]] = []
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        above = Path(here).relative_to(folder).parts
        places += [(*above, name) for name in names if is_picture(name)]
    if not places:
        raise I2IError(
            f"{folder} holds no picture ({', '.join(sorted(IMAGE_SUFFIXES))}), nor do its folders; name one with --data-root."
        )
    places.sort(key=lambda parts: [natural(part) for part in parts])
    return [Picture("/".join(parts), folder.joinpath(*parts)) for parts in places]
