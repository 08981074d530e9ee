"""Contract test of generators: reproducible images, gradients, and the methods of a ``StyleGenerator``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...api.contracts import contract_class
from ...api.generator import StyleGenerator, Weights
from ...inference.generators import open_weights
from .contract_run import ContractRun, RequirementMissing, assert_finite


def check_generator(run: ContractRun) -> None:
    """Render images of random numbers, each on its own; of a ``StyleGenerator`` call the rest as well."""
    generator = run.build(_generator_weights(run), run.device)
    z = torch.randn(2, generator.z_dim, generator=torch.Generator().manual_seed(0))
    c = torch.eye(generator.c_dim)[:1].expand(2, -1) if generator.c_dim else None
    w = generator.map(z, c)
    average = generator.map(z, c, truncation=0.0)
    if not generator.c_dim:
        expected = generator.w_mean.expand_as(average)
        assert torch.allclose(average, expected, atol=1e-4), "truncation 0 does not give w_mean"
    assert generator.w_mean.shape == (generator.w_dim,) and generator.w_std > 0
    w = w.detach().requires_grad_()
    images = generator.render(w)
    assert_finite(images, "an image")
    (gradient,) = torch.autograd.grad(images.square().sum(), w)
    assert gradient.abs().sum() > 0, "no gradient reaches the latent code"
    with torch.no_grad():
        assert torch.equal(generator.render(w), images), "two calls with the same latent code give different images"
        alone = generator.render(w[1:])
        scale = max(1.0, float(images.abs().max()))
        assert torch.allclose(alone, images[1:], atol=1e-3 * scale), "an image depends on the rest of its batch"
        if isinstance(generator, StyleGenerator):
            _check_style_generator(generator, w.detach(), images.detach())


def _generator_weights(run: ContractRun) -> Weights | None:
    if isinstance(run.weights, Weights):
        return run.weights
    if run.weights is not None:
        from ...inference.generators import find

        path = find(run.weights, run.registry)
        assert path is not None, f"{run.weights} is no file"
        family, weights, _ = open_weights(path, run.registry)
        assert family.name == run.name, f"{path} was read by {family.name!r}"
        return weights
    if run.thing.read.__func__ is not contract_class("generator").read.__func__:
        raise RequirementMissing(f"generator {run.name!r} reads a file: name one in `weights`")
    return None


def _check_style_generator(generator: Any, w: Tensor, images: Tensor) -> None:
    weights, noise = generator.weights(), generator.noise_maps
    if weights:
        name = next(iter(weights))
        same = generator.tuned({name: torch.zeros_like(weights[name])})
        assert torch.allclose(same.render(w), images, atol=1e-4), "tuned() with a change of 0 changes the image"
        assert torch.equal(generator.render(w), images), "tuned() changes the generator itself"
    if noise:
        name = next(iter(noise))
        own = generator.render(w, noise={name: noise[name]})
        assert torch.allclose(own, images, atol=1e-4), "a stored noise map that is passed changes the image"
    for style in generator.styles():
        assert style.shape[1] == generator.w_dim, "styles() are not (C, w_dim)"
    space = generator.style_space(w)
    assert not weights or space.keys() <= weights.keys(), "a name of style_space() is not among weights()"
