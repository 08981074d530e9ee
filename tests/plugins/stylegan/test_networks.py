"""The fast StyleGAN2 against the plain one, with gradients, and what it promises besides."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import i2i
from benchmarks.plain_stylegan2 import PlainSynthesis
from i2i_plugins.stylegan.generators import StyleGAN2
from i2i_plugins.stylegan.networks import modulated_convolution
from i2i_plugins.stylegan.networks.discriminator import Discriminator, minibatch_deviation
from i2i_plugins.stylegan.networks.resampling import blur, filter2d, upsample2
from i2i_plugins.stylegan.networks.stylegan2 import StyleGAN2Generator


def made(**changes: Any) -> StyleGAN2Generator:
    """A small generator whose noise is not silent."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"z_dim": 32, "w_dim": 48, "channel_base": 1024, "channel_max": 80, "mapping_layers": 2}
    network = StyleGAN2Generator.create(32, **{**sizes, **changes})
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if name.endswith(("noise_strength", "bias")):
                tensor.add_(torch.randn_like(tensor) * 0.3)
    return network


def opened(network: StyleGAN2Generator, precision: Any = "fp32") -> StyleGAN2:
    arguments = {"conv_clamp": network.synthesis.sizes.conv_clamp}
    return StyleGAN2(i2i.Weights("stylegan2", network.state_dict(), arguments), i2i.choose_device("cpu", precision))


def latents(network: StyleGAN2Generator, count: int = 2) -> Tensor:
    with torch.no_grad():
        w = network.mapping(torch.randn(count, network.mapping.z_dim))
    return (w + 0.1 * torch.randn_like(w)).requires_grad_()


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("fold", [0, 1000], ids=["filtered", "folded"])
def test_network_equals_plain_implementation(
    layout: torch.memory_format, fold: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modulated_convolution, "FOLD_BELOW", fold)
    network = made().requires_grad_(False)
    network.synthesis.layout = layout
    w = latents(network)
    ours, (theirs, maps) = network.synthesis(w), PlainSynthesis(network.synthesis)(w, keep=16)
    direction = torch.randn_like(ours)
    gradients = [torch.autograd.grad((image * direction).sum(), w)[0] for image in (ours, theirs)]
    features = network.synthesis.features(w, 16)
    assert maps is not None
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(features, maps, rtol=1e-4, atol=1e-4)
    # float32 sums over a thousand pixels in another order
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-3 * float(gradients[1].abs().max()))


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize("clamp", [None, 1.5])
def test_frozen_and_trainable_weights_give_equal_images(architecture: Any, clamp: float | None) -> None:
    network = made(architecture=architecture, conv_clamp=clamp)
    w = latents(network)
    noise = {"b8.conv0": torch.randn(2, 1, 8, 8, requires_grad=True)}
    results = []
    for learning in (True, False):
        network.requires_grad_(learning)
        image = network.synthesis(w, noise)
        results.append((image, *torch.autograd.grad(image.square().sum(), (w, noise["b8.conv0"]))))
    for learnt, frozen in zip(*results, strict=True):
        torch.testing.assert_close(frozen, learnt, rtol=1e-4, atol=1e-4 * float(learnt.detach().abs().max()))


def test_tuned_weights_are_not_cached_ones() -> None:
    network = made().requires_grad_(False)
    w = latents(network).detach()
    before = network.synthesis(w)
    with torch.no_grad():
        network.synthesis.b16.conv1.weight.mul_(torch.rand_like(network.synthesis.b16.conv1.weight))
    after = network.synthesis(w)
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, PlainSynthesis(network.synthesis)(w)[0], rtol=1e-4, atol=1e-4)


def test_gradients_after_inference_mode() -> None:
    generator = opened(made())
    w = latents(generator.network)
    with torch.inference_mode():
        generator.render(w.detach())
    assert torch.autograd.grad(generator.render(w).sum(), w)[0].abs().sum() > 0


@pytest.mark.parametrize("resolution", [4, 8, 16, 32])
def test_features_stop_at_resolution(resolution: int) -> None:
    generator = opened(made())
    ran: list[str] = []
    for name, module in generator.network.synthesis.named_modules():
        if isinstance(module, modulated_convolution.StyledConv | modulated_convolution.ToRGB):
            module.register_forward_hook(lambda *_, name=name: ran.append(name))
    features = generator.features(latents(generator.network).detach(), resolution)
    assert features.shape == (2, generator.network.synthesis.sizes.widths[resolution], resolution, resolution)
    assert ran[-1] == f"b{resolution}.conv1" and not any("torgb" in name for name in ran)


