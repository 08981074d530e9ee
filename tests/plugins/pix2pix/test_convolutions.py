"""Convolutions as matrix products give what torch's convolutions give, to the precision of bfloat16."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from i2i_plugins.pix2pix import convolutions
from i2i_plugins.pix2pix.convolutions import Double, Halve, overlay, windows

TOLERANCE = 0.01
"""Relative, in the root mean square: bfloat16 has 8 bits, and the sums are kept in 32."""


def distance(one: Tensor, other: Tensor) -> float:
    one, other = one.detach().float(), other.detach().float()
    return float((one - other).norm() / other.norm())


def passes(layer: nn.Module, x: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    x = x.clone().requires_grad_()
    layer.weight.grad = None
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    y.float().backward(gradient)
    return y, x.grad, layer.weight.grad


@pytest.mark.parametrize("kind", [Halve, Double])
@pytest.mark.parametrize(("batch", "size"), [(1, 2), (1, 8), (3, 4)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_matrix_product_equals_convolution(kind, batch, size, layout, monkeypatch):
    torch.manual_seed(0)
    layer = kind(12, 20, bias=False).to(memory_format=layout)
    x = torch.randn(batch, 12, size, size).to(memory_format=layout)
    with torch.no_grad():
        gradient = torch.randn_like(super(kind, layer).forward(x))
    fast = passes(layer, x, gradient)
    monkeypatch.setattr(convolutions, "MAX_PIXELS", 0)
    plain = passes(layer, x, gradient)
    assert fast[0].dtype == torch.bfloat16
    assert all(one.shape == other.shape for one, other in zip(fast, plain, strict=True))
    assert all(distance(one, other) < TOLERANCE for one, other in zip(fast, plain, strict=True))


def test_float32_uses_torch():
    layer = Halve(4, 4, bias=False)
    x = torch.randn(1, 4, 8, 8)
    assert torch.equal(layer(x), torch.nn.functional.conv2d(x, layer.weight, None, 2, 1))


def test_large_or_odd_inputs_use_torch(monkeypatch):
    def never(*_):
        raise AssertionError("a product was used")

    monkeypatch.setattr(convolutions._Halve, "apply", never)
    with torch.autocast("cpu", torch.bfloat16):
        Halve(2, 2, bias=False)(torch.rand(1, 2, 80, 80))
        Halve(2, 2, bias=True)(torch.rand(1, 2, 8, 8))
        Halve(2, 2, bias=False)(torch.rand(1, 2, 7, 7))


def test_overlay_is_adjoint_of_windows():
    torch.manual_seed(0)
    x, rows = torch.randn(2, 3, 8, 6), torch.randn(2 * 4 * 3, 16 * 3)
    assert torch.allclose((windows(x) * rows).sum(), (x * overlay(rows, 2, 4, 3)).sum(), rtol=1e-5)
