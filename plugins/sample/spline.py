"""A smooth closed way through key points, for animations that end where they began."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


class ClosedSpline:
    """The periodic cubic spline through keys at the times 0, 1, ..., K - 1, and through the first again at K.

    It is the curve with continuous first and second derivatives. Its second derivatives ``m`` at the keys ``y`` obey
    ``m[i-1] + 4 m[i] + m[i+1] = 6 (y[i-1] - 2 y[i] + y[i+1])`` with indices modulo K, a circulant system, which the
    Fourier transform solves.
    """

    def __init__(self, keys: npt.NDArray[np.floating]) -> None:
        """``keys (K, ...)``: numbers of any shape, at least one."""
        self.keys = np.asarray(keys, np.float64)
        if not len(self.keys):
            raise ValueError("a spline needs keys")
        bend = 6 * (np.roll(self.keys, 1, axis=0) - 2 * self.keys + np.roll(self.keys, -1, axis=0))
        waves = np.fft.rfft(bend, axis=0)
        gain = 4 + 2 * np.cos(2 * np.pi * np.arange(len(waves)) / len(self.keys))
        waves /= gain.reshape(-1, *[1] * (self.keys.ndim - 1))
        self._second = np.fft.irfft(waves, n=len(self.keys), axis=0)

    def __call__(self, time: float) -> npt.NDArray[np.float64]:
        """The point at a time, of the shape of one key; times wrap around."""
        before = math.floor(time) % len(self.keys)
        after = (before + 1) % len(self.keys)
        u = time - math.floor(time)
        point = (1 - u) * self.keys[before] + u * self.keys[after]
        point += ((1 - u) ** 3 - (1 - u)) * self._second[before] / 6 + (u**3 - u) * self._second[after] / 6
        return np.asarray(point)
