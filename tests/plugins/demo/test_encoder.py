"""The encoder of the embedded world: its network, its file, and what the extractor takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

import i2i
from i2i_plugins.demo.extractors import encoder as extractor_module
from i2i_plugins.demo.extractors.encoder import DemoEncoder
from i2i_plugins.demo.model_records import record
from i2i_plugins.demo.networks.encoder import EncoderNetwork

ROWS, NUMBERS = 10, 16


def noise(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def smooth(seed: int, count: int, *size: int) -> Tensor:
    return F.interpolate(noise(seed, count, 3, 5, 5), size, mode="bicubic").clamp(-1, 1)


def lively(rows: int = ROWS) -> EncoderNetwork:
    """Its latents have few numbers, and all its weights do something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = EncoderNetwork(rows, NUMBERS)
        for value in network.parameters():
            if not value.any():  # what begins silent
                nn.init.normal_(value, std=0.5)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0  # its statistics become those of the next batch
        with torch.no_grad():
            network.train()(smooth(9, 16, 64, 64))
    return network.eval()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    half = {key: value.half() for key, value in lively().state_dict().items() if "num_batches" not in key}
    save_file(half, tmp_path / "encoder.safetensors")
    return tmp_path / "encoder.safetensors"


@pytest.mark.parametrize("rows", [4, 8, 10, 14, 18])
def test_num_ws_follows_tensors(rows: int) -> None:
    network = lively(rows)
    found = EncoderNetwork.from_tensors({key: value.half() for key, value in network.state_dict().items()})
    with torch.no_grad():
        theirs, ours = network(smooth(1, 2, 64, 64)), found(smooth(1, 2, 64, 64))
    assert ours.shape == (2, rows, NUMBERS) and ours.dtype == torch.float32
    # Half precision keeps 11 bits; over a dozen layers of random weights their errors add up to several of the last.
    assert (ours - theirs).abs().max() < 0.01 * theirs.abs().max()
    assert not found.training and not any(each.requires_grad for each in found.parameters())


def test_initial_output_is_one_w_near_the_mean() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = EncoderNetwork(ROWS, NUMBERS)
    images = noise(2, 4, 3, 64, 64)
    with torch.no_grad():
        before = network(images)
        assert torch.equal(before, before[:, :1].expand_as(before))
        network.w_mean.copy_(torch.arange(float(NUMBERS)))
        network.w_scale.fill_(3.0)
        # w = mean + scale * what the network gives, to float32's rounding
        assert torch.allclose(network(images), 3 * before + torch.arange(float(NUMBERS)), atol=1e-5)


def test_weights_are_below_four_megabytes() -> None:
    count = sum(value.numel() for value in EncoderNetwork(10, 128).state_dict().values())
    assert 1_000_000 < count < 2_000_000  # two bytes each


def test_any_size_and_autocast(file: Path) -> None:
    encoder = DemoEncoder(i2i.choose_device("cpu", "fp32"), file)
    assert (encoder.num_ws, encoder.w_dim, encoder.size) == (ROWS, NUMBERS, (64, 64))
    large = smooth(3, 2, 100, 128)
    with torch.no_grad():
        small = F.interpolate(large, (64, 64), mode="bilinear", antialias=True)
        latents = encoder(large)
        assert torch.equal(latents, encoder(small)) and latents.shape == (2, ROWS, NUMBERS)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(encoder(large), latents)
        # An image's latents do not depend on its neighbours, but for the order of sums.
        assert torch.allclose(encoder(large[1:]), latents[1:], atol=1e-5)
        assert (latents[0] - latents[1]).abs().max() > 0.1


def test_gradients_reach_every_pixel(file: Path) -> None:
    images = noise(4, 1, 3, 96, 96).requires_grad_()
    latents = DemoEncoder(i2i.choose_device("cpu", "fp32"), file)(images)
    (gradient,) = torch.autograd.grad((latents * noise(5, *latents.shape)).sum(), images)
    assert torch.isfinite(gradient).all() and gradient.count_nonzero() > 0.99 * gradient.numel()


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 4, 64, 64)])
def test_other_shapes_are_refused(shape: tuple[int, ...], file: Path) -> None:
    with pytest.raises(ValueError, match=r"demo-encoder takes images \(N, 3, H, W\)"):
        DemoEncoder(i2i.choose_device("cpu", "fp32"), file)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.pop("trunk.stages.0.0.0.weight"), "lacks 'trunk.stages.0.0.0.weight'"),
        (lambda t: t.update(extra=torch.zeros(1)), "has the unknown 'extra'"),
        (lambda t: t.pop("w_mean"), "lacks 'w_mean'"),
        (lambda t: t.clear() or t.update(other=torch.zeros(2)), "lacks"),
    ],
)
def test_other_file_is_refused(change: Any, told: str, tmp_path: Path) -> None:
    tensors = dict(lively().state_dict())
    change(tensors)
    save_file(tensors, tmp_path / "wrong.safetensors")
    with pytest.raises(i2i.I2IError, match=told) as caught:
        DemoEncoder(i2i.choose_device("cpu", "fp32"), tmp_path / "wrong.safetensors")
    assert str(caught.value).startswith(str(tmp_path)) and str(caught.value).endswith("again.")


def test_weights_match_the_record(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"demo-encoder": tmp_path / "nowhere.safetensors"}
    monkeypatch.setattr(extractor_module, "record", lambda name: replace(record(name), path=places[name]))
    with pytest.raises(i2i.I2IError, match="'demo-encoder', is missing from its package: install"):
        DemoEncoder(i2i.choose_device("cpu", "fp32"))
    places["demo-encoder"] = file
    assert DemoEncoder(i2i.choose_device("cpu", "fp32")).num_ws == ROWS
    assert (DemoEncoder.role, DemoEncoder.domain) == (record("demo-encoder").role, record("demo-encoder").domain)
