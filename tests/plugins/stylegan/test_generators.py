"""Both families as others use them: under autocast, in inference mode, copied, tuned, with latents of any type."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch

import i2i
from i2i_plugins.stylegan.generators import StyleGAN2, StyleGAN3
from i2i_plugins.stylegan.networks import stylegan2, stylegan3
from i2i_plugins.stylegan.networks.modulated_convolution import StyledConv
from tests.plugins.stylegan.test_networks import latents, made, opened

SIZES: dict[str, Any] = {"layers": 5, "channel_base": 256, "channel_max": 12, "margin_size": 5}
FAMILIES = ["stylegan2", "stylegan3"]


def weights(family: str) -> i2i.Weights:
    torch.manual_seed(0)
    if family == "stylegan2":
        return i2i.Weights(
            family, stylegan2.StyleGAN2Generator.create(16, z_dim=8, w_dim=8, channel_max=32).state_dict()
        )
    return i2i.Weights(family, stylegan3.StyleGAN3Generator.create(32, z_dim=8, w_dim=8, **SIZES).state_dict(), SIZES)


def built(family: str) -> i2i.Generator:
    return {"stylegan2": StyleGAN2, "stylegan3": StyleGAN3}[family](weights(family), i2i.choose_device("cpu", "fp32"))


@pytest.mark.parametrize("family", FAMILIES)
def test_autocast_has_no_effect(family: str) -> None:
    generator = built(family)
    w = torch.randn(2, generator.num_ws, 8, requires_grad=True)
    resolution = 16
    exact, maps = generator.render(w), generator.features(w, resolution)
    wanted = torch.autograd.grad(exact.sum(), w)[0]
    with torch.autocast("cpu", torch.bfloat16):
        image, inner = generator.render(w), generator.features(w, resolution)
    assert torch.equal(image, exact) and torch.equal(inner, maps)
    assert torch.equal(torch.autograd.grad(image.sum(), w)[0], wanted)


@pytest.mark.parametrize("family", FAMILIES)
def test_features_and_pictures_equal_two_passes(family: str) -> None:
    generator = built(family)
    w = torch.randn(2, generator.num_ws, 8, requires_grad=True)
    both = generator.features_and_pictures(w, 16)
    alone = generator.features(w, 16), generator.render(w)
    assert all(torch.equal(one, other) for one, other in zip(both, alone, strict=True))
    (ours,), (plain,) = (torch.autograd.grad(maps.sum() + drawn.square().sum(), w) for maps, drawn in (both, alone))
    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-5)  # added up in another order
    if family == "stylegan2":
        with pytest.raises(i2i.UsageError, match="no features at 64 px"):
            generator.features_and_pictures(w, 64)


@pytest.mark.parametrize("family", FAMILIES)
def test_generator_built_in_inference_mode_has_gradients(family: str) -> None:
    with torch.inference_mode():
        generator = built(family)
        generator.render(torch.randn(1, generator.num_ws, 8))
    w = torch.randn(1, generator.num_ws, 8, requires_grad=True)
    assert torch.autograd.grad(generator.render(w).sum(), w)[0].abs().sum() > 0


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_latents_of_any_dtype_use_float32(family: str, kind: torch.dtype) -> None:
    generator = built(family)
    z, w = torch.randn(1, 8).to(kind), torch.randn(2, generator.num_ws, 8).to(kind)
    assert torch.equal(generator.map(z), generator.map(z.float()))
    assert torch.equal(generator.render(w), generator.render(w.float()))


@pytest.mark.parametrize("family", FAMILIES)
def test_copies_are_equal_and_without_caches(family: str) -> None:
    generator = built(family)
    fresh = len(pickle.dumps(generator))
    w = torch.randn(2, generator.num_ws, 8)
    image = generator.render(w)
    stored = pickle.dumps(generator)
    assert len(stored) < 1.05 * fresh
    for twin in (copy.deepcopy(generator), pickle.loads(stored)):
        assert twin.device == generator.device and torch.equal(twin.render(w), image)


@pytest.mark.parametrize("compiled", [False, True])
def test_tuning_changes_every_weight(compiled: bool) -> None:
    torch.manual_seed(0)
    generator = opened(
        stylegan2.StyleGAN2Generator.create(8, z_dim=8, w_dim=8, channel_max=8)
    )  # compiling takes its time
    w = latents(generator.network, 1).detach()
    before = generator.render(w)  # and something of the weights is kept
    synthesis = generator.network.synthesis
    if compiled:
        synthesis.compile(backend="eager")
        generator.render(w)
    synthesis.requires_grad_(True)
    optimizer = torch.optim.Adam(synthesis.parameters(), 0.01, fused=True)
    (generator.render(w) - 1).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in synthesis.parameters())
    optimizer.step()
    synthesis.requires_grad_(False)
    after = generator.render(w)
    assert float((after - before).abs().max()) > 0.01
    tensors = {name: tensor.clone() for name, tensor in generator.network.state_dict().items()}
    again = StyleGAN2(i2i.Weights("stylegan2", tensors), i2i.choose_device("cpu", "fp32")).render(w)
    torch.testing.assert_close(after, again, rtol=1e-4, atol=1e-4)  # compiled, sums go in another order


def test_biases_are_trainable_alone() -> None:
    synthesis = made().requires_grad_(False).synthesis
    biases = [layer.bias.requires_grad_() for layer in synthesis.modules() if isinstance(layer, StyledConv)]
    w = torch.randn(1, 8, 48)
    ours = torch.autograd.grad(synthesis(w).square().sum(), biases)
    synthesis.requires_grad_(True)
    wanted = torch.autograd.grad(synthesis(w).square().sum(), biases)
    for one, other in zip(ours, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * float(other.abs().max()))


@pytest.mark.parametrize("learning", [False, True])
def test_large_feature_maps_do_not_overflow_in_fp16(learning: bool) -> None:
    torch.manual_seed(0)
    layer = StyledConv(512, 16, 8, resolution=8).requires_grad_(learning)
    x, w = 60 * torch.randn(2, 512, 8, 8), 10 * torch.randn(2, 8)
    wanted = layer(x, w)
    sums = torch.nn.functional.conv2d(x * layer.affine(w)[..., None, None], layer.weight, padding=1)
    assert sums.abs().max() > torch.finfo(torch.float16).max
    half = layer(x.half(), w).float()
    # eleven bits, of maps and of styles, against the largest of thousands of terms
    torch.testing.assert_close(half, wanted, rtol=0, atol=5e-3 * float(wanted.detach().abs().max()))


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        ("constant", "noise is 'constant'; give 'const', 'random', 'none'"),
        ({"b8.conv7": torch.zeros(1, 1, 8, 8)}, "no noise in 'b8.conv7'; its noise_maps has the names"),
        ({"b8.conv0": torch.zeros(8, 8)}, r"'b8.conv0' has shape \(8, 8\); this layer takes \(N or 1, 1, 8, 8\)"),
    ],
)
def test_wrong_noise_is_refused(noise: Any, said: str) -> None:
    generator = opened(made())
    with pytest.raises(i2i.UsageError, match=said):
        generator.render(torch.randn(1, 8, 48), noise)
