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
"""Channels of that layer: the numbers that stand for an image."""


class Frechet(i2i.Metric):
    """How far apart two sets of images lie as sets: neither needs a partner for each image, nor as many images.

    An image becomes the 512 channels of VGG16's relu4_3, each averaged over the image; a set becomes the normal
    distribution with the mean and the covariance of those. This is not FID, which takes 2,048 features of Inception:
    figures of the one say nothing about the other. Like FID it falls as the sets grow, and steeply below a thousand
    images: compare only figures of sets of one size, at one resolution.
    """

    name = "frechet"
    summary = "Fréchet distance of the sets on VGG16 relu4_3 (not FID, which takes Inception's features)."
    better: ClassVar[Literal["lower", "higher"]] = "lower"

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights of the model ``vgg16``, or of another file with torchvision's names at ``path``.

        Raises:
            i2i.I2IError: the file is missing, cannot be read, or holds another network.
        """
        self._network = Vgg16(device, path)
        self._outputs, self._targets = Moments(WIDTH), Moments(WIDTH)

    def update(self, output: Tensor, target: Tensor) -> None:
        """Take in a batch of each: ``(N, 3, H, W)`` float32 in [-1, 1], of at least 8 x 8 pixels."""
        self.add_outputs(output)
        self.add_targets(target)

    def add_outputs(self, images: Tensor) -> None:
        """Take in images ``(N, 3, H, W)`` float32 in [-1, 1] of the one set."""
        self._outputs.add(self._describe(images))

    def add_targets(self, images: Tensor) -> None:
        """Take in images ``(N, 3, H, W)`` float32 in [-1, 1] of the other set."""
        self._targets.add(self._describe(images))

    def compute(self) -> float:
        """The squared distance, as FID is given; nan where an image held nan.

        Raises:
            i2i.I2IError: there are fewer than two images of a kind, which have no covariance.
        """
        outputs, targets = self._outputs.count, self._targets.count
        if min(outputs, targets) < 2:
            raise i2i.I2IError(
                f"The metric {self.name} needs at least 2 images of each kind, but has seen {outputs} of the outputs "
                f"and {targets} of the targets; choose a split that holds more."
            )
        return frechet_distance(*self._outputs.normal(), *self._targets.normal())

    def _describe(self, images: Tensor) -> Tensor:
        """Images -> ``(N, 512)``."""
        with torch.no_grad():
            return self._network.features(images, (LAYER,))[LAYER].mean(dim=(2, 3))


class Moments:
    """The mean and covariance of rows that come batch by batch, summed in float64 on the CPU."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self._sum = torch.zeros(width, dtype=torch.float64)
        self._products = torch.zeros(width, width, dtype=torch.float64)

    def add(self, rows: Tensor) -> None:
        """Take in rows ``(N, width)``."""
        rows = rows.cpu().double()
        self.count += len(rows)
        self._sum += rows.sum(dim=0)
        self._products += rows.T @ rows

    def normal(self) -> tuple[Tensor, Tensor]:
        """The mean ``(width,)`` and the unbiased covariance ``(width, width)`` of two rows or more."""
        mean = self._sum / self.count
        return mean, (self._products - self.count * torch.outer(mean, mean)) / (self.count - 1)


def frechet_distance(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """The squared Fréchet distance of two normal distributions (Dowson and Landau 1982), all float64 on the CPU.

    ``|m - n|^2 + tr(A) + tr(B) - 2 tr((A^1/2 B A^1/2)^1/2)``. The last trace is the sum of the singular values of
    ``A^1/2 B^1/2``, which holds more digits than roots of eigenvalues that should be 0 but for rounding.
    """
    gap = (mean - other_mean).square().sum() + covariance.trace() + other_covariance.trace()
    if not gap.isfinite():
        return float("nan")
    shared = torch.linalg.svdvals(_root(covariance) @ _root(other_covariance)).sum()
    return max(0.0, float(gap - 2 * shared))


def _root(covariance: Tensor) -> Tensor:
    """The symmetric root of a covariance; what rounding left of variances that are 0 becomes 0."""
    values, vectors = torch.linalg.eigh(covariance)
    values = values.where(values > len(values) * torch.finfo(values.dtype).eps * values[-1], 0.0)
    root: Tensor = (vectors * values.sqrt()) @ vectors.T
    return root
