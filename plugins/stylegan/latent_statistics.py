"""The mean and standard deviation of w: from the weights, or estimated once and cached in the user's directory."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from i2i.toolkit.files import user_directory, write_json
from i2i.toolkit.latents.style_network import deviation_from, sample_w
from i2i.toolkit.locks import file_lock

from .networks.mapping import MappingNetwork


class LatentStatistics:
    """The statistics of one mapping network's output."""

    def __init__(self, mapping: MappingNetwork) -> None:
        self.mapping = mapping
        self._deviation: float | None = None

    @property
    def mean(self) -> Tensor:
        """The mean of w, ``(w_dim,)``, on the network's device."""
        self.ensure_mean()
        return self.mapping.w_avg

    @property
    def deviation(self) -> float:
        """The root of the mean squared distance of w from the mean, over all dimensions together."""
        if self._deviation is None:
            self._deviation = float(self._cached_statistics()["deviation"])
        return self._deviation

    def ensure_mean(self) -> None:
        """Set ``w_avg`` of the network if the weights came without it."""
        if not self.mapping.w_avg.isfinite().all():
            cached = self._cached_statistics()
            self.mapping.w_avg.copy_(torch.tensor(cached["mean"]))
            self._deviation = float(cached["deviation"])  # read now, as setting the mean changes the fingerprint

    def _cached_statistics(self) -> dict[str, Any]:
        """Return the cached mean and deviation; estimate them unless another process has, or does now."""
        file = user_directory() / "statistics" / f"{self._fingerprint()}.json"
        if (cached := self._read(file)) is not None:
            return cached
        with file_lock(file):
            if (cached := self._read(file)) is not None:
                return cached
            estimate = self._estimate()
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_json(file, estimate)
            except OSError:
                pass  # without a writable cache, the next process estimates again
        return estimate

    def _read(self, file: Path) -> dict[str, Any] | None:
        """Read a cached result; None where there is none or it is damaged."""
        try:
            cached: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            if len(cached["mean"]) == self.mapping.w_dim and math.isfinite(cached["deviation"]):
                return cached
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def _estimate(self) -> dict[str, Any]:
        """Estimate the mean, unless it is known, and the deviation from 10,000 random z."""
        known = self.mapping.w_avg
        w = sample_w(self.mapping, known)
        mean = known if known.isfinite().all() else w.mean(dim=0)
        return {"mean": mean.tolist(), "deviation": deviation_from(w, mean).item()}

    def _fingerprint(self) -> str:
        """Return a hash of the weights, so that another network has another cache file."""
        digest = hashlib.blake2b(digest_size=16)
        for name, tensor in sorted(self.mapping.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()