def test_noise_modes() -> None:
    generator = opened(made())
    w = latents(generator.network).detach()
    torch.manual_seed(1)
    const, again, none = generator.render(w), generator.render(w), generator.render(w, noise="none")
    fresh, other = generator.render(w, noise="random"), generator.render(w, noise="random")
    assert torch.equal(const, again)
    assert min(float((a - b).abs().mean()) for a, b in [(const, none), (fresh, other), (fresh, none)]) > 1e-3
    torch.testing.assert_close(generator.render(w, noise=generator.noise_maps), const)
    silent = {name: torch.zeros_like(value) for name, value in generator.noise_maps.items()}
    torch.testing.assert_close(generator.render(w, noise=silent), none)


def test_half_precision_approximates_float32() -> None:
    network = made()
    w = latents(network).detach()
    exact, half = (opened(network, precision).render(w) for precision in ("fp32", "bf16"))
    assert half.dtype == torch.float32
    assert float((half - exact).abs().mean()) < 0.03 * float(exact.std())  # bf16 keeps eight bits


def test_conditional_and_grey_generators() -> None:
    generator = opened(made(c_dim=5, img_channels=1))
    assert (generator.c_dim, generator.channels) == (5, 1)
    z, classes = torch.randn(5, 32), torch.eye(5)
    assert generator.render(generator.map(z, classes)).shape == (5, 1, 32, 32)
    same_z = generator.map(z[:1].expand(2, -1), classes[:2])
    assert not torch.allclose(same_z[0], same_z[1])
    with pytest.raises(i2i.UsageError, match=r"5 classes.*\(5, 5\), one-hot"):
        generator.map(z)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda g: g.map(torch.randn(2, 7)), r"\(2, 7\); this generator takes \(N, 32\)"),
        (lambda g: g.render(torch.randn(2, 48)), r"\(2, 48\); this generator takes \(N, 8, 48\)"),
        (lambda g: g.features(torch.randn(1, 8, 48), 64), "no features at 64 px; choose one of 4, 8, 16, 32"),
    ],
)
def test_wrong_shapes_are_refused(call: Any, said: str) -> None:
    with pytest.raises(i2i.UsageError, match=said):
        call(opened(made()))


@pytest.mark.parametrize(("architecture", "classes"), [("resnet", 0), ("skip", 0), ("orig", 3)])
def test_discriminator_from_tensors(architecture: Any, classes: int) -> None:
    torch.manual_seed(0)
    judge = Discriminator.create(
        32, c_dim=classes, channel_base=512, channel_max=32, mapping_layers=2, architecture=architecture
    )
    images, c = torch.randn(8, 3, 32, 32), torch.eye(3).repeat(3, 1)[:8] if classes else None
    again = Discriminator.from_tensors(judge.state_dict(), {})
    logits = judge(images, c)
    assert logits.shape == (8, 1) and torch.equal(again(images, c), logits)


def test_minibatch_standard_deviation_of_groups() -> None:
    x = torch.randn(6, 5, 4, 4)
    grouped = minibatch_deviation(x, 3)[:, 5]  # samples 0, 2, 4 and 1, 3, 5
    for first in (0, 1):
        wanted = (x[first::2].var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
        torch.testing.assert_close(grouped[first::2], wanted.expand(3, 4, 4))
    assert torch.equal(minibatch_deviation(x, 4)[:, 5], grouped)  # 6 is no multiple of 4, so groups of 3


def test_upsampling_equals_zero_insertion_and_filter() -> None:
    x = torch.randn(2, 3, 5, 7)
    apart = torch.zeros(2, 3, 10, 14)
    apart[:, :, ::2, ::2] = x
    kernel = (4 * filter2d()).expand(3, 1, 4, 4)
    wanted = torch.nn.functional.conv2d(torch.nn.functional.pad(apart, (2, 1, 2, 1)), kernel, groups=3)
    torch.testing.assert_close(upsample2(x), wanted)
    assert blur(x, filter2d(), 2).shape == (2, 3, 6, 8)
