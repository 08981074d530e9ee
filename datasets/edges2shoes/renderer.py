"""The renderer of synthetic shoes: a shoe from its side, toe to the left, and its line drawing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from i2i.toolkit.drawing import Bytes
from i2i.toolkit.drawing.relief import ReliefModel

from .canvas import ShoeCanvas
from .formal import loafer, pump, sandal
from .sturdy import boot, sneaker

_KINDS: tuple[tuple[float, Callable[[ShoeCanvas], None]], ...] = (
    (0.27, sneaker),
    (0.25, boot),
    (0.18, loafer),
    (0.16, pump),
    (0.14, sandal),
)


def draw(rng: np.random.Generator, size: int) -> tuple[Bytes, Bytes]:
    """Draw the edges and the image of one shoe, each uint8 ``(size, size, 3)``, RGB, on white."""
    model = ReliefModel(rng, size)
    build = _KINDS[int(rng.choice(len(_KINDS), p=[share for share, _ in _KINDS]))][1]
    build(ShoeCanvas(rng, model))
    return model.edges(), model.photo()
