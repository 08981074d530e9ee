"""The dataset ``faces``: synthetic faces with their parameters, landmarks, attributes and captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import i2i

if TYPE_CHECKING:
    import numpy as np

    from .parameters import Floats
    from .renderer import RenderedFace


class Faces(i2i.Dataset):
    """Synthetic faces, 64 to 256 px and more, in pairs: a line drawing of the landmarks, and the face.

    Values ``(P,)``, one standard normal number for each of ``names``, determine a face with its parameters, identity,
    landmarks and caption.
    """

    name = "faces"
    summary = "Synthetic faces and line drawings of their 68 landmarks; nothing to download."
    licence = "MIT, as i2i itself"
    sides = ("landmarks", "face")
    direction = "AtoB"
    drawn: ClassVar[Mapping[str, int]] = {"train": 2000, "val": 200}

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, in the order of the values."""
        from .parameters import NAMES

        return NAMES

    @property
    def groups(self) -> Mapping[str, slice]:
        """Where identity, pose, expression, light and background are among the values."""
        from .parameters import SLICES

        return SLICES

    def values(self, seed: int, identity: int | None = None) -> Floats:
        """Values ``(P,)`` float32 of a face; those of the identity depend on the number ``identity`` alone.

        Args:
            seed: Picks the rest: pose, expression, light and background; 0 or more.
            identity: Who it is, 0 or more; None takes the seed as that number as well.
        """
        from .parameters import sample

        return sample(seed, identity)

    def describe(self, values: Sequence[float] | Floats) -> dict[str, float]:
        """Return the parameters by name, each in its own unit, such as degrees for ``yaw``."""
        from .parameters import face

        return dict(vars(face(values)))

    def attributes(self, values: Sequence[float] | Floats) -> dict[str, bool]:
        """Return the words of the captions, and whether each holds."""
        from .captions import attributes
        from .parameters import face

        return attributes(face(values))

    def caption(self, values: Sequence[float] | Floats) -> str:
        """Return the face in words."""
        from .captions import caption
        from .parameters import face

        return caption(face(values))

    def render(self, values: Sequence[float] | Floats, size: int) -> RenderedFace:
        """Render the face of values ``(P,)``: ``image`` uint8 ``(size, size, 3)``, ``landmarks`` ``(68, 2)`` px.

        Raises:
            ValueError: these are not P finite numbers, or the size is below 32 pixels.
        """
        from .parameters import face
        from .renderer import draw

        return draw(face(values), size)

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw one pair, lines and face, each uint8 ``(size, size, 3)``, RGB, from ``rng`` alone.

        Raises:
            UsageError: the size is below 32 pixels.
        """
        from .line_drawing import sketch
        from .renderer import SMALLEST

        if size < SMALLEST:
            raise i2i.UsageError(
                f"Images of the dataset faces have at least {SMALLEST} px, not {size}: type --size {SMALLEST}."
            )
        found = self.render(self.values(int(rng.integers(2**31))), size)
        return sketch(found.landmarks, size), found.image
