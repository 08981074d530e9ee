"""Metrics."""

from __future__ import annotations

from typing import Any

import i2i

from .faults import Faulty, misbehave


class Broken(i2i.Metric):
    """Always 0.5."""

    name = "broken-metric"
    summary = "Misbehaves as its options say."
    better = "lower"

    class Options(Faulty):
        """As of all broken things."""

    def __init__(self, device: i2i.Device, options: Any) -> None:
        self.options, self.count = options, 0
        misbehave(options, "__init__", None)

    def update(self, output: Any, target: Any) -> None:
        self.count += len(output)
        misbehave(self.options, "update", None)

    def compute(self) -> Any:
        return misbehave(self.options, "compute", 0.5)

    @property
    def per_picture(self) -> Any:
        return misbehave(self.options, "per_picture", [0.5] * self.count)


class Attributes(Broken):
    """Class attributes that no contract allows."""

    name = "broken-better"
    better = "faster"  # type: ignore[assignment]
    default_for = "edit"  # type: ignore[assignment]


@i2i.hookimpl
def register_metrics(register: i2i.Register) -> None:
    """Register the metrics."""
    register(Broken)
    register(Attributes)
