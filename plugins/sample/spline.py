"""A smooth closed curve through key points, for animations that end at their first frame."""

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
        """Solve for the second derivatives at ``keys (K, ...)``; a key has any shape, and there is at least one.

        Raises:
            ValueError: there are no keys.
        """
        self.keys = np.asarray(keys, np.float64)
        if not len(self.keys):
            raise ValueError("a spline needs keys")
        curvature = 6 * (np.roll(self.keys, 1, axis=0) - 2 * self.keys + np.roll(self.keys, -1, axis=0))
        spectrum = np.fft.rfft(curvature, axis=0)
        gain = 4 + 2 * np.cos(2 * np.pi * np.arange(len(spectrum)) / len(self.keys))
        spectrum /= gain.reshape(-1, *[1] * (self.keys.ndim - 1))
        self._second = np.fft.irfft(spectrum, n=len(self.keys), axis=0)

    def __call__(self, time: float) -> npt.NDArray[np.float64]:
        """Return the point at a time, of the shape of one key; times wrap around."""
        first = math.floor(time) % len(self.keys)
        second = (first + 1) % len(self.keys)
        u = time - math.floor(time)
        point = (1 - u) * self.keys[first] + u * self.keys[second]
        point += ((1 - u) ** 3 - (1 - u)) * self._second[first] / 6 + (u**3 - u) * self._second[second] / 6
        return np.asarray(point)
