"""Metrics: measures of outputs against targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.device import Device


class Metric:
    """A measure of outputs against targets, gathered batch by batch. ``Metric(device)`` starts at zero."""

    name: ClassVar[str]
    summary: ClassVar[str]
    better: ClassVar[Literal["lower", "higher"]]
    default_for: ClassVar[tuple[str, ...]] = ()
    """Where it is used without being named: ``"evaluate"`` (``i2i evaluate``), ``"edit"`` (``Scene.compare``)."""

    @property
    def per_picture(self) -> list[float]:
        """The measure of each picture, in the order taken in; empty where it has none for single pictures."""
        return []

    def __init__(self, device: Device) -> None:
        raise TypeError(f"{type(self).__name__} must define __init__(self, device)")

    def update(self, output: Tensor, target: Tensor) -> None:
        """Take in a batch: both ``(N, 3, H, W)`` float32 in [-1, 1]."""
        raise TypeError(f"{type(self).__name__} must define update(self, output, target)")

    def compute(self) -> float:
        """The measure over everything taken in."""
        raise TypeError(f"{type(self).__name__} must define compute(self)")
