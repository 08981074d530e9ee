"""The mean and standard deviation of w: from the weights, or estimated once and cached in the user's directory."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from i2i.toolkit.files import user_directory, write_json
from i2i.toolkit.locks import file_lock

from .networks.mapping import MappingNetwork

SAMPLES, SEED, BATCH = 10_000, 123, 500
"""The numbers of StyleGAN2's projector (Karras et al. 2020, appendix D)."""


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
        rng = np.random.RandomState(SEED)
        device = self.mapping.w_avg.device
        known = self.mapping.w_avg if self.mapping.w_avg.isfinite().all() else None
        samples = []
        for _ in range(SAMPLES // BATCH):
            z = torch.from_numpy(rng.randn(BATCH, self.mapping.z_dim)).float().to(device)
            c = None
            if self.mapping.c_dim:
                classes = torch.from_numpy(rng.randint(self.mapping.c_dim, size=BATCH)).to(device)
                c = torch.nn.functional.one_hot(classes, self.mapping.c_dim).float()
            with torch.no_grad():
                samples.append(self.mapping(z, c)[:, 0])
        w = torch.cat(samples)
        mean = w.mean(dim=0) if known is None else known
        deviation = (w - mean).square().sum(dim=1).mean().sqrt()
        return {"mean": mean.tolist(), "deviation": deviation.item()}

    def _fingerprint(self) -> str:
        """Return a hash of the weights, so that another network has another cache file."""
        digest = hashlib.blake2b(digest_size=16)
        for name, tensor in sorted(self.mapping.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()
