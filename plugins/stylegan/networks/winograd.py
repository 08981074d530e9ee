"""3x3 convolutions with a quarter of the multiplications (Lavin and Gray 2016, "Fast Algorithms for Convolutional
Neural Networks"), for wide layers on a CPU, where the widest take half the time of a direct convolution.

Each tile of 4 x 4 results comes from 6 x 6 inputs. Both are polynomials; evaluated at six points, a convolution becomes
one product a point: 36 products in place of 144. The points 0, +-2/3, +-3/2 and infinity keep the numbers small: the
error is that of a direct convolution in float32, within a factor of two. They are also each other's reciprocals, where
a polynomial has the values, but for a factor, of that with its coefficients in reverse. So the weights that draw serve
gradients as well, whose convolution is with the taps in reverse: four times the memory of the taps, not eight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch
from torch import Tensor

POINTS = (0.0, 2 / 3, -2 / 3, 3 / 2, -3 / 2)
RECIPROCALS = [5, 3, 4, 1, 2, 0]
"""Where each point's reciprocal stands; infinity is the sixth."""
TILE, TAPS = 4, 3
SIDE = TILE + TAPS - 1
FEWEST_CHANNELS = 128
"""Fewest input and output channels; with fewer, moving tiles costs more than it saves (measured on two cores)."""
MAX_TRANSPOSED = 256
"""Largest number of channels for which weights are stored in both orders, for forward and backward passes."""
SMALLEST = 16
"""Smallest height and width of feature maps for which there are enough tiles."""
TILES_AT_A_TIME = 64
"""Tiles that are processed together, so that they stay in the CPU's cache."""
CHANNELS_AT_A_TIME = 32
"""Channels of weights that are transformed together, in float64; all at once would take three times the memory."""


@dataclass(frozen=True)
class WinogradConvolution:
    """A 3x3 convolution that keeps height and width, multiples of 4; float32, channels last."""

    weight: Tensor
    """The result of ``transformed``."""

    def scaled(self, x: Tensor, styles: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        return convolve(x, self.weight, styles, scale, bias)

    def adjoint(self, grad: Tensor, scale: Tensor, styles: Tensor | None) -> Tensor:
        return convolve(grad, self._transposed_weight, scale, styles, reverse=True)

    @cached_property
    def _transposed_weight(self) -> Tensor:
        """The weight for the backward pass, in the memory order that is faster there."""
        transposed = self.weight.transpose(1, 2)
        return transposed.contiguous() if max(transposed.shape[1:]) <= MAX_TRANSPOSED else transposed


def suits(x: Tensor, weight: Tensor) -> bool:
    """Return whether the algorithm is faster for feature maps ``(N, I, H, W)`` and ``weight (O, I, 3, 3)``."""
    height, width = x.shape[2:]
    large = min(height, width) >= SMALLEST and height % TILE == width % TILE == 0
    plain = x.device.type == "cpu" and x.dtype == torch.float32 and x.is_contiguous(memory_format=torch.channels_last)
    return plain and large and min(weight.shape[:2]) >= FEWEST_CHANNELS


@cache
def matrices(reverse: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Return the 2-D transforms of the results ``(16, 36)``, of the taps ``(36, 9)`` and of the inputs ``(36, 36)``.

    With ``reverse``, the first and the last are those for taps in reverse order, with the transform of the given taps.
    """
    powers = np.vander([*POINTS, 0.0], SIDE, increasing=True)
    powers[-1] = np.eye(SIDE)[-1]  # the point at infinity
    results, taps = powers[:, :TILE].copy(), powers[:, :TAPS].copy()
    results[-1], taps[-1] = np.eye(TILE)[-1], np.eye(TAPS)[-1]
    inputs = np.linalg.inv(powers).T
    factors = 2.0 ** np.round(np.log2(np.abs(inputs).max(axis=1, keepdims=True)))  # powers of two cost no digit
    taps, inputs = taps * factors, inputs / factors
    if reverse:
        totals = taps.sum(axis=1, keepdims=True)  # reversing changes none of them
        shares = totals / totals[RECIPROCALS]
        results, inputs = (results * shares)[RECIPROCALS], inputs[RECIPROCALS]
    first, second, third = (torch.from_numpy(np.kron(each, each)) for each in (results.T, taps, inputs))
    return first.float(), second, third.float()


def transformed(weight: Tensor) -> Tensor:
    """Transform a weight ``(O, I, 3, 3)`` to ``(36, I, O)`` float32."""
    outs, ins = weight.shape[:2]
    values, taps = weight.new_empty(SIDE * SIDE, ins, outs), matrices()[1]
    for some in torch.arange(ins).split(CHANNELS_AT_A_TIME):
        columns = weight[:, some].permute(2, 3, 1, 0).reshape(TAPS * TAPS, -1)
        values[:, some] = (taps @ columns.double()).float().view(SIDE * SIDE, -1, outs)
    return values


def convolve(
    x: Tensor,
    weight: Tensor,
    before: Tensor,
    after: Tensor | None,
    bias: Tensor | None = None,
    reverse: bool = False,
) -> Tensor:
    """Compute ``convolution(x * before) * after + bias``.

    Args:
        x: ``(N, I, H, W)`` channels last.
        weight: The result of ``transformed``, ``(36, I, O)``.
        before: ``(N, I)``.
        after: ``(N, O)``, or None for ones.
        bias: ``(O,)``, or None for zeros; only where there is an ``after``.
        reverse: Use the taps in reverse order, that is the kernel rotated by 180 degrees.
    """
    n, ins, height, width = x.shape
    outs = weight.shape[2]
    down, across = height // TILE, width // TILE
    padded = x.new_empty(n, height + 2, width + 2, ins)
    for edge in (padded[:, :: height + 1], padded[:, :, :: width + 1]):
        edge.zero_()
    torch.mul(x.permute(0, 2, 3, 1), before[:, None, None], out=padded[:, 1:-1, 1:-1])
    y = torch.empty_like(x[:, :1].expand(n, outs, height, width), memory_format=torch.channels_last)
    places = y.permute(0, 2, 3, 1).view(n, down, TILE, across, TILE, outs)
    results, _, inputs = matrices(reverse)
    rows = max(1, TILES_AT_A_TIME // across)
    for image in range(n):
        for first in range(0, down, rows):
            seen = inputs @ _tiles(padded[image], first, min(rows, down - first), across)
            made = results @ torch.bmm(seen.view(SIDE * SIDE, -1, ins), weight).view(SIDE * SIDE, -1)
            tiles = made.view(TILE, TILE, -1, across, outs).permute(2, 0, 3, 1, 4)
            place = places[image, first : first + rows]
            if after is None:
                place.copy_(tiles)
            elif bias is None:
                torch.mul(tiles, after[image], out=place)
            else:
                torch.addcmul(bias, tiles, after[image], out=place)
    return y


def _tiles(padded: Tensor, first: int, rows: int, across: int) -> Tensor:
    """Return the inputs of rows of tiles of a padded image ``(H + 2, W + 2, I)``: ``(36, rows * across * I)``."""
    line, pixel, channel = padded.stride()
    tiles = padded.as_strided(
        (SIDE, SIDE, rows, across, padded.shape[2]),
        (line, pixel, TILE * line, TILE * pixel, channel),
        padded.storage_offset() + first * TILE * line,
    )
    return tiles.reshape(SIDE * SIDE, -1)
