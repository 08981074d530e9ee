"""The design of StyleGAN3: sizes, filters, and the nonlinearity between them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from i2i_plugins.stylegan.networks.filtered_relu import ResamplingMatrices, filtered_relu
from i2i_plugins.stylegan.networks.stylegan3_design import design, lowpass
from tests.plugins.stylegan import plain_stylegan3 as plain

PUBLISHED = {
    "T 1024": (
        {"resolution": 1024},
        "36 36 52 52 84 148 148 276 276 532 1044 1044 1044 1024 1024",
        "512 512 512 512 512 512 512 323 203 128 81 51 32 32 3",
    ),
    "T 512": (
        {"resolution": 512},
        "36 36 52 52 84 84 148 148 276 276 532 532 532 512 512",
        "512 512 512 512 512 512 512 483 323 215 144 96 64 64 3",
    ),
    "R 1024": (
        {"resolution": 1024, "channel_base": 65536, "channel_max": 1024},
        "36 36 52 52 84 148 148 276 276 532 1044 1044 1044 1024 1024",
        "1024 1024 1024 1024 1024 1024 1024 645 406 256 161 102 64 64 3",
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_design_gives_published_sizes(name: str) -> None:
    arguments, sizes, channels = PUBLISHED[name]
    numbers = zip(sizes.split(), channels.split(), strict=True)
    expected = [f"L{index}_{size}_{wide}" for index, (size, wide) in enumerate(numbers)]
    assert [stage.name for stage in design(**arguments)] == expected


@pytest.mark.parametrize(
    ("taps", "cutoff", "half_width", "rate"), [(12, 2.0, 2.3, 32), (24, 128.0, 90.0, 1024), (7, 3, 0.5, 16)]
)
def test_filters_equal_scipy(taps: int, cutoff: float, half_width: float, rate: float) -> None:
    signal, special = pytest.importorskip("scipy.signal"), pytest.importorskip("scipy.special")
    theirs = signal.firwin(taps, cutoff, width=2 * half_width, fs=rate)
    np.testing.assert_allclose(lowpass(taps, cutoff, half_width, rate), theirs, atol=1e-7)  # kept in float32

    at = (np.arange(taps) - (taps - 1) / 2) / rate
    radius = np.hypot(at[:, None], at[None]) + 1e-12
    beta = signal.kaiser_beta(signal.kaiser_atten(taps, 2 * half_width / (rate / 2)))
    window = signal.get_window(("kaiser", beta), taps, fftbins=False)
    jinc = special.j1(2 * np.pi * cutoff * radius) / radius * np.outer(window, window)
    np.testing.assert_allclose(lowpass(taps, cutoff, half_width, rate, radial=True), jinc / jinc.sum(), atol=1e-7)


CASES = {  # up, down, taps up, taps down, radial, before, after
    "same rate": (2, 2, 12, 12, False, 30, 28),
    "doubled": (4, 2, 24, 12, False, 22, 36),
    "cropped": (2, 2, 12, 12, False, 40, 20),
    "radial": (2, 2, 12, 12, True, 30, 28),
    "radial doubled": (4, 2, 24, 12, True, 22, 36),
    "not up": (1, 1, 1, 1, False, 20, 20),
    "odd": (2, 2, 9, 7, False, 75, 71),
    "large": (2, 2, 12, 12, False, 88, 86),
}


@pytest.mark.parametrize("most", [None, 4000], ids=["whole", "in pieces"])
@pytest.mark.parametrize("case", CASES)
def test_filtered_relu_equals_zero_insertion(case: str, most: int | None) -> None:
    up, down, taps_up, taps_down, radial, before, after = CASES[case]
    torch.manual_seed(0)
    f_up, f_down = torch.rand(taps_up).double() / taps_up, torch.rand(taps_down, *[taps_down] * radial).double()
    x = 3 * torch.randn(2, 9, before, before, dtype=torch.float64)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    matrices = ResamplingMatrices(f_up, f_down, up, down, before, after, x, most)
    assert most is None or before < 70 or len(matrices.strips) > 1
    y = filtered_relu(ours, matrices, clamp=2.0)
    expected = plain.filtered_relu(theirs, plain.spread(f_up), plain.spread(f_down), up, down, after, clamp=2.0)
    torch.testing.assert_close(y, expected, rtol=1e-10, atol=1e-10)  # in float64: nothing but the order of sums differs
    towards = torch.randn_like(y)
    y.backward(towards)
    expected.backward(towards)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-10, atol=1e-10)
