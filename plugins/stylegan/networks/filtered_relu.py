"""StyleGAN3's nonlinearity: upsample, leaky ReLU, clamp, downsample (Karras et al. 2021, section 3.2, appendix D).

Along one axis, padding, zero-insertion, filtering and cropping are together one banded matrix, the same all along the
band. So the axis is split into overlapping windows, and one dense block multiplies all of them: matrix products are so
much faster than depthwise convolutions with few taps that multiplying zeros does not matter. The upsampled feature map,
four or sixteen times as large as the input, exists only for some channels and rows at a time, and is recomputed in the
backward pass.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .equalised_layers import GAIN, SLOPE

LANES = 16
"""Channels that a depthwise convolution on a CPU processes at once; other numbers take several times as long."""


class BandedMatrix:
    """The matrix of ``taps[row * row_step - column * column_step + start]``, zero beyond the taps, along one axis.

    Missing columns count as zeros, and any range of rows can be computed.

    Args:
        taps: ``(T,)`` float64 on the CPU.
        like: A tensor of the type and device of the matrix.
    """

    def __init__(self, taps: Tensor, row_step: int, column_step: int, start: int, like: Tensor) -> None:
        self.taps, self.row_step, self.column_step, self.start = taps, row_step, column_step, start
        self.height = 64 if column_step >= row_step else 32  # fastest on a CPU: larger blocks contain more zeros
        self.height = math.ceil(self.height / column_step) * column_step
        self.step = self.height * row_step // column_step  # from the first column of a block to that of the next
        self.before = (len(taps) - 1 - start) // column_step  # columns a block needs before its own
        self.length = ((self.height - 1) * row_step + start) // column_step + self.before + 1
        column = torch.arange(self.length) - self.before
        tap = torch.arange(self.height).unsqueeze(1) * row_step - column * column_step + start
        inside = (tap >= 0) & (tap < len(taps))
        self.block = torch.where(inside, taps[tap.clamp(0, len(taps) - 1)], 0.0).to(like)

    @property
    def transposed(self) -> BandedMatrix:
        """The matrix with rows and columns swapped."""
        start = len(self.taps) - 1 - self.start
        return BandedMatrix(self.taps.flip(0), self.column_step, self.row_step, start, self.block)

    def columns_for(self, rows: slice) -> slice:
        """Return the columns that a range of rows depends on; the first may be negative."""
        first = (rows.start * self.row_step + self.start - len(self.taps)) // self.column_step + 1
        return slice(first, ((rows.stop - 1) * self.row_step + self.start) // self.column_step + 1)

    def margins(self, rows: int, columns: int) -> tuple[int, int]:
        """Return the zeros to pad before and after ``columns`` for the windows of the first ``rows`` rows.

        A negative number means columns that are not needed.
        """
        last = (math.ceil(rows / self.height) - 1) * self.step + self.length - self.before
        return self.before, last - columns

    def along_height(self, x: Tensor, first: int, rows: slice, margins: tuple[int, int] = (0, 0)) -> Tensor:
        """Multiply along the height: ``(C, H, W)`` with columns from ``first`` on -> ``(C, rows, W)``, padded with
        zeros.

        ``rows.start * row_step`` must be a multiple of ``column_step``.
        """
        left, right = max(margins[0], 0), max(margins[1], 0)
        x = x[:, :, max(-margins[0], 0) : x.shape[2] + min(margins[1], 0)]
        y = x.new_empty(len(x), rows.stop - rows.start, left + x.shape[2] + right)
        y[:, :, :left] = 0
        y[:, :, left + x.shape[2] :] = 0
        inside = y[:, :, left : left + x.shape[2]]
        for top in range(0, y.shape[1], self.height):
            start = (rows.start + top) * self.row_step // self.column_step - self.before - first
            given = slice(max(start, 0), max(min(start + self.length, x.shape[1]), 0))
            part = inside[:, top : top + self.height]
            block = self.block[: part.shape[1], given.start - start : given.stop - start].expand(len(x), -1, -1)
            if x.device.type == "cpu":
                torch.bmm(block, x[:, given], out=part)
            else:
                part.copy_(torch.bmm(block, x[:, given]))  # not every device can write into a slice
        return y

    def along_width(self, x: Tensor) -> Tensor:
        """Multiply along the width: ``(C, H, columns)`` with margins -> ``(C, H, rows)``, in whole blocks."""
        windows = x.unfold(2, self.length, self.step).reshape(-1, self.length)
        return (windows @ self.block.T).view(*x.shape[:2], -1)


class Strip(NamedTuple):
    """Corresponding rows of the output, of the upsampled feature map and of the input."""

    output: slice
    wide: slice
    input: slice


class ResamplingMatrices:
    """Upsampling and downsampling of square feature maps of one size as banded matrices, strip by strip.

    Args:
        taps_up: The filter that follows zero-insertion, ``(T,)``.
        taps_down: The filter before decimation, ``(T,)`` or, radial, ``(T, T)``.
        up: Upsampling factor.
        down: Downsampling factor.
        before: Height and width of the input.
        after: Height and width of the output, which has the same centre as the input.
        like: A tensor of the type and device of the matrices.
        max_values: Largest number of values of the upsampled feature map in memory; None suits the device.
        gain: Factor of the leaky ReLU; as it is positive, it is applied before.
    """

    def __init__(
        self,
        taps_up: Tensor,
        taps_down: Tensor,
        up: int,
        down: int,
        before: int,
        after: int,
        like: Tensor,
        max_values: int | None = None,
        gain: float = GAIN,
    ) -> None:
        cpu = like.device.type == "cpu"
        max_values = max_values or (2**22 if cpu else 2**27)
        taps_up, taps_down = taps_up.cpu().double() * (up * math.sqrt(gain)), taps_down.cpu().double()
        self.before, self.after, self.down = before, after, down
        self.wide = (after - 1) * down + len(taps_down)
        pad = self.wide + len(taps_up) - 1 - before * up  # negative: cropped
        self.rise = BandedMatrix(taps_up, 1, up, len(taps_up) - 1 - (pad + up) // 2, like)
        self.rise_back = self.rise.transposed
        self.kernel = self.fall = self.fall_back = None
        if taps_down.ndim == 1:
            self.fall = BandedMatrix(taps_down, down, 1, len(taps_down) - 1, like)
            self.fall_back = self.fall.transposed
        else:
            self.kernel = taps_down.flip(0, 1).to(like)  # conv2d correlates
        self.spare = self.fall.margins(after, self.wide)[1] if self.fall else 0  # columns that complete its last window
        self.channels = LANES if cpu else max(1, max_values // self.wide**2)
        rows = (max_values // (self.channels * self.wide) - len(taps_down)) // down
        rows = max(rows // up, 8) * up  # output rows of a strip; a multiple of the upsampling factor
        self.strips = []
        for top in range(0, after, rows):
            output = slice(top, min(top + rows, after))
            wide = slice(top * down, (output.stop - 1) * down + len(taps_down))
            needed = self.rise.columns_for(wide)
            self.strips.append(Strip(output, wide, slice(max(needed.start, 0), min(needed.stop, before))))

    def upsample(self, x: Tensor, strip: Strip) -> Tensor:
        """Upsample a strip: ``(C, before, before)`` -> ``(C, h, wide or more)``."""
        margins = self.rise.margins(self.wide + self.spare, self.before)
        return self.rise.along_width(self.rise.along_height(x[:, strip.input], strip.input.start, strip.wide, margins))

    def upsample_backward(self, gradient: Tensor, strip: Strip) -> Tensor:
        """Compute the gradient of the input rows of a strip: ``(C, h, wide)`` -> ``(C, rows, before)``."""
        y = self.rise_back.along_width(F.pad(gradient, self.rise_back.margins(self.before, self.wide)))
        return self.rise_back.along_height(y[:, :, : self.before], strip.wide.start, strip.input)

    def downsample(self, wide: Tensor, strip: Strip) -> Tensor:
        """Downsample a strip: ``(C, h, wide or more)`` -> ``(C, rows, after)``."""
        if self.fall is None:
            return self._radial(F.conv2d, wide[:, :, : self.wide])
        y = self.fall.along_width(wide[:, :, : self.wide + self.spare])
        return self.fall.along_height(y[:, :, : self.after], strip.wide.start, strip.output)

    def downsample_backward(self, gradient: Tensor, strip: Strip) -> Tensor:
        """Compute the gradient of an upsampled strip: ``(C, rows, after)`` -> ``(C, h, wide)``."""
        if self.fall_back is None:
            return self._radial(F.conv_transpose2d, gradient)
        margins = self.fall_back.margins(self.wide, self.after)
        y = self.fall_back.along_height(gradient, strip.output.start, strip.wide, margins)
        return self.fall_back.along_width(y)[:, :, : self.wide]

    def _radial(self, convolve: Any, x: Tensor) -> Tensor:
        assert self.kernel is not None
        rest = -len(x) % LANES if x.device.type == "cpu" else 0
        filled = F.pad(x, (0, 0, 0, 0, 0, rest)) if rest else x
        kernel = self.kernel.expand(len(filled), 1, -1, -1)
        y: Tensor = convolve(filled.unsqueeze(0), kernel, stride=self.down, groups=len(filled))
        return y[0, : len(x)]


class _FilteredReLU(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, matrices: ResamplingMatrices, slope: float, clamp: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.settings = matrices, slope, clamp
        maps = x.reshape(-1, *x.shape[2:])
        y = x.new_empty(len(maps), matrices.after, matrices.after)
        for first in range(0, len(maps), matrices.channels):
            group = slice(first, first + matrices.channels)
            for strip in matrices.strips:
                wide = F.leaky_relu_(matrices.upsample(maps[group], strip), slope).clamp_(-clamp, clamp)
                y[group, strip.output] = matrices.downsample(wide, strip)
        return y.view(*x.shape[:2], *y.shape[1:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        matrices, slope, clamp = ctx.settings
        maps, gradients = x.reshape(-1, *x.shape[2:]), gradient.reshape(-1, *gradient.shape[2:])
        to_maps = torch.zeros_like(maps)
        for first in range(0, len(maps), matrices.channels):
            group = slice(first, first + matrices.channels)
            for strip in matrices.strips:
                wide = matrices.upsample(maps[group], strip)[:, :, : matrices.wide]
                to_wide = matrices.downsample_backward(gradients[group, strip.output], strip)
                to_wide = torch.ops.aten.leaky_relu_backward(to_wide, wide, slope, False)
                to_wide = torch.ops.aten.hardtanh_backward(to_wide, wide, -clamp / slope, clamp)
                to_maps[group, strip.input] += matrices.upsample_backward(to_wide, strip)
        return to_maps.view_as(x), None, None, None


def filtered_relu(x: Tensor, matrices: ResamplingMatrices, slope: float = SLOPE, clamp: float | None = 256.0) -> Tensor:
    """Upsample, apply leaky ReLU and clamp, downsample: ``(N, C, before, before)`` -> ``(N, C, after, after)``.

    Differentiable once, with respect to ``x``.
    """
    y: Tensor = _FilteredReLU.apply(x, matrices, slope, math.inf if clamp is None else clamp)
    return y
