"""Metrics: measures of outputs against targets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from .options import Options

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.device import Device


class Metric(ABC):
    """A measure of outputs against targets, gathered batch by batch. ``Metric(device)`` starts at zero."""

    name: ClassVar[str]
    summary: ClassVar[str]
    better: ClassVar[Literal["lower", "higher"]]
    Options: ClassVar[type[Options]] = Options
    """Its options; where there are any, it is constructed as ``Metric(device, options)``."""
    default_for: ClassVar[tuple[str, ...]] = ()
    """Where it is used without being named: ``"evaluate"`` (``i2i evaluate``), ``"edit"`` (``Scene.compare``)."""

    @property
    def per_picture(self) -> list[float]:
        """The measure of each image, in the order taken in; empty where it has none for single images."""
        return []

    @abstractmethod
    def __init__(self, device: Device) -> None:
        """Start at zero; measure on ``device``."""

    @abstractmethod
    def update(self, output: Tensor, target: Tensor) -> None:
        """Take in a batch: both ``(N, 3, H, W)`` float32 in [-1, 1]; label maps are in the colours of their classes."""

    @abstractmethod
    def compute(self) -> float:
        """Return the measure over all batches."""
