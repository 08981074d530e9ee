"""Sample grids, style-mixing grids and interpolations of a generator."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from i2i import UsageError
from i2i.toolkit.images import resize
from i2i.toolkit.images.grids import add_captions, image_grid
from i2i.toolkit.latents.sampling import SamplingOptions, count_images, draw, latents, stream

from .spline import ClosedSpline

if TYPE_CHECKING:
    from torch import Tensor

    from i2i import Generator

LARGEST = 2**26
"""Largest number of pixels of a grid: 64 images of 1024 px; more are downsampled."""

MIXED = 7 / 18
"""Fraction of the layers that style mixing takes from the column: layers 0-6 of 18 (StyleGAN2, pose and shape)."""

STANDARD = SamplingOptions()

_NAMED = 64  # px; above narrower columns there is room for the number of a seed alone


def sample_grid(
    generator: Generator, seeds: Sequence[int], columns: int | None = None, options: SamplingOptions = STANDARD
) -> np.ndarray:
    """Render a grid with the image of each seed and, where there is room, its number: uint8 ``(H, W, 3)``.

    Args:
        columns: Images in a row; None for a grid that is nearly square and nearly full.

    Raises:
        UsageError, I2IError: see ``latents`` and ``stream``.
    """
    side = _side(generator, len(seeds))
    images = [resize(image, side, side) for image in draw(generator, seeds, options)]
    images = add_captions(images, [f"seed {seed}" for seed in seeds])
    columns = columns or _column_count(len(seeds))
    return image_grid([images[first : first + columns] for first in range(0, len(images), columns)])


def _column_count(count: int) -> int:
    """Choose the columns of a grid up to twice as wide as high, with the fewest empty cells."""
    return min(range(math.isqrt(count - 1) + 1, math.isqrt(2 * count) + 2), key=lambda columns: -count % columns)


def mixed_layers(num_ws: int) -> list[int]:
    """Return the layers that style mixing takes from the column by default: 0 to 6 of 18, or the same fraction."""
    return list(range(max(1, round(MIXED * num_ws))))


def mixing_grid(
    generator: Generator,
    seeds: Sequence[int],
    mix: Sequence[int],
    rows: Sequence[int] | None = None,
    options: SamplingOptions = STANDARD,
) -> np.ndarray:
    """Render style mixing: a column for each of ``seeds``, a row for each of ``mix``, uint8 ``(H, W, 3)``.

    A cell is the w of its row with the layers ``rows`` of its column. The first row and column show the seeds.

    Args:
        rows: Layers of w; None for ``mixed_layers``.

    Raises:
        UsageError, I2IError: see ``latents`` and ``stream``; also where the generator lacks one of ``rows``.
    """
    if generator.num_ws == 1:
        raise UsageError(
            "--mix: a latent of this generator has one layer, so there is nothing to mix; leave out --mix."
        )
    chosen = list(rows or mixed_layers(generator.num_ws))
    if max(chosen) >= generator.num_ws:
        raise UsageError(f"--rows: this generator has layers 0 to {generator.num_ws - 1}, and no layer {max(chosen)}.")
    column_ws, row_ws = latents(generator, seeds, options), latents(generator, mix, options)
    side = _side(generator, (len(seeds) + 1) * (len(mix) + 1))
    rendered = stream(generator, _mixed_latents(column_ws, row_ws, chosen), options.batch, options.noise)
    total = len(seeds) + len(mix) + len(seeds) * len(mix)
    images = [resize(image, side, side) for image in count_images(rendered, total, options)]
    images.insert(0, np.full((side, side, 3), 255, np.uint8))
    width = len(seeds) + 1
    return image_grid(
        [images[first : first + width] for first in range(0, len(images), width)],
        columns=["", *(f"seed {seed}" if side >= _NAMED else f"{seed}" for seed in seeds)],
        labels=["", *(f"seed {seed}" for seed in mix)],
    )


def _mixed_latents(columns: Tensor, rows: Tensor, layers: list[int]) -> Iterator[Tensor]:
    """Yield the latents of a mixing grid in reading order, without its corner."""
    yield from columns
    for w in rows:
        yield w
        for other in columns:
            mixed = w.clone()
            mixed[layers] = other[layers]
            yield mixed


def _side(generator: Generator, count: int) -> int:
    """Return the resolution of ``count`` images in a grid, px."""
    return max(1, min(generator.resolution, math.isqrt(LARGEST // count)))


def interpolate(
    generator: Generator, seeds: Sequence[int], frames: int = 24, options: SamplingOptions = STANDARD
) -> Iterator[np.ndarray]:
    """Yield the frames of a smooth closed path in w through the seeds, uint8 ``(R, R, 3)``.

    Args:
        frames: Number of frames from one seed to the next.

    Raises:
        UsageError: there is only one seed; else, and I2IError, see ``latents`` and ``stream``.
    """
    if len(seeds) < 2:
        raise UsageError("An animation goes from seed to seed: name at least two with --seeds, such as --seeds 0-7.")
    keys = latents(generator, seeds, options)
    path = ClosedSpline(keys.cpu().double().numpy())
    total = frames * len(seeds)
    ws = (torch.from_numpy(path(number / frames)).to(dtype=keys.dtype).to(keys.device) for number in range(total))
    return count_images(stream(generator, ws, options.batch, options.noise), total, options)
