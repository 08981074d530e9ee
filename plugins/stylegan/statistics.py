"""The mean and spread of w: read from the file where it has them, else estimated once and kept in the user's folder."""

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

from .networks.mapping import Mapping

SAMPLES, SEED, BATCH = 10_000, 123, 500
"""As the projector of StyleGAN2 estimates them (Karras et al. 2020, appendix D)."""


class Statistics:
    """Of one mapping network."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self._deviation: float | None = None

    @property
    def mean(self) -> Tensor:
        """``(w_dim,)``, on the network's device."""
        self.settle()
        return self.mapping.w_avg

    @property
    def deviation(self) -> float:
        """The root of the mean squared distance of w from the mean, over all dimensions together."""
        if self._deviation is None:
            self._deviation = float(self._kept()["deviation"])
        return self._deviation

    def settle(self) -> None:
        """Fill ``w_avg`` where the file had none."""
        if not self.mapping.w_avg.isfinite().all():
            found = self._kept()
            self.mapping.w_avg.copy_(torch.tensor(found["mean"]))
            self._deviation = float(found["deviation"])  # with the mean filled in, the fingerprint is another

    def _kept(self) -> dict[str, Any]:
        """Return the cached mean and deviation; estimate them where no other process has, or is about to."""
        file = user_directory() / "statistics" / f"{self._fingerprint()}.json"
        if (cached := self._read(file)) is not None:
            return cached
        with file_lock(file):
            if (cached := self._read(file)) is not None:
                return cached
            found = self._estimate()
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_json(file, found)
            except OSError:
                pass  # a directory that cannot be written costs the seconds again, not the answer
        return found

    def _read(self, file: Path) -> dict[str, Any] | None:
        """Read a cached result; None where there is none or it is damaged."""
        try:
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            if len(found["mean"]) == self.mapping.w_dim and math.isfinite(found["deviation"]):
                return found
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def _estimate(self) -> dict[str, Any]:
        rng = np.random.RandomState(SEED)
        device = self.mapping.w_avg.device
        known = self.mapping.w_avg if self.mapping.w_avg.isfinite().all() else None
        drawn = []
        for _ in range(SAMPLES // BATCH):
            z = torch.from_numpy(rng.randn(BATCH, self.mapping.z_dim)).float().to(device)
            c = None
            if self.mapping.c_dim:
                classes = torch.from_numpy(rng.randint(self.mapping.c_dim, size=BATCH)).to(device)
                c = torch.nn.functional.one_hot(classes, self.mapping.c_dim).float()
            with torch.no_grad():
                drawn.append(self.mapping(z, c)[:, 0])
        w = torch.cat(drawn)
        mean = w.mean(dim=0) if known is None else known
        deviation = (w - mean).square().sum(dim=1).mean().sqrt()
        return {"mean": mean.tolist(), "deviation": deviation.item()}

    def _fingerprint(self) -> str:
        """Of the weights, so that a tuned copy has statistics of its own."""
        digest = hashlib.blake2b(digest_size=16)
        for name, tensor in sorted(self.mapping.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()
