"""Layers with frozen weights: what follows from the weights is cached, and gradients of styles are fast sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

CachedT = TypeVar("CachedT")


class CachedLayer(nn.Module):
    """A layer that keeps what follows from its weights while they are frozen and unchanged."""

    def __init__(self) -> None:
        super().__init__()
        self._cache: dict[str, tuple[Any, Any]] = {}

    def cached(self, name: str, make: Callable[[], CachedT], *keys: Any) -> CachedT:
        """Return ``make()``, computed once while the weights are frozen and unchanged.

        Compiled code uses what an uncompiled pass has cached under this name, whatever its keys.

        Args:
            name: Key of the cache entry.
            keys: What the result depends on besides the weights.
        """
        if torch.compiler.is_compiling():  # versions of weights cannot be traced
            if self.trains:
                self._cache.clear()
            entry = self._cache.get(name)
            return make() if entry is None else cast("CachedT", entry[1])
        weights = self.cached_weights()
        if any(weight.requires_grad for weight in weights):
            self._cache.clear()  # a fused optimiser changes weights without a new version
            return make()
        key = (*((weight._version, weight.data_ptr(), weight.dtype) for weight in weights), *keys)
        entry = self._cache.get(name)
        if entry is None or entry[0] != key:
            with torch.inference_mode(False), torch.no_grad():  # autograd may use it later
                entry = (key, make())
            self._cache[name] = entry
        return cast("CachedT", entry[1])

    def cached_weights(self) -> tuple[nn.Parameter, ...]:
        """Return the weights that cached results depend on; a layer may override it to name fewer."""
        return tuple(self.parameters())

    @property
    def trains(self) -> bool:
        """Whether a weight that cached results depend on needs a gradient."""
        return any(weight.requires_grad for weight in self.cached_weights())

    def __getstate__(self) -> dict[str, Any]:
        """Leave the cache out of copies and pickles: it may be larger than the weights."""
        return {**super().__getstate__(), "_cache": {}}


def channel_dot(a: Tensor, b: Tensor) -> Tensor:
    """Sum ``a * b``, both ``(N, C, H, W)``, over height and width: ``(N, C)`` float32."""
    if a.device.type != "cpu" or a.dtype != torch.float32:
        return (a * b).sum(dim=(2, 3), dtype=torch.float32)
    # This sum is the gradient of the gain of a batch normalisation, which is computed without a tensor of products.
    zero, one = a.new_zeros(a.shape[1]), a.new_ones(a.shape[1])
    gain = torch.ops.aten.native_batch_norm_backward
    outputs = [False, True, False]
    pairs = zip(a.split(1), b.split(1), strict=True)
    return torch.stack([gain(x, y, None, zero, one, None, None, False, 0.0, outputs)[1] for x, y in pairs])
