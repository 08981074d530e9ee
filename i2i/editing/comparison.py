"""Comparison of images: the metrics by which reconstructions and edits are judged."""

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
    """Compares batches of images; a metric whose extractor cannot be opened is left out, with one note."""

    def __init__(self, registry: Registry, device: Device, extractors: Extractors, note: Callable[[str], None]) -> None:
        self.registry, self.device, self.extractors, self.note = registry, device, extractors, note
        self._missing: set[str] = set()

    def __call__(self, pictures: Tensor, others: Tensor) -> list[dict[str, float]]:
        """For each pair ``psnr`` (dB), ``ssim``, ``lpips`` and ``identity`` (cosine, -1 to 1), as far as they go.

        Args:
            pictures, others: ``(N, 3, H, W)`` in [-1, 1]; what is beyond is cut off first.
        """
        with torch.no_grad():
            pictures, others = (each.detach().float().clamp(-1, 1).to(self.device) for each in (pictures, others))
            declared = self.registry.values("metric", "default_for")
            metrics = [name for name, commands in declared.items() if "edit" in (commands or ())]
            columns = {name: self._by_metric(name, pictures, others) for name in metrics}
            columns[self._name("perceptual")] = self._by(("perceptual",), self._distance, pictures, others)
            if self.extractors.knows("identity"):
                measured = self._by(("identity", "landmarks"), self._same_person, pictures, others)
                columns[self._name("identity")] = measured
        return [{name: values[index] for name, values in columns.items() if values} for index in range(len(pictures))]

    def _name(self, role: str) -> str:
        """Return the name under which the extractor of a role is reported."""
        try:
            chosen = choose(role, self.registry, self.extractors.names.get(role), self.extractors.domain)
            return str(chosen.get("measure") or role)
        except I2IError:  # there is none, or it cannot be imported, so nothing is measured
            return role

    def _by_metric(self, name: str, pictures: Tensor, others: Tensor) -> list[float]:
        try:
            meter: Metric = build_plugin(self.registry, "metric", name, self.device)
            meter.update(pictures, others)
            return [float(value) for value in meter.per_picture]
        except (I2IError, ValueError):  # pictures that are too small for it
            return []

    def _by(
        self,
        roles: tuple[str, ...],
        measure: Callable[[Tensor, Tensor], list[float]],
        pictures: Tensor,
        others: Tensor,
    ) -> list[float]:
        if self._missing & set(roles):
            return []
        try:
            return measure(pictures, others)
        except I2IError as error:
            self._missing.update(roles)
            self.note(f"The {roles[0]} measure is left out: {str(error)[:1].lower()}{str(error)[1:]}")
            return []

    def _distance(self, pictures: Tensor, others: Tensor) -> list[float]:
        distances: list[float] = self.extractors["perceptual"].distance(pictures, others).tolist()
        return distances

    def _same_person(self, pictures: Tensor, others: Tensor) -> list[float]:
        identity, landmarks = self.extractors["identity"], self.extractors["landmarks"]
        one, other = (identity(identity.align(each, landmarks(each))) for each in (pictures, others))
        cosines: list[float] = (one * other).sum(dim=1).tolist()
        return cosines
