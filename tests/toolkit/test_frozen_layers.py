"""The cache of layers with frozen weights, and the sum that is the gradient of their styles."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from i2i.toolkit.latents.frozen_layers import CachedLayer, channel_dot


class Doubled(CachedLayer):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3), requires_grad=False)
        self.made = 0

    def forward(self, *keys: str) -> Tensor:
        return self.cached("twice", self._make, *keys)

    def _make(self) -> Tensor:
        self.made += 1
        return 2 * self.weight


def test_cached_computes_once_until_weights_or_keys_change() -> None:
    layer = Doubled()
    assert layer() is layer() and layer.made == 1
    assert layer("key") is layer("key") and layer.made == 2
    layer.weight.add_(1)
    assert torch.equal(layer("key"), torch.full((3,), 4.0)) and layer.made == 3
    layer.weight.data = torch.zeros(3)
    assert not layer("key").any() and layer.made == 4


def test_cached_keeps_nothing_while_weights_train() -> None:
    layer = Doubled()
    layer()
    layer.requires_grad_(True)
    assert layer().requires_grad and layer().requires_grad and layer.made == 3
    layer.requires_grad_(False)
    layer()
    assert layer.made == 4


def test_cached_depends_on_the_named_weights_only() -> None:
    class Named(Doubled):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(3))

        def cached_weights(self) -> tuple[nn.Parameter, ...]:
            return (self.weight,)

    layer = Named()
    layer()
    with torch.no_grad():
        layer.bias.add_(1)
    assert not layer.trains and layer() is layer() and layer.made == 1
    layer.weight.requires_grad_(True)
    assert layer.trains and layer().requires_grad and layer.made == 2


@pytest.mark.parametrize("trains", [False, True])
def test_cached_is_reused_by_compiled_code_of_frozen_weights(trains: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Doubled()
    first = layer("key")
    layer.requires_grad_(trains)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert (layer() is first) != trains and layer.made == 1 + trains


def test_cached_results_made_in_inference_mode_can_be_differentiated() -> None:
    layer = Doubled()
    with torch.inference_mode():
        layer()
    leaf = torch.ones(3, requires_grad=True)
    (layer() * leaf).sum().backward()
    assert leaf.grad is not None and torch.equal(leaf.grad, torch.full((3,), 2.0)) and layer.made == 1


def test_copies_leave_the_cache_behind() -> None:
    layer = Doubled()
    layer()
    twin = copy.deepcopy(layer)
    twin()
    assert (layer.made, twin.made) == (1, 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_channel_dot_sums_products_over_pixels(dtype: torch.dtype) -> None:
    a, b = torch.randn(2, 2, 5, 6, 7, generator=torch.Generator().manual_seed(0)).to(dtype)
    found = channel_dot(a, b)
    assert found.shape == (2, 5) and found.dtype == torch.float32
    # products of bfloat16 are rounded to 8 bits before they are summed
    tolerance = 0.1 if dtype == torch.bfloat16 else 1e-4
    torch.testing.assert_close(found, (a * b).float().sum(dim=(2, 3)), rtol=tolerance, atol=tolerance)
