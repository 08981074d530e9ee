"""The Fréchet distance between two sets of images (Heusel et al., "GANs Trained by a Two Time-Scale Update Rule
Converge to a Local Nash Equilibrium", 2017), on features of VGG16.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i

from .vgg16_extractor import Vgg16

LAYER = "relu4_3"
WIDTH = 512
"""Channels of that layer: the features of an image."""


class Frechet(i2i.Metric):
    """Distance between the distributions of outputs and targets, which need not be pairs nor equally many.

    The features of an image are the 512 channels of VGG16's relu4_3, averaged over the image; each set of images is
    modelled as the normal distribution with their mean and covariance. This is not FID, which uses 2,048 features of
    Inception: the values are not comparable. As with FID, the bias falls with the number of images, and is large below
    a thousand: compare only values of equally many images at one resolution.
    """

    name = "frechet"
    summary = "Fréchet distance of outputs and targets on VGG16 relu4_3 (not FID, which uses Inception)."
    better: ClassVar[Literal["lower", "higher"]] = "lower"

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights of the model ``vgg16``, or of another file with torchvision's names at ``path``.

        Raises:
            i2i.I2IError: the file is missing, cannot be read, or holds another network.
        """
        self._network = Vgg16(device, path)
        self._outputs, self._targets = Moments(WIDTH), Moments(WIDTH)

    def update(self, output: Tensor, target: Tensor) -> None:
        """Add a batch of outputs and of targets: ``(N, 3, H, W)`` float32 in [-1, 1], at least 8 x 8 pixels."""
        self.add_outputs(output)
        self.add_targets(target)

    def add_outputs(self, images: Tensor) -> None:
        """Add outputs ``(N, 3, H, W)`` float32 in [-1, 1]."""
        self._outputs.add(self._features(images))

    def add_targets(self, images: Tensor) -> None:
        """Add targets ``(N, 3, H, W)`` float32 in [-1, 1]."""
        self._targets.add(self._features(images))

    def compute(self) -> float:
        """Compute the squared distance, as for FID; NaN where an image had NaN.

        Raises:
            i2i.I2IError: there are fewer than two outputs or targets.
        """
        outputs, targets = self._outputs.count, self._targets.count
        if min(outputs, targets) < 2:
            raise i2i.I2IError(
                f"The metric {self.name} needs at least 2 images of each kind, but has seen {outputs} of the outputs "
                f"and {targets} of the targets; choose a split that holds more."
            )
        return frechet_distance(*self._outputs.normal(), *self._targets.normal())

    def _features(self, images: Tensor) -> Tensor:
        """Compute the features of images, ``(N, 512)``."""
        with torch.no_grad():
            return self._network.features(images, (LAYER,))[LAYER].mean(dim=(2, 3))


class Moments:
    """Mean and covariance of feature vectors, accumulated in float64 on the CPU."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self._sum = torch.zeros(width, dtype=torch.float64)
        self._products = torch.zeros(width, width, dtype=torch.float64)

    def add(self, rows: Tensor) -> None:
        """Add feature vectors ``(N, width)``."""
        rows = rows.cpu().double()
        self.count += len(rows)
        self._sum += rows.sum(dim=0)
        self._products += rows.T @ rows

    def normal(self) -> tuple[Tensor, Tensor]:
        """Return the mean ``(width,)`` and the unbiased covariance ``(width, width)`` of two vectors or more."""
        mean = self._sum / self.count
        return mean, (self._products - self.count * torch.outer(mean, mean)) / (self.count - 1)


def frechet_distance(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """Compute the squared Fréchet distance of two normal distributions (Dowson and Landau 1982), all float64 on the
    CPU.

    ``|m - n|^2 + tr(A) + tr(B) - 2 tr((A^1/2 B A^1/2)^1/2)``. The last trace is the sum of the singular values of
    ``A^1/2 B^1/2``, which is more accurate than roots of eigenvalues close to 0.
    """
    gap = (mean - other_mean).square().sum() + covariance.trace() + other_covariance.trace()
    if not gap.isfinite():
        return float("nan")
    cross = torch.linalg.svdvals(_root(covariance) @ _root(other_covariance)).sum()
    return max(0.0, float(gap - 2 * cross))


def _root(covariance: Tensor) -> Tensor:
    """Compute the symmetric square root of a covariance; eigenvalues at the level of rounding become 0."""
    values, vectors = torch.linalg.eigh(covariance)
    values = values.where(values > len(values) * torch.finfo(values.dtype).eps * values[-1], 0.0)
    root: Tensor = (vectors * values.sqrt()) @ vectors.T
    return root
