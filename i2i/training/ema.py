"""An average of a network's weights over training (EMA), which usually makes better pictures than the last weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

EVERY = 10
"""Steps between updates: an average over hundreds of steps needs no more, and each reads all weights."""


class Average:
    """The running average of a network's floating-point tensors; with ``keep`` 0 it does nothing.

    ``keep`` is the share that stays at each step. Early on it is at most ``(1 + step) / (10 + step)``, so that the
    average does not remember the first random weights. Batch normalisation's statistics are averaged with the weights.
    """

    def __init__(self, network: nn.Module, keep: float) -> None:
        self.network, self.keep = network, keep
        self.tensors: dict[str, Tensor] = {}
        if keep:
            self.tensors = {name: tensor.detach().clone() for name, tensor in self._own().items()}

    def _own(self) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self.network.state_dict().items() if tensor.is_floating_point()}

    def update(self, step: int) -> None:
        """Move the average towards the weights after a step, counted from 1."""
        if self.keep and step % EVERY == 0:
            keep = min(self.keep, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(self.tensors.values()), list(self._own().values()), 1 - keep**EVERY)

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take back an average that was saved."""
        for name, tensor in self.tensors.items():
            if name in tensors:
                tensor.copy_(tensors[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within, the network has the averaged weights."""
        if not self.keep:
            yield
            return
        own = {name: tensor.clone() for name, tensor in self._own().items()}
        self._put(self.tensors)
        try:
            yield
        finally:
            self._put(own)

    def _put(self, tensors: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, tensor in self._own().items():
                tensor.copy_(tensors[name])
