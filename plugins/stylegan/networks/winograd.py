"""3x3 convolutions with a quarter of the multiplications (Lavin and Gray 2016, "Fast Algorithms for Convolutional
Neural Networks"), for wide layers on a CPU, where they take half the time of a direct convolution.

Each tile of 4 x 4 results comes from 6 x 6 inputs. Both are polynomials; evaluated at six points, a convolution becomes
one product a point: 36 products in place of 144. The points 0, +-3/4, +-3/2 and infinity keep the numbers small: the
error is that of a direct convolution in float32, within a factor of two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
TILE, TAPS = 4, 3
SIDE = TILE + TAPS - 1
FEWEST_CHANNELS = 256
"""On both sides; with fewer, moving tiles costs more than the multiplications saved (measured on two cores)."""
SMALLEST = 16
"""Height and width of maps from which tiles are many enough."""
TILES_AT_A_TIME = 128
"""So many are worked on together that they stay in the cache."""


@dataclass(frozen=True)
class Winograd:
    """A 3x3 convolution that keeps the size, of maps whose sides are multiples of 4; float32, channels last."""

    forward_weight: Callable[[], Tensor]
    """Gives ``transformed(weight)``."""
    adjoint_weight: Callable[[], Tensor]
    """Gives ``transformed`` of the weight turned by half and with its sides swapped; asked for by gradients only."""

    def scaled(self, x: Tensor, styles: Tensor, scale: Tensor) -> Tensor:
        return convolve(x, self.forward_weight(), styles, scale)

    def adjoint(self, grad: Tensor, scale: Tensor) -> Tensor:
        return convolve(grad, self.adjoint_weight(), scale, None)


def suits(x: Tensor, weight: Tensor) -> bool:
    """Whether maps ``(N, I, H, W)`` and ``weight (O, I, 3, 3)`` are of the kind that gains."""
    height, width = x.shape[2:]
    large = min(height, width) >= SMALLEST and height % TILE == width % TILE == 0
    plain = x.device.type == "cpu" and x.dtype == torch.float32 and x.is_contiguous(memory_format=torch.channels_last)
    return plain and large and min(weight.shape[:2]) >= FEWEST_CHANNELS


@cache
def matrices() -> tuple[Tensor, Tensor, Tensor]:
    """For both directions at once: of the results ``(16, 36)``, the taps ``(36, 9)`` and the inputs ``(36, 36)``."""
    powers = np.vander([*POINTS, 0.0], SIDE, increasing=True)
    powers[-1] = np.eye(SIDE)[-1]  # the point at infinity
    results, taps = powers[:, :TILE].copy(), powers[:, :TAPS].copy()
    results[-1], taps[-1] = np.eye(TILE)[-1], np.eye(TAPS)[-1]
    inputs = np.linalg.inv(powers).T
    factors = 2.0 ** np.round(np.log2(np.abs(inputs).max(axis=1, keepdims=True)))  # powers of two cost no digit
    pairs = (results.T, taps * factors, inputs / factors)
    first, second, third = (torch.from_numpy(np.kron(each, each)) for each in pairs)
    return first.float(), second, third.float()


def transformed(weight: Tensor) -> Tensor:
    """``(O, I, 3, 3)`` -> ``(36, I, O)`` float32."""
    outs, ins = weight.shape[:2]
    columns = weight.permute(2, 3, 1, 0).reshape(TAPS * TAPS, ins * outs)
    return (matrices()[1] @ columns.double()).float().view(SIDE * SIDE, ins, outs)


def convolve(x: Tensor, weight: Tensor, before: Tensor, after: Tensor | None) -> Tensor:
    """``convolution(x * before) * after``.

    Args:
        x: ``(N, I, H, W)`` channels last.
        weight: Of ``transformed``.
        before: ``(N, I)``.
        after: ``(N, O)``, or None for ones.
    """
    n, ins, height, width = x.shape
    outs = weight.shape[2]
    down, across = height // TILE, width // TILE
    padded = x.new_zeros(n, height + 2, width + 2, ins)
    torch.mul(x.permute(0, 2, 3, 1), before[:, None, None], out=padded[:, 1:-1, 1:-1])
    y = torch.empty_like(x[:, :1].expand(n, outs, height, width), memory_format=torch.channels_last)
    places = y.permute(0, 2, 3, 1).view(n, down, TILE, across, TILE, outs)
    rows = max(1, TILES_AT_A_TIME // across)
    for image in range(n):
        for first in range(0, down, rows):
            tiles = _results(padded[image], weight, first, min(rows, down - first), across)
            place = places[image, first : first + rows]
            place.copy_(tiles) if after is None else torch.mul(tiles, after[image], out=place)
    return y


def _results(padded: Tensor, weight: Tensor, first: int, rows: int, across: int) -> Tensor:
    """Some rows of tiles of one padded map ``(H + 2, W + 2, I)``: ``(rows, 4, across, 4, O)``."""
    results, _, inputs = matrices()
    _, ins, outs = weight.shape
    line, pixel, channel = padded.stride()
    tiles = padded.as_strided(
        (SIDE, SIDE, rows, across, ins),
        (line, pixel, TILE * line, TILE * pixel, channel),
        padded.storage_offset() + first * TILE * line,
    )
    seen = (inputs @ tiles.reshape(SIDE * SIDE, -1)).view(SIDE * SIDE, rows * across, ins)
    made = results @ torch.bmm(seen, weight).view(SIDE * SIDE, -1)
    return made.view(TILE, TILE, rows, across, outs).permute(2, 0, 3, 1, 4)
