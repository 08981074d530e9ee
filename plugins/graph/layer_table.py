"""The layer table of a network: layers in execution order with shapes, parameters and multiply-accumulates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase


@dataclass(frozen=True)
class LayerCall:
    """One call of one layer."""

    name: str
    kind: str
    shape: tuple[int, ...]
    """Shape of the output, ``(N, C, H, W)``."""
    parameters: int
    """Number of its own parameters; 0 at a second call."""
    macs: int
    """Multiply-accumulate operations; one is two floating-point operations."""


def layers_of(network: nn.Module, x: Tensor) -> list[LayerCall]:
    """Run a network on ``x (N, C, H, W)`` and return the calls of its layers, in order, with their work.

    A layer is a module without children, or one that holds parameters itself. Counted: convolutions, transposed
    convolutions, linear layers (their additions of a bias left out, as is usual) and normalisations (scale and shift:
    one operation an element). Activations and dropout count nothing.
    """
    rows: list[LayerCall] = []
    seen: set[str] = set()

    def record(name: str, layer: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        if not isinstance(output, torch.Tensor):
            return
        own = 0 if name in seen else sum(parameter.numel() for parameter in layer.parameters(recurse=False))
        seen.add(name)
        rows.append(
            LayerCall(name or "(whole)", type(layer).__name__, tuple(output.shape), own, macs(layer, given[0], output))
        )

    handles = [
        layer.register_forward_hook(lambda layer, given, output, name=name: record(name, layer, given, output))  # type: ignore[misc]
        for name, layer in network.named_modules()
        if not any(True for _ in layer.children()) or any(True for _ in layer.parameters(recurse=False))
    ]
    try:
        with torch.no_grad():
            network(x)
    finally:
        for handle in handles:
            handle.remove()
    return rows


def macs(layer: nn.Module, given: Tensor, output: Tensor) -> int:
    """Count the multiply-accumulates of one call of a layer."""
    if isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
        # Each input element is spread over a kernel for each output channel of its group.
        return given.numel() * math.prod(layer.kernel_size) * layer.out_channels // layer.groups
    if isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return output.numel() * math.prod(layer.kernel_size) * layer.in_channels // layer.groups
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features
    if isinstance(layer, (_NormBase, nn.GroupNorm, nn.LayerNorm)):
        return output.numel()
    return 0
