"""A base class of metrics that score each image by itself."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from ..api.errors import I2IError
from ..api.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.device import Device


class MeanOverImages(Metric):
    """The mean of the scores of all images; a subclass defines ``score``. The result does not depend on the batches."""

    def __init__(self, device: Device) -> None:
        self.scores: list[Tensor] = []
        """Scores ``(N,)`` of each batch."""

    @abstractmethod
    def score(self, output: Tensor, target: Tensor) -> Tensor:
        """Compute the scores ``(N,)`` of images ``(N, 3, H, W)`` float32 in [-1, 1]."""

    def update(self, output: Tensor, target: Tensor) -> None:
        """Score a batch: both ``(N, 3, H, W)`` float32 in [-1, 1].

        Raises:
            ValueError: the shapes differ, or are not those of a batch of images.
        """
        if output.shape != target.shape or output.ndim != 4:
            raise ValueError(f"{self.name} compares (N, 3, H, W) with the same, got {output.shape} and {target.shape}")
        # Scores stay on the device until compute(): reading them after each batch would synchronise.
        self.scores.append(self.score(output.detach().float(), target.detach().float()))

    @property
    def per_picture(self) -> list[float]:
        """One score for each image, in the order of the batches."""
        return [value for batch in self.scores for value in batch.tolist()]

    def compute(self) -> float:
        """Compute the mean over images, summed in float64.

        Raises:
            I2IError: no image was scored.
        """
        scores = self.per_picture
        if not scores:
            raise I2IError(f"The metric {self.name} has seen no images; choose a split that holds some.")
        return sum(scores) / len(scores)
