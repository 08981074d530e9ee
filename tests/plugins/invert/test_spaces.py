"""Latent spaces: what their variables stand for, and how far latents are from all w."""

from __future__ import annotations

import pytest
import torch

from i2i.toolkit.latents.sampling import SamplingOptions, latents
from i2i_plugins.invert.methods import METHODS, Method, Space, method_for
from i2i_plugins.invert.spaces import LatentSpace
from tests.plugins.invert.scenes import generator


def space_of(kind: Space, family: str = "demo") -> LatentSpace:
    return LatentSpace(generator(family), Method("any", space=kind))


@pytest.mark.parametrize("family", ["demo", "stylegan2"])
@pytest.mark.parametrize("kind", ["w+", "p+"])
def test_variables_of_layers_stand_for_the_latent_they_were_made_from(kind: Space, family: str) -> None:
    w = latents(generator(family), [5, 6], SamplingOptions(truncation=1.0))
    w[:, : w.shape[1] // 2] = w[:1, -1:]  # layers of another w
    space = space_of(kind, family)
    assert torch.allclose(space.to_w(space.from_w(w)), w, atol=2e-3 * float(w.std()))


def test_principal_components_of_samples_have_a_standard_deviation_of_1() -> None:
    w = latents(generator("demo"), list(range(1000, 1400)), SamplingOptions(truncation=1.0))
    components = space_of("p+").from_w(w)[:, 0]
    squares = components.square().mean(dim=0)
    assert squares.median() == pytest.approx(1, abs=0.1) and squares.min() > 0.4, "the smallest have heavy tails"
    correlation = torch.corrcoef(components.T) - torch.eye(components.shape[1])
    assert correlation.abs().mean() < 0.1, "of 400 samples, independent ones have 0.04"


@pytest.mark.parametrize("kind", ["w+", "p+"])
def test_prior_loss_is_1_for_samples_and_layers_loss_0_until_layers_differ(kind: Space) -> None:
    space = space_of(kind)
    w = latents(generator("demo"), list(range(200)), SamplingOptions(truncation=1.0))
    prior = float(space.prior_loss(w).mean())
    assert prior == pytest.approx(1, abs=0.4)
    assert space.layers_loss(w).max() < 1e-5
    mixed = w.clone()
    mixed[:, ::2] = w[torch.arange(200) - 1, ::2]
    # Two samples differ by sqrt(2) standard deviations, their layers from the mean of both by half of that.
    assert space.layers_loss(mixed).mean() == pytest.approx(prior / 2, rel=0.15)


def test_what_no_w_has_is_farther_in_principal_components() -> None:
    made = generator("demo")
    outside = made.w_mean + made.w_std / made.w_dim**0.5 * torch.randn(
        50, made.num_ws, made.w_dim, generator=torch.Generator().manual_seed(0)
    )
    assert space_of("w+").prior_loss(outside).mean() == pytest.approx(1, abs=0.1)
    assert space_of("p+").prior_loss(outside).mean() > 2


def test_hybrid_takes_principal_components_for_photographs() -> None:
    assert (method_for("hybrid", 256).space, method_for("hybrid", 1024).space) == ("w+", "p+")
    assert METHODS["hybrid"].layers_weight == 0 < method_for("hybrid-pti", 512).layers_weight
