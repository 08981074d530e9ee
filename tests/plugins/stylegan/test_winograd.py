"""Fast convolution against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from i2i_plugins.stylegan.networks import winograd
from i2i_plugins.stylegan.networks.modulated_convolution import StyledConv


def channels_last(*shape: int) -> torch.Tensor:
    return torch.randn(*shape).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 20, 32), (2, 64, 16)], ids=str)
def test_winograd_equals_convolution_of_scaled_maps(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    n, height, width = shape
    x, weight = channels_last(n, 5, height, width), torch.randn(7, 5, 3, 3)
    before, after = torch.randn(n, 5), torch.randn(n, 7)
    ours = winograd.convolve(x, winograd.transformed(weight), before, after)
    wanted = F.conv2d(x * before[..., None, None], weight, padding=1) * after[..., None, None]
    assert ours.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)
    bias = torch.randn(7)
    added = winograd.convolve(x, winograd.transformed(weight), before, after, bias)
    torch.testing.assert_close(added, wanted + bias[:, None, None], rtol=1e-4, atol=1e-4)
    plain = winograd.convolve(x, winograd.transformed(weight), before, None)
    torch.testing.assert_close(plain * after[..., None, None], ours, rtol=1e-5, atol=1e-5)


def test_winograd_weights_of_flipped_kernel() -> None:
    torch.manual_seed(0)
    x, weight, ones = channels_last(2, 7, 16, 20), torch.randn(7, 5, 3, 3), torch.ones(2, 7)
    kept = winograd.transformed(weight)
    ours = winograd.convolve(x, kept.transpose(1, 2), ones, None, reverse=True)
    torch.testing.assert_close(ours, F.conv_transpose2d(x, weight, padding=1), rtol=1e-4, atol=1e-4)


def test_winograd_precision() -> None:
    torch.manual_seed(0)
    x, weight, ones = channels_last(1, 256, 32, 32), torch.randn(256, 256, 3, 3), torch.ones(1, 256)
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    ours = winograd.convolve(x, winograd.transformed(weight), ones, ones)
    error = float((ours - exact).abs().max() / exact.abs().max())
    direct = float((F.conv2d(x, weight, padding=1) - exact).abs().max() / exact.abs().max())
    assert error < 5e-6 and error < 5 * direct


@pytest.mark.parametrize(
    ("wide", "most"), [(True, 256), (True, 255), (False, 256)], ids=["kept in both orders", "in one", "left to torch"]
)
def test_wide_layer_uses_winograd_with_gradients(wide: bool, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "MAX_TRANSPOSED", most)
    torch.manual_seed(0)
    layer = StyledConv(256, 256, 16, resolution=16).requires_grad_(False)
    layer.noise_strength.fill_(0.3)
    x, w = channels_last(2, 256, 16, 16).requires_grad_(), torch.randn(2, 16, requires_grad=True)
    direction, counted = torch.randn(2, 256, 16, 16), []
    genuine = winograd.convolve
    monkeypatch.setattr(winograd, "convolve", lambda *args, **kw: (counted.append(1), genuine(*args, **kw))[1])
    results = []
    for fewest in (256 if wide else 257, 10_000):
        monkeypatch.setattr(winograd, "FEWEST_CHANNELS", fewest)
        y = layer(x, w)
        results.append((y, *torch.autograd.grad((y * direction).sum(), (x, w))))
    assert len(counted) == (2 if wide else 0)
    for ours, wanted in zip(*results, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=2e-5 * float(wanted.detach().abs().max()))


@pytest.mark.parametrize(
    ("x", "channels"),
    [
        (channels_last(1, 256, 8, 8), 256),
        (channels_last(1, 256, 18, 18), 256),
        (channels_last(1, 256, 16, 16).bfloat16(), 256),
        (torch.randn(1, 256, 16, 16), 256),
        (channels_last(1, 256, 16, 16), 64),
    ],
    ids=["small", "no multiple of four", "half", "rows first", "narrow"],
)
def test_other_inputs_use_torch(x: torch.Tensor, channels: int) -> None:
    assert winograd.suits(channels_last(1, 256, 16, 16), torch.zeros(256, 256, 3, 3))
    assert not winograd.suits(x, torch.zeros(channels, 256, 3, 3))
