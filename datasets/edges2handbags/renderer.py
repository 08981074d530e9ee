"""The renderer of synthetic handbags: a handbag from the front, and its line drawing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from i2i.toolkit.drawing import Bytes
from i2i.toolkit.drawing.relief import ReliefModel

from .bags import clutch, flap_bag, hobo, satchel, tote
from .canvas import HandbagCanvas

_KINDS: tuple[tuple[float, Callable[[HandbagCanvas], None]], ...] = (
    (0.28, tote),
    (0.22, satchel),
    (0.22, flap_bag),
    (0.13, clutch),
    (0.15, hobo),
)


def draw(rng: np.random.Generator, size: int) -> tuple[Bytes, Bytes]:
    """Draw the edges and the image of one handbag, each uint8 ``(size, size, 3)``, RGB, on white."""
    model = ReliefModel(rng, size)
    build = _KINDS[int(rng.choice(len(_KINDS), p=[share for share, _ in _KINDS]))][1]
    build(HandbagCanvas(rng, model))
    return model.edges(), model.photo()
