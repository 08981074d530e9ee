"""The family as editors use it: features, noise, tuning, styles, layers, gradients."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import i2i
from benchmarks import plain_mobilestylegan as plain
from i2i.toolkit.latents.files import read_latent
from i2i_plugins.mobilestylegan.generator import MobileStyleGAN
from i2i_plugins.mobilestylegan.networks import wavelet
from i2i_plugins.mobilestylegan.tensors import canonical
from tests.plugins.mobilestylegan import small


@pytest.fixture
def generator() -> MobileStyleGAN:
    return small.generator()


def latents(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 8, 12, generator=torch.Generator().manual_seed(seed))


def close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2])
def test_render_and_features_equal_the_published_computation(generator: MobileStyleGAN, count: int) -> None:
    tensors, w = small.tensors(), latents(count)
    images, maps = plain.synthesis(tensors, generator.to_published_layers(w))
    close(generator.render(w), images)
    for resolution, expected in maps.items():
        close(generator.features(w, resolution), expected)
        features, both = generator.features_and_pictures(w, resolution)
        close(features, expected)
        close(both, images)
    close(generator.render(w, "none"), plain.synthesis(tensors, generator.to_published_layers(w), noise=0)[0])
    z = torch.randn(3, 10)
    close(generator.map(z)[:, 5], plain.mapping(tensors, z))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("moved", [range(8), (1, 3, 6), (0,), (7,)], ids=str)
def test_gradients_equal_those_of_the_published_computation(
    generator: MobileStyleGAN, moved: tuple[int, ...], count: int
) -> None:
    target, w = torch.randn(count, 3, 64, 64), latents(count).requires_grad_()
    with i2i.gradients_for(moved):
        features, images = generator.features_and_pictures(w, 16)
    found = torch.autograd.grad((images * target).sum() + features.square().sum(), w)[0]
    images, maps = plain.synthesis(small.tensors(), generator.to_published_layers(w))
    expected = torch.autograd.grad((images * target).sum() + maps[16].square().sum(), w)[0]
    still = [row for row in range(8) if row not in moved]
    assert not found[:, still].any()
    torch.testing.assert_close(found[:, list(moved)], expected[:, list(moved)], rtol=1e-3, atol=1e-3)


def test_features_compute_no_further_layers(generator: MobileStyleGAN) -> None:
    w = latents(1).requires_grad_()
    generator.features(w, 16).sum().backward()
    assert w.grad is not None and w.grad[:, :5].abs().sum(dim=(0, 2)).all() and not w.grad[:, 5:].any()
    called: list[int] = []
    generator.network.synthesis.get_submodule("block32").register_forward_hook(lambda *given: called.append(1))
    generator.features(w, 16)
    assert not called
    with pytest.raises(i2i.UsageError, match="no features at 64 px; choose one of 4, 8, 16, 32"):
        generator.features(w, 64)


def test_noise_maps_are_normalised_and_used(generator: MobileStyleGAN) -> None:
    w, maps = latents(2), generator.noise_maps
    assert list(maps) == ["block4.conv", *(f"block{r}.conv{n}" for r in (8, 16, 32) for n in (1, 2))]
    assert all(abs(float(each.square().mean()) - 1) < 1e-4 for each in maps.values())
    assert torch.equal(generator.render(w, maps), generator.render(w))
    other = {"block16.conv2": torch.randn(1, 1, 16, 16)}
    tuned = generator.tuned(noise=other)
    assert torch.equal(tuned.render(w), generator.render(w, other))
    assert not torch.allclose(tuned.render(w), generator.render(w))
    assert torch.equal(tuned.noise_maps["block16.conv2"], other["block16.conv2"])
    one, two = generator.render(w, "random"), generator.render(w, "random")
    assert not torch.allclose(one, two)
    for wrong, message in (("loud", "noise is 'loud'"), ({"block2": other}, "no noise in 'block2'")):
        with pytest.raises(i2i.UsageError, match=message):
            generator.render(w, wrong)  # type: ignore[arg-type]
    with pytest.raises(i2i.UsageError, match="this layer takes"):
        generator.render(w, {"block8.conv1": torch.ones(1, 1, 4, 4)})


@pytest.mark.parametrize("count", [1, 3])
def test_noise_maps_get_gradients(generator: MobileStyleGAN, count: int) -> None:
    w = latents(3)
    maps = {name: each.repeat(count, 1, 1, 1).requires_grad_() for name, each in generator.noise_maps.items()}
    generator.render(w, maps).square().sum().backward()
    frozen = {name: each.grad for name, each in maps.items()}
    trained = {name: each.detach().clone().requires_grad_() for name, each in maps.items()}
    tuned = generator.tuned()
    tuned.network.synthesis.requires_grad_(True)
    tuned.render(w, trained).square().sum().backward()
    for name, grad in frozen.items():
        assert grad is not None and grad.any()
        torch.testing.assert_close(grad, trained[name].grad, rtol=1e-3, atol=1e-3)


def test_tuned_copies_have_weights_of_their_own(generator: MobileStyleGAN) -> None:
    w = latents(2)
    before = generator.render(w)
    changes = {name: 0.05 * torch.randn_like(tensor) for name, tensor in generator.weights().items()}
    tuned = generator.tuned(changes)
    assert torch.equal(generator.render(w), before) and not torch.allclose(tuned.render(w), before)
    close(tuned.render(w), plain.synthesis(canonical(tuned.network), generator.to_published_layers(w))[0].detach())
    for wrong in ({"no.such": torch.ones(1)}, {"synthesis.block8.conv1.bias": torch.ones(3)}):
        with pytest.raises(i2i.I2IError, match="has no weight"):
            generator.tuned(wrong)


def test_weights_learn_and_show_once_they_are_frozen(generator: MobileStyleGAN) -> None:
    w, tuned = latents(1), generator.tuned()
    before = tuned.render(w)
    weights = tuned.weights()
    for tensor in weights.values():
        tensor.requires_grad_(True)
    optimizer = torch.optim.Adam(weights.values(), 0.01)
    close(tuned.render(w).detach(), before)
    (tuned.render(w) - 1).square().mean().backward()
    assert all(tensor.grad is not None and tensor.grad.any() for tensor in weights.values())
    optimizer.step()
    for tensor in weights.values():
        tensor.requires_grad_(False)
    after = tuned.render(w)
    assert float((after - before).abs().max()) > 0.01
    close(after, plain.synthesis(canonical(tuned.network), generator.to_published_layers(w))[0])


def test_styles_say_what_each_layer_steers(generator: MobileStyleGAN) -> None:
    styles, w = generator.styles(), latents(1)
    assert [len(each) for each in styles] == [8, 16 + 4, 16, 16 + 4, 16, 16 + 4, 8, 8]
    space = generator.style_space(w)
    assert "synthesis.block8.up.affine.bias" in space and not any("to_image" in name for name in space)
    for name, styles_of_layer in space.items():
        offset = torch.zeros_like(styles_of_layer[0])
        offset[0] = 2
        moved = generator.tuned({name: offset})
        torch.testing.assert_close(moved.style_space(w)[name] - styles_of_layer, offset[None], atol=1e-5, rtol=0)
        assert not torch.allclose(moved.render(w), generator.render(w)), name


def test_published_layers_are_read_and_written(generator: MobileStyleGAN) -> None:
    w = latents(2)
    published = generator.to_published_layers(w)
    assert published.shape == (2, 11, 12)
    back = generator.from_published_layers(published)
    assert back is not None and torch.equal(back, w)
    used = [0, 1, 2, 4, 5, 7, 8, 9]
    published[:, [row for row in range(11) if row not in used]] = torch.nan
    back = generator.from_published_layers(published)
    assert back is not None and torch.equal(back, w)
    assert generator.from_published_layers(w) is None


def test_edits_take_and_leave_published_latents(tmp_path: Path, generator: MobileStyleGAN) -> None:
    from safetensors.torch import load_file, save_file

    save_file(small.tensors(), tmp_path / "small.safetensors")
    w = latents(1)
    torch.save(generator.to_published_layers(w), tmp_path / "published.pt")
    out = tmp_path / "out"
    shared: dict[str, Any] = {"generator": str(tmp_path / "small.safetensors"), "out": out, "device": "cpu"}
    i2i.edit("mix", [str(tmp_path / "published.pt"), "seed:1"], preset="morph", frames=2, **shared)
    stored = load_file(out / "latent.safetensors")
    assert stored["w"].shape == (1, 8, 12) and stored["w_published"].shape == (1, 11, 12)
    assert torch.equal(generator.to_published_layers(stored["w"]), stored["w_published"])
    assert torch.equal(read_latent(out / "latent.safetensors")[0].w, stored["w"])
    assert json.loads((out / "recipe.json").read_text())["generator"]


def test_map_truncates_towards_the_mean(generator: MobileStyleGAN) -> None:
    z = torch.randn(2, 10)
    w = generator.map(z)
    assert torch.equal(generator.map(z, truncation=0.0), generator.w_mean.expand(2, 8, 12))
    half = generator.map(z, truncation=0.5, cutoff=3)
    close(half[:, :3], (w[:, :3] + generator.w_mean) / 2)
    assert torch.equal(half[:, 3:], w[:, 3:])
    with pytest.raises(i2i.UsageError, match=r"takes \(N, 10\)"):
        generator.map(torch.ones(1, 4))
    with pytest.raises(i2i.UsageError, match=r"takes \(N, 8, 12\)"):
        generator.render(torch.ones(1, 11, 12))


def test_copies_carry_no_cache(generator: MobileStyleGAN) -> None:
    w, fresh = latents(1), len(pickle.dumps(generator))
    image = generator.render(w)
    stored = pickle.dumps(generator)
    assert len(stored) < 1.05 * fresh
    for twin in (copy.deepcopy(generator), pickle.loads(stored)):
        assert torch.equal(twin.render(w), image)


def test_compiled_code_uses_what_the_first_pass_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = i2i.Weights("mobilestylegan", small.tensors())
    compiled = MobileStyleGAN(weights, i2i.choose_device("cpu", "fp32", compiled=True))
    layers = compiled.network.synthesis.layers()
    assert all(layer._cache for _, _, layer in layers)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    for _, _, layer in layers:
        made = layer.cached(next(iter(layer._cache)), lambda: pytest.fail("computed again"))
        assert made is next(iter(layer._cache.values()))[1]


def test_compiled_code_sees_trained_weights(generator: MobileStyleGAN) -> None:
    w, synthesis = latents(1), generator.network.synthesis
    synthesis.compile(backend="eager")
    before = generator.render(w)
    synthesis.requires_grad_(True)
    optimizer = torch.optim.Adam(synthesis.parameters(), 0.01, fused=True)
    (generator.render(w) - 1).square().mean().backward()
    optimizer.step()
    synthesis.requires_grad_(False)
    after = generator.render(w)
    assert float((after - before).abs().max()) > 0.01
    close(after, plain.synthesis(canonical(generator.network), generator.to_published_layers(w))[0])


def test_callers_context_changes_nothing(generator: MobileStyleGAN) -> None:
    w = latents(2)
    exact = generator.render(w)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(generator.render(w), exact)
    with torch.inference_mode():
        inner = small.generator()
        inner.render(w)
    leaf = w.clone().requires_grad_()
    assert torch.autograd.grad(inner.render(leaf).sum(), leaf)[0].any()
    assert torch.equal(generator.render(w.double()), exact)


def test_band_order_and_its_transform_are_consistent() -> None:
    x = torch.randn(2, 12, 6, 4)
    close(wavelet.merge_bands(x[:, wavelet.band_order(12)]), plain.wavelet(x))
    flat = wavelet.HAAR @ wavelet.HAAR
    torch.testing.assert_close(flat, torch.eye(4))


def test_chunks_of_the_transform_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 16, 9, 8).contiguous(memory_format=torch.channels_last)
    styles = torch.randn(2, 16)
    for size in (1, 16 * 8 * 4, 10**6):
        monkeypatch.setattr(wavelet, "CHUNK", size)
        pair = x.clone(memory_format=torch.preserve_format).requires_grad_(), styles.clone().requires_grad_()
        y = wavelet.FrozenUpsampling.apply(*pair)
        close(y, wavelet.merge_bands(x * styles[:, :, None, None]))
        found = torch.autograd.grad(y.pow(3).sum(), pair)
        expected = torch.autograd.grad(wavelet.merge_bands(pair[0] * pair[1][:, :, None, None]).pow(3).sum(), pair)
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
