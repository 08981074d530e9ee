"""Copies of a frozen generator whose synthesis has other weights or other noise: what pivotal tuning leaves behind."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

import i2i


def copy_synthesis(network: Any) -> Any:
    """The network with a synthesis of its own; the mapping stays the very same."""
    copied = copy.copy(network)
    copied._modules = {**network._modules, "synthesis": copy.deepcopy(network.synthesis)}
    return copied


@torch.no_grad()
def add(weights: Mapping[str, Tensor], changes: Mapping[str, Tensor]) -> None:
    """Add changes to weights of their names, in place.

    Raises:
        I2IError: a name is unknown, or a shape is another.
    """
    for name, change in changes.items():
        _fits(weights, name, change, "weight")
        weights[name].add_(change.to(weights[name]))


@torch.no_grad()
def replace(stored: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> None:
    """Put noise ``(1, 1, r, r)`` in the place of what is stored, ``(r, r)``.

    Raises:
        I2IError: a name is unknown, or a shape is another.
    """
    for name, plane in noise.items():
        _fits({name: own[None, None] for name, own in stored.items()}, name, plane, "noise")
        stored[name].copy_(plane[0, 0])


def _fits(there: Mapping[str, Tensor], name: str, tensor: Tensor, what: str) -> None:
    if name not in there or there[name].shape != tensor.shape:
        shape = f"of the shape {tuple(tensor.shape)}"
        raise i2i.I2IError(
            f"This generator has no {what} {name!r} {shape}; take the generator for which the latent was made."
        )
