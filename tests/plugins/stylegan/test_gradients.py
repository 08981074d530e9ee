"""Gradients for some rows of w: as ever for those, and none for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import i2i
from i2i_plugins.stylegan.generators import StyleGAN2, StyleGAN3
from i2i_plugins.stylegan.networks import frozen_convolution, stylegan2, stylegan3

CALLS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "render": lambda generator, w: generator.render(w),
    "features": lambda generator, w: generator.features(w, 16),
    "both": lambda generator, w: generator.features_and_pictures(w, 16)[1],
}


def generator_of(family: str) -> Any:
    torch.manual_seed(0)
    if family == "stylegan2":
        made: Any = stylegan2.StyleGAN2Generator.create(16, z_dim=8, w_dim=8, channel_max=16)
        return StyleGAN2(i2i.Weights(family, made.state_dict()), i2i.choose_device("cpu", "fp32"))
    made = stylegan3.StyleGAN3Generator.create(16, z_dim=8, w_dim=8, channel_base=128, channel_max=8)
    return StyleGAN3(i2i.Weights(family, made.state_dict()), i2i.choose_device("cpu", "fp32"))


@pytest.mark.parametrize("family", ["stylegan2", "stylegan3"])
@pytest.mark.parametrize("call", CALLS)
def test_gradients_for_layers_only(family: str, call: str) -> None:
    generator = generator_of(family)
    w = torch.randn(2, generator.num_ws, generator.w_dim, requires_grad=True)
    usual = CALLS[call](generator, w)
    direction = torch.randn_like(usual)
    (full,) = torch.autograd.grad(usual, w, direction)
    with i2i.gradients_for([0, 2]):
        some = CALLS[call](generator, w)
    (partial,) = torch.autograd.grad(some, w, direction)
    torch.testing.assert_close(some, usual)
    torch.testing.assert_close(partial[:, [0, 2]], full[:, [0, 2]], rtol=1e-4, atol=1e-5 * float(full.abs().max()))
    assert full[:, 1].any() and not partial[:, [1, *range(3, generator.num_ws)]].any()
    (after,) = torch.autograd.grad(CALLS[call](generator, w), w, direction)
    torch.testing.assert_close(after, full)


def test_other_layers_have_no_style_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = generator_of("stylegan2")
    w = torch.randn(1, generator.num_ws, generator.w_dim, requires_grad=True)
    seen: list[int] = []
    genuine = frozen_convolution.channel_dot
    monkeypatch.setattr(frozen_convolution, "channel_dot", lambda a, b: (seen.append(a.shape[-1]), genuine(a, b))[1])
    with i2i.gradients_for(range(2)):
        generator.render(w).sum().backward()
    assert set(seen) == {4, 8}  # of 4, 8 and 16 px; row 1 is that of the first layer at 8 px


def test_nested_gradients_for_uses_innermost() -> None:
    w = torch.randn(1, 4, 3, requires_grad=True)
    with i2i.gradients_for([0, 1]):
        with i2i.gradients_for([3]):
            inner = [row.requires_grad for row in i2i.rows_of(w)]
        outer = [row.requires_grad for row in i2i.rows_of(w)]
    with pytest.raises(ZeroDivisionError), i2i.gradients_for([]):
        _ = 1 / 0
    assert (inner, outer) == ([False, False, False, True], [True, True, False, False])
    assert all(row.requires_grad for row in i2i.rows_of(w))
