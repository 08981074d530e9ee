"""What the metrics share: one score a picture, and their mean over pictures."""

from __future__ import annotations

from torch import Tensor

import i2i


class PictureMean(i2i.Metric):
    """A metric that scores each picture by itself, so that its value does not depend on how pictures were batched."""

    def __init__(self, device: i2i.Device) -> None:
        self.scores: list[Tensor] = []

    def score(self, output: Tensor, target: Tensor) -> Tensor:
        """Scores ``(N,)`` of pictures ``(N, 3, H, W)`` float32 in [-1, 1]."""
        raise TypeError(f"{type(self).__name__} must define score(self, output, target)")

    def update(self, output: Tensor, target: Tensor) -> None:
        """Take in a batch: both ``(N, 3, H, W)`` float32 in [-1, 1].

        Raises:
            ValueError: the two differ in shape, or are no batch of pictures.
        """
        if output.shape != target.shape or output.ndim != 4:
            raise ValueError(f"{self.name} compares (N, 3, H, W) with the same, got {output.shape} and {target.shape}")
        # Scores stay on the device until compute(): reading each batch would wait for it.
        self.scores.append(self.score(output.detach().float(), target.detach().float()))

    @property
    def per_picture(self) -> list[float]:
        """One score a picture, in the order they came."""
        return [value for batch in self.scores for value in batch.tolist()]

    def compute(self) -> float:
        """The mean over pictures, summed in float64.

        Raises:
            i2i.I2IError: nothing was taken in.
        """
        scores = self.per_picture
        if not scores:
            raise i2i.I2IError(f"The metric {self.name} has seen no pictures; choose a split that holds some.")
        return sum(scores) / len(scores)
