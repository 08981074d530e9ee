"""StyleGAN3's nonlinearity: upsample, leaky ReLU, clamp, downsample (Karras et al. 2021, section 3.2, appendix D).

Along one axis, padding, zero-insertion, filtering and cropping are together one banded matrix, the same all along the
band. So the axis is cut into overlapping windows, and one dense block multiplies them all: matrix products run so much
faster than depthwise convolutions with few taps that the zeros they take along do not matter. The wide map between the
filters, four or sixteen times as large as the layer's own, exists only for some channels and rows at a time, and is
computed again in the backward pass.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .layers import GAIN, SLOPE

LANES = 16
"""Channels that a CPU's depthwise convolution works on at once: fewer, or a rest, cost several times as much."""


class Band:
    """The matrix of ``taps[row * row_step - column * column_step + start]``, zero beyond the taps, along one axis.

    Columns that are not given count as zeros, and any rows can be asked for.

    Args:
        taps: ``(T,)`` float64 on the CPU.
        like: Whose type and device the matrix gets.
    """

    def __init__(self, taps: Tensor, row_step: int, column_step: int, start: int, like: Tensor) -> None:
        self.taps, self.row_step, self.column_step, self.start = taps, row_step, column_step, start
        self.height = 64 if column_step >= row_step else 32  # the fastest on a CPU: higher blocks hold more zeros
        self.height = math.ceil(self.height / column_step) * column_step
        self.step = self.height * row_step // column_step  # from the first column of a block to that of the next
        self.before = (len(taps) - 1 - start) // column_step  # columns a block needs before its own
        self.length = ((self.height - 1) * row_step + start) // column_step + self.before + 1
        column = torch.arange(self.length) - self.before
        tap = torch.arange(self.height).unsqueeze(1) * row_step - column * column_step + start
        inside = (tap >= 0) & (tap < len(taps))
        self.block = torch.where(inside, taps[tap.clamp(0, len(taps) - 1)], 0.0).to(like)

    @property
    def transposed(self) -> Band:
        """The matrix with rows and columns swapped."""
        start = len(self.taps) - 1 - self.start
        return Band(self.taps.flip(0), self.column_step, self.row_step, start, self.block)

    def needs(self, rows: slice) -> slice:
        """The columns that matter to some rows; the first may be below zero."""
        first = (rows.start * self.row_step + self.start - len(self.taps)) // self.column_step + 1
        return slice(first, ((rows.stop - 1) * self.row_step + self.start) // self.column_step + 1)

    def margins(self, rows: int, columns: int) -> tuple[int, int]:
        """The zeros that must stand before and after all ``columns`` for the windows of the first ``rows`` rows.

        Both may be below zero, as some columns may not matter.
        """
        last = (math.ceil(rows / self.height) - 1) * self.step + self.length - self.before
        return self.before, last - columns

    def along_height(self, x: Tensor, first: int, rows: slice, margins: tuple[int, int] = (0, 0)) -> Tensor:
        """``(C, H, W)``, whose rows are the columns from ``first`` on -> ``(C, rows, W)``, zeros beside it.

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
                part.copy_(torch.bmm(block, x[:, given]))  # not every device can write between other values
        return y

    def along_width(self, x: Tensor) -> Tensor:
        """``(C, H, columns)``, their margins included -> ``(C, H, rows)``, in whole blocks."""
        windows = x.unfold(2, self.length, self.step).reshape(-1, self.length)
        return (windows @ self.block.T).view(*x.shape[:2], -1)


class Strip(NamedTuple):
    """Rows of the output, of the wide map, and of the input, that belong together."""

    output: slice
    wide: slice
    input: slice


class Plan:
    """The way up and down for square maps of one size, as matrices of one type on one device, in pieces that fit.

    Args:
        taps_up: The filter that follows zero-insertion, ``(T,)``.
        taps_down: The filter before decimation, ``(T,)`` or, radial, ``(T, T)``.
        up: Zero-insertion: samples for each of the input.
        down: Decimation: samples for each of the output.
        before: Height and width of the input.
        after: Height and width of the output, which has the input's centre.
        like: Whose type and device the matrices get.
        most: Values of the wide map that may exist at once.
        gain: Follows the leaky ReLU; being positive, it may go before it.
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
        most: int | None = None,
        gain: float = GAIN,
    ) -> None:
        cpu = like.device.type == "cpu"
        most = most or (2**22 if cpu else 2**27)
        taps_up, taps_down = taps_up.cpu().double() * (up * math.sqrt(gain)), taps_down.cpu().double()
        self.before, self.after, self.down = before, after, down
        self.wide = (after - 1) * down + len(taps_down)
        pad = self.wide + len(taps_up) - 1 - before * up  # negative: cropped
        self.rise = Band(taps_up, 1, up, len(taps_up) - 1 - (pad + up) // 2, like)
        self.rise_back = self.rise.transposed
        self.kernel = self.fall = self.fall_back = None
        if taps_down.ndim == 1:
            self.fall = Band(taps_down, down, 1, len(taps_down) - 1, like)
            self.fall_back = self.fall.transposed
        else:
            self.kernel = taps_down.flip(0, 1).to(like)  # conv2d correlates
        self.spare = self.fall.margins(after, self.wide)[1] if self.fall else 0  # columns that fill its last window
        self.channels = LANES if cpu else max(1, most // self.wide**2)
        rows = (most // (self.channels * self.wide) - len(taps_down)) // down
        rows = max(rows // up, 8) * up  # of the output in a strip, which starts where the zeros do
        self.strips = []
        for top in range(0, after, rows):
            output = slice(top, min(top + rows, after))
            wide = slice(top * down, (output.stop - 1) * down + len(taps_down))
            needed = self.rise.needs(wide)
            self.strips.append(Strip(output, wide, slice(max(needed.start, 0), min(needed.stop, before))))

    def widen(self, x: Tensor, strip: Strip) -> Tensor:
        """``(C, before, before)`` -> the strip's rows of the wide map, ``(C, h, wide or more)``."""
        margins = self.rise.margins(self.wide + self.spare, self.before)
        return self.rise.along_width(self.rise.along_height(x[:, strip.input], strip.input.start, strip.wide, margins))

    def widen_back(self, gradient: Tensor, strip: Strip) -> Tensor:
        """``(C, h, wide)`` -> the gradient of the input's rows that the strip takes, ``(C, rows, before)``."""
        y = self.rise_back.along_width(F.pad(gradient, self.rise_back.margins(self.before, self.wide)))
        return self.rise_back.along_height(y[:, :, : self.before], strip.wide.start, strip.input)

    def decimate(self, wide: Tensor, strip: Strip) -> Tensor:
        """``(C, h, wide or more)`` -> the strip's rows of the output, ``(C, rows, after)``."""
        if self.fall is None:
            return self._radial(F.conv2d, wide[:, :, : self.wide])
        y = self.fall.along_width(wide[:, :, : self.wide + self.spare])
        return self.fall.along_height(y[:, :, : self.after], strip.wide.start, strip.output)

    def decimate_back(self, gradient: Tensor, strip: Strip) -> Tensor:
        """``(C, rows, after)`` -> ``(C, h, wide)``."""
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
    def forward(ctx: Any, x: Tensor, plan: Plan, slope: float, clamp: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.rest = plan, slope, clamp
        maps = x.reshape(-1, *x.shape[2:])
        y = x.new_empty(len(maps), plan.after, plan.after)
        for first in range(0, len(maps), plan.channels):
            some = slice(first, first + plan.channels)
            for strip in plan.strips:
                wide = F.leaky_relu_(plan.widen(maps[some], strip), slope).clamp_(-clamp, clamp)
                y[some, strip.output] = plan.decimate(wide, strip)
        return y.view(*x.shape[:2], *y.shape[1:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        plan, slope, clamp = ctx.rest
        maps, gradients = x.reshape(-1, *x.shape[2:]), gradient.reshape(-1, *gradient.shape[2:])
        to_maps = torch.zeros_like(maps)
        for first in range(0, len(maps), plan.channels):
            some = slice(first, first + plan.channels)
            for strip in plan.strips:
                wide = plan.widen(maps[some], strip)[:, :, : plan.wide]
                to_wide = plan.decimate_back(gradients[some, strip.output], strip)
                to_wide = torch.ops.aten.leaky_relu_backward(to_wide, wide, slope, False)
                to_wide = torch.ops.aten.hardtanh_backward(to_wide, wide, -clamp / slope, clamp)
                to_maps[some, strip.input] += plan.widen_back(to_wide, strip)
        return to_maps.view_as(x), None, None, None


def filtered_relu(x: Tensor, plan: Plan, slope: float = SLOPE, clamp: float | None = 256.0) -> Tensor:
    """``(N, C, before, before)`` -> ``(N, C, after, after)``; differentiable once, by ``x``."""
    y: Tensor = _FilteredReLU.apply(x, plan, slope, math.inf if clamp is None else clamp)
    return y
