"""The numbers of a drag: the published ones, carried over to the size of the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .options import Options

LAYER = 128
"""Resolution of the features at every published size, from 256 px on; smaller pictures take half of their own."""
R1, R2 = 3 / 512, 12 / 512
"""Radii of what is pulled and of the search, as shares of the picture (Pan et al. 2023, section 3.2, at 512 px)."""
LEAST_R1, LEAST_R2 = 2.0, 3.0
"""In small pictures; pixels. Below 2 a disc is a single pixel."""
ROWS, OF = 6, 18
"""First rows that move as published (section 4), and the rows of the generator on which ``--rows`` is counted."""
RATE, SMALL_RATE = 0.0045, 0.02
"""Adam's learning rate in standard deviations of a number of w: 0.002 for the faces at 1024 px, where those of the
authors and of other implementations are 0.001 and 0.002; and for pictures below ``SMALL``, whose handles must get as
far in their share of the picture by fewer pixels."""
MASK_WEIGHT, SMALL_MASK_WEIGHT = 20.0, 5.0
"""Of the mask as published, and below ``SMALL``, where what a mask keeps is never far from what is to move."""
SMALL = 256
"""Height and width below which pixels are coarse for features: landmarks guide presets too."""


@dataclass(frozen=True)
class Settings:
    """Of one drag; pixels are those of the generator's picture."""

    layer: int
    r1: float
    r2: float
    rows: int
    """First rows of w that move, of the generator's own."""
    one_way: bool
    """All moved rows by the same vector."""
    rate: float
    steps: int
    tolerance: float
    patience: int
    mask_weight: float
    start_weight: float
    frames: int


def settle(options: Options, generator: Any) -> Settings:
    """What the options leave open, by the generator's size."""
    size = generator.resolution
    weight = MASK_WEIGHT if size >= SMALL else SMALL_MASK_WEIGHT
    deviation = generator.w_std / math.sqrt(generator.w_dim)
    return Settings(
        layer=options.layer or min(LAYER, size // 2),
        r1=options.r1 or max(LEAST_R1, R1 * size),
        r2=options.r2 or max(LEAST_R2, R2 * size),
        rows=first_rows(options.rows, generator.num_ws),
        one_way=options.space == "w",
        rate=options.rate or (RATE if size >= SMALL else SMALL_RATE) * deviation,
        steps=options.steps,
        tolerance=options.tolerance or arrival(size),
        patience=options.patience,
        mask_weight=weight if options.mask_weight is None else options.mask_weight,
        start_weight=options.start_weight,
        frames=options.frames,
    )


def arrival(size: int) -> float:
    """How near a handle must come, pixels: 2 from 128 px on, 4 at 1024 as published, and in proportion below 128."""
    return min(size / 64, max(2.0, size / 256))


def first_rows(asked: int | None, num_ws: int) -> int:
    """Rows of a generator: those that lie wholly within the share ``asked`` of 18, or the usual number."""
    if asked is None:
        return max(1, min(ROWS, num_ws // 2))
    return max(1, asked * num_ws // OF)
