"""Exponential moving average (EMA) of weights, which usually gives better images than the last weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

EVERY = 10
"""Steps between updates: an average over hundreds of steps needs no more, and each reads all weights."""


class WeightAverage:
    """The moving average of a network's floating-point tensors; with ``keep`` 0 it does nothing.

    ``keep`` is the decay per step. At first it is at most ``(1 + step) / (10 + step)``, so that the average does not
    remember the initial random weights. The statistics of batch normalisation are averaged with the weights.
    """

    def __init__(self, network: nn.Module, keep: float) -> None:
        self.network, self.keep = network, keep
        self.tensors: dict[str, Tensor] = {}
        if keep:
            self.tensors = {name: tensor.detach().clone() for name, tensor in self._current().items()}

    def _current(self) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self.network.state_dict().items() if tensor.is_floating_point()}

    def update(self, step: int) -> None:
        """Move the average towards the weights after a step, counted from 1."""
        if self.keep and step % EVERY == 0:
            keep = min(self.keep, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(self.tensors.values()), list(self._current().values()), 1 - keep**EVERY)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore an average from a checkpoint."""
        for name, tensor in self.tensors.items():
            if name in tensors:
                tensor.copy_(tensors[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the network the averaged weights within a ``with`` block."""
        if not self.keep:
            yield
            return
        current = {name: tensor.clone() for name, tensor in self._current().items()}
        self._put(self.tensors)
        try:
            yield
        finally:
            self._put(current)

    def _put(self, tensors: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, tensor in self._current().items():
                tensor.copy_(tensors[name])


class WeightAverages:
    """The averages of the networks that a trainer names."""

    def __init__(self, networks: Mapping[str, nn.Module], keep: float) -> None:
        """Start the averages from the current weights of the networks to average, by name."""
        self.by_name = {name: WeightAverage(network, keep) for name, network in networks.items()}

    def update(self, step: int) -> None:
        """Move all averages towards the weights after a step."""
        for average in self.by_name.values():
            average.update(step)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give all networks their averaged weights within a ``with`` block."""
        with ExitStack() as stack:
            for average in self.by_name.values():
                stack.enter_context(average.applied())
            yield
