"""The convolutions of frozen layers: what they give, and their gradients, against torch's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_plugins.stylegan.networks import convolutions
from i2i_plugins.stylegan.networks.convolutions import (
    Convolution,
    FilteredConvolution,
    fold_filter,
    folded_upsampling,
    same_size,
    upsampling_convolution,
)
from i2i_plugins.stylegan.networks.resampling import filter2d

INS, OUTS = 6, 5
LAYOUTS = [torch.channels_last, torch.contiguous_format]


def convolution(kind: str, layout: torch.memory_format) -> Convolution:
    weight = torch.randn(OUTS, INS, 3, 3)
    if kind == "folded":
        return folded_upsampling(fold_filter(weight).contiguous(memory_format=layout))
    if kind == "filtered":
        return FilteredConvolution(weight.transpose(0, 1).contiguous(memory_format=layout), filter2d())
    return same_size(weight.contiguous(memory_format=layout))


@pytest.mark.parametrize("kind", ["same", "folded", "filtered"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize(
    ("n", "side"), [(1, 3), (1, 10), (2, 10), (1, 20)], ids=["a small one", "a large one", "two", "a larger one"]
)
def test_convolution_with_scales_and_bias_has_gradients(
    kind: str, layout: torch.memory_format, n: int, side: int
) -> None:
    torch.manual_seed(0)
    convolve = convolution(kind, layout)
    x = torch.randn(n, INS, side, side).contiguous(memory_format=layout).requires_grad_()
    styles, scale, bias = torch.randn(n, INS), torch.randn(n, OUTS), torch.randn(OUTS)
    steered = (x * styles[..., None, None]).detach().requires_grad_()
    wanted = convolve(steered) * scale[..., None, None] + bias[:, None, None]
    grad = torch.randn_like(wanted)
    (before_styles,) = torch.autograd.grad(wanted, steered, grad)
    with torch.no_grad():
        torch.testing.assert_close(convolve.scaled(x, styles, scale, bias), wanted, rtol=1e-4, atol=1e-4)
        ours, whole = (convolve.adjoint(grad, scale, each) for each in (None, styles))
    torch.testing.assert_close(ours, before_styles, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(whole, before_styles * styles[..., None, None], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16), (2, 8, 12), (1, 4, 4), (1, 20, 20)], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("wide", [OUTS, INS], ids=["wide", "narrow"])
def test_upsampling_equals_transposed_convolution(
    shape: tuple[int, int, int], layout: torch.memory_format, wide: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(convolutions, "MATRIX_CHANNELS", wide)
    n, height, width = shape
    x, weight = (
        torch.randn(size).contiguous(memory_format=layout) for size in ((n, INS, height, width), (INS, OUTS, 3, 3))
    )
    wanted = F.conv_transpose2d(x, weight, stride=2)
    asked: list[Tensor] = []
    genuine = F.conv_transpose2d

    def transposed(x: Tensor, *rest: Any, **named: Any) -> Tensor:
        asked.append(x)
        return genuine(x, *rest, **named)

    monkeypatch.setattr(convolutions.F, "conv_transpose2d", transposed)
    torch.testing.assert_close(upsampling_convolution(x, weight), wanted, rtol=1e-4, atol=1e-4)
    by_itself = layout == torch.channels_last and 64 <= height * width <= 256 and wide == OUTS
    assert bool(asked) == (not by_itself)
