"""Tuned copies of generators: other weights and other noise, the first one untouched; and what rows of w steer."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import i2i
from tests.plugins.stylegan.test_generators import FAMILIES, built


@pytest.mark.parametrize("family", FAMILIES)
def test_tuned_copy_has_its_own_weights(family: str) -> None:
    generator = built(family)
    w = torch.randn(2, generator.num_ws, 8)
    before = generator.render(w)
    assert torch.equal(generator.tuned().render(w), before)
    changes = {name: 0.1 * torch.randn_like(tensor) for name, tensor in generator.weights().items()}
    tuned = generator.tuned(changes)
    assert not torch.allclose(tuned.render(w), before)
    assert torch.equal(generator.render(w), before)
    back = tuned.tuned({name: -change for name, change in changes.items()})
    assert torch.allclose(back.render(w), before, atol=1e-4), "rounding of the weights, once up and once down"
    z = torch.randn(3, generator.z_dim)
    assert torch.equal(tuned.map(z), generator.map(z))


@pytest.mark.parametrize("family", FAMILIES)
def test_tuned_copy_weights_are_trainable(family: str) -> None:
    generator = built(family)
    tuned = generator.tuned()
    for tensor in tuned.weights().values():
        tensor.requires_grad_(True)
    tuned.render(torch.randn(1, generator.num_ws, 8)).square().mean().backward()
    assert sum(tensor.grad is not None for tensor in tuned.weights().values()) > len(tuned.weights()) / 2
    assert not any(tensor.requires_grad for tensor in generator.weights().values())


def test_tuned_copy_noise_replaces_stored_noise() -> None:
    generator = built("stylegan2")
    strong = generator.tuned({"synthesis.b8.conv0.noise_strength": torch.tensor(0.5)})
    w, noise = torch.randn(1, strong.num_ws, 8), {"b8.conv0": torch.randn(1, 1, 8, 8)}
    assert torch.equal(strong.tuned(noise=noise).render(w), strong.render(w, noise))
    assert not torch.allclose(strong.render(w), strong.render(w, noise))


@pytest.mark.parametrize(
    ("changes", "noise"),
    [
        ({"no.such": torch.ones(1)}, {}),
        ({}, {"b8.conv0": torch.ones(1, 1, 4, 4)}),
        ({}, {"b8.conv0": torch.ones(8, 8)}),
    ],
)
def test_tuned_refuses_unknown_names_and_shapes(
    changes: dict[str, torch.Tensor], noise: dict[str, torch.Tensor]
) -> None:
    with pytest.raises(i2i.I2IError, match=r"has no (weight 'no\.such'|noise 'b8\.conv0') of the shape"):
        built("stylegan2").tuned(changes, noise)


@pytest.mark.parametrize("family", FAMILIES)
def test_styles_are_affine_weights_of_each_layer(family: str) -> None:
    generator = built(family)
    styles = generator.styles()
    assert len(styles) == generator.num_ws and all(each.shape[1] == generator.w_dim for each in styles)
    names = {name: tensor for name, tensor in generator.weights().items() if name.endswith("affine.weight")}
    for row, own in enumerate(styles):
        (name,) = (name for name, tensor in names.items() if tensor.data_ptr() == own.data_ptr())
        moved = generator.tuned({name: torch.ones_like(own)})
        w = torch.zeros(1, generator.num_ws, generator.w_dim)
        others = w.clone()
        w[:, row] = 1
        others[:, [other for other in range(generator.num_ws) if other != row]] = 1
        assert not torch.allclose(moved.render(w), generator.render(w)), name
        if family == "stylegan2" or row:  # the first of stylegan3 turns and shifts by what it is given, and is normed
            assert torch.allclose(moved.render(others), generator.render(others)), name


def test_family_without_tuning_is_refused() -> None:
    class Fixed(i2i.StyleGenerator):
        name, summary = "fixed", "-"

        def __init__(self) -> None:
            """Nothing to load."""

        def map(self, z: Any, c: Any = None, truncation: float = 1.0, cutoff: int | None = None) -> Any:
            raise AssertionError("must not be reached")

        def render(self, w: Any, noise: Any = "const") -> Any:
            raise AssertionError("must not be reached")

    fixed = Fixed()
    assert fixed.noise_maps == {} and fixed.weights() == {} and list(fixed.styles()) == []
    with pytest.raises(i2i.I2IError, match="family 'fixed' cannot be tuned"):
        fixed.tuned()
