"""Comparison of images: the metrics of reconstructions and edits, which ``Scene.compare`` returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from ..api.errors import I2IError
from ..assets.extractors import choose
from ..guards import build_plugin
from .extractors import Extractors

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.device import Device
    from ..api.metric import Metric
    from ..registry import Registry


class ImageComparison:
    """Compare batches of images; a metric whose extractor cannot be opened is omitted, with one note."""

    def __init__(self, registry: Registry, device: Device, extractors: Extractors, note: Callable[[str], None]) -> None:
        self.registry, self.device, self.extractors, self.note = registry, device, extractors, note
        self._missing: set[str] = set()

    def __call__(self, images: Tensor, references: Tensor) -> list[dict[str, float]]:
        """Return for each pair ``psnr`` (dB), ``ssim``, ``lpips`` and ``identity`` (cosine, -1 to 1), where available.

        Args:
            images, references: ``(N, 3, H, W)`` in [-1, 1]; values outside are clamped.
        """
        with torch.no_grad():
            images, references = (batch.detach().float().clamp(-1, 1).to(self.device) for batch in (images, references))
            declared = self.registry.values("metric", "default_for")
            metrics = [name for name, commands in declared.items() if "edit" in (commands or ())]
            columns = {name: self._metric_values(name, images, references) for name in metrics}
            distances = self._extractor_values(("perceptual",), self._distance, images, references)
            columns[self._name("perceptual")] = distances
            if self.extractors.knows("identity"):
                roles = ("identity", "landmarks")
                similarities = self._extractor_values(roles, self._identity_similarity, images, references)
                columns[self._name("identity")] = similarities
        return [{name: values[index] for name, values in columns.items() if values} for index in range(len(images))]

    def _name(self, role: str) -> str:
        """Return the name under which the extractor of a role is reported."""
        try:
            chosen = choose(role, self.registry, self.extractors.names.get(role), self.extractors.domain)
            return str(chosen.get("measure") or role)
        except I2IError:  # no such extractor, or its import failed: nothing is measured
            return role

    def _metric_values(self, name: str, images: Tensor, references: Tensor) -> list[float]:
        try:
            meter: Metric = build_plugin(self.registry, "metric", name, self.device)
            meter.update(images, references)
            return [float(value) for value in meter.per_picture]
        except (I2IError, ValueError):  # the images are too small for this metric
            return []

    def _extractor_values(
        self,
        roles: tuple[str, ...],
        measure: Callable[[Tensor, Tensor], list[float]],
        images: Tensor,
        references: Tensor,
    ) -> list[float]:
        if self._missing & set(roles):
            return []
        try:
            return measure(images, references)
        except I2IError as error:
            self._missing.update(roles)
            self.note(f"The {roles[0]} metric is omitted: {str(error)[:1].lower()}{str(error)[1:]}")
            return []

    def _distance(self, images: Tensor, references: Tensor) -> list[float]:
        distances: list[float] = self.extractors["perceptual"].distance(images, references).tolist()
        return distances

    def _identity_similarity(self, images: Tensor, references: Tensor) -> list[float]:
        identity, landmarks = self.extractors["identity"], self.extractors["landmarks"]
        first, second = (identity(identity.align(batch, landmarks(batch))) for batch in (images, references))
        cosines: list[float] = (first * second).sum(dim=1).tolist()
        return cosines
