"""The metrics ``frechet-features`` and ``mean-iou``."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

import i2i


class FrechetOptions(i2i.Options):
    """Options of ``frechet-features``."""

    extractor: str = Field(
        "",
        description="An extractor that turns images into vectors, such as one of the role identity; "
        "empty: the colours of a small image",
    )
    size: int = Field(
        4, ge=1, le=16, description="Height and width of that small image", json_schema_extra={"unit": "px"}
    )


class FrechetFeatures(i2i.Metric):
    """The Frechet distance of two Gaussians, fitted to the features of outputs and of targets (Heusel et al. 2017).

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`` with means m and covariances C (divided by n - 1), in float64.
    """

    name = "frechet-features"
    summary = "Frechet distance of the features of outputs and targets, as FID."
    better = "lower"
    Options = FrechetOptions

    def __init__(self, device: i2i.Device, options: FrechetOptions) -> None:
        self.options = options
        self.extractor: Any = i2i.extractor(options.extractor, device) if options.extractor else None
        self.outputs: list[Tensor] = []
        self.targets: list[Tensor] = []

    def update(self, output: Tensor, target: Tensor) -> None:
        """Take in a batch: both ``(N, 3, H, W)`` in [-1, 1]."""
        self.outputs.append(self.features(output))
        self.targets.append(self.features(target))

    def features(self, images: Tensor) -> Tensor:
        """Return the features ``(N, F)`` of images."""
        if self.extractor is not None:
            found: Tensor = self.extractor(images)
            return found.detach().double()
        return F.adaptive_avg_pool2d(images, self.options.size).flatten(1).double()

    def compute(self) -> float:
        """Return the distance.

        Raises:
            I2IError: there are fewer than two images, which have no covariance.
        """
        if sum(map(len, self.outputs)) < 2:
            raise i2i.I2IError(f"The metric {self.name} needs 2 images or more; choose a split that holds them.")
        return frechet_distance(torch.cat(self.outputs), torch.cat(self.targets))


def frechet_distance(features: Tensor, others: Tensor) -> float:
    """Return the squared Frechet distance of Gaussians that are fitted to ``(N, F)`` and ``(M, F)``."""
    difference = features.mean(dim=0) - others.mean(dim=0)
    one, other = covariance(features), covariance(others)
    # tr((C1 C2)^(1/2)) is the sum of the singular values of C1^(1/2) C2^(1/2).
    cross = torch.linalg.svdvals(square_root(one) @ square_root(other)).sum()
    return max(0.0, float(difference.square().sum() + one.trace() + other.trace() - 2 * cross))


def covariance(features: Tensor) -> Tensor:
    """Return the covariance ``(F, F)`` of ``(N, F)``, divided by N - 1."""
    centred = features - features.mean(dim=0)
    return centred.T @ centred / (len(features) - 1)


def square_root(matrix: Tensor) -> Tensor:
    """Return the square root of a positive semi-definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors * values.clamp_min(0).sqrt() @ vectors.T
    return root


class MeanIoUOptions(i2i.Options):
    """Options of ``mean-iou``."""

    palette: tuple[tuple[int, int, int], ...] = Field(
        (), description="RGB colour of each class, 0 to 255: a pixel is of the nearest; empty: use the extractor"
    )
    extractor: str = Field("segmentation", description="A role or an extractor that finds the classes of photos")


class MeanIoU(i2i.Metric):
    """Intersection over union of each class that occurs, over all images together, and the mean of these.

    Images that show label maps are read by ``palette``. Classes of photos are found by a segmentation extractor, which
    tells how well a photo that was made from a label map shows what it should (the FCN score of pix2pix).
    """

    name = "mean-iou"
    summary = "Mean intersection over union of the classes in outputs and targets."
    better = "higher"
    Options = MeanIoUOptions

    def __init__(self, device: i2i.Device, options: MeanIoUOptions) -> None:
        self.palette = torch.tensor(options.palette, device=device) / 127.5 - 1 if options.palette else None
        extractor: Any = None if options.palette else i2i.extractor(options.extractor, device)
        classes = len(options.palette or extractor.classes)
        self.extractor = extractor
        self.confusion = torch.zeros(classes, classes, dtype=torch.int64)
        """Pixels by their class in the output (rows) and in the target (columns)."""

    def update(self, output: Tensor, target: Tensor) -> None:
        """Take in a batch: both ``(N, 3, H, W)`` in [-1, 1]."""
        count = len(self.confusion)
        pairs = self.labels(output) * count + self.labels(target)
        self.confusion += pairs.flatten().bincount(minlength=count**2).view(count, count).cpu()

    def labels(self, images: Tensor) -> Tensor:
        """Return the class of each pixel, int64 ``(N, H, W)``."""
        if self.palette is None:
            found: Tensor = self.extractor(images).argmax(dim=1)
            return found
        distances = (images[:, None] - self.palette[None, :, :, None, None]).square().sum(dim=2)  # (N, classes, H, W)
        return distances.argmin(dim=1)

    def compute(self) -> float:
        """Return the mean over the classes that occur in an output or a target, from 0 to 1.

        Raises:
            I2IError: there are no images.
        """
        both = self.confusion.diagonal()
        union = self.confusion.sum(dim=0) + self.confusion.sum(dim=1) - both
        if not union.any():
            raise i2i.I2IError(f"The metric {self.name} has seen no images; choose a split that holds some.")
        return float((both[union > 0] / union[union > 0]).mean())
