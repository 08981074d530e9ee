"""How the encoder of the embedded world learns and is measured: on a generator that can be foretold."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i_plugins.demo.networks import encoder as network_module
from research.demo.training import encoder as training
from research.demo.training.settings import TrainingSettings

ROWS = 10


class Bars(i2i.StyleGenerator):
    """Row i of w is the colour of the i-th of ten bars across the image; w follows the first three numbers of z."""

    name = "bars"
    summary = "Ten coloured bars."
    z_dim, w_dim, num_ws, resolution = 4, 3, ROWS, 64
    device = i2i.choose_device("cpu", "fp32")
    w_mean = torch.tensor([0.1, 0.0, -0.1])
    w_std = 0.3 * 3**0.5

    def __init__(self) -> None:
        """Needs no weights."""

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        return (self.w_mean + 0.3 * z[:, None, :3]).repeat(1, ROWS, 1)

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        bars = F.interpolate(w.transpose(1, 2), 64)  # each number of a row, along the height
        return bars[..., None].expand(-1, -1, -1, 64)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    monkeypatch.setattr(network_module, "WIDTH", 8)
    monkeypatch.setattr(training, "CACHED", 64)


@pytest.fixture
def pool() -> Any:
    """Bars drawn for latents, as the faces of a pool are."""
    z = torch.randn(48, Bars.z_dim, generator=torch.Generator().manual_seed(5))
    images = ((Bars().render(Bars().map(z)).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return Pool(images=images, latents=z)


class Pool(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.images)


@pytest.mark.parametrize(("mixed", "expected"), [(0.0, 0), (1.0, 30)])
def test_samples_mix_styles_from_a_random_layer(mixed: float, expected: int) -> None:
    random = torch.Generator().manual_seed(0)
    images, w = training.samples(Bars(), 30, random, mixed)
    changes = (w[:, 1:] != w[:, :-1]).any(dim=2).sum(dim=1)
    assert int(changes.sum()) == expected and int(changes.max()) == bool(expected)
    assert torch.equal(images, Bars().render(w).clamp(-1, 1))
    assert torch.equal(training.samples(Bars(), 30, torch.Generator().manual_seed(0), mixed)[1], w)


def test_training_is_seeded(narrow: None, pool: Any) -> None:
    first, again, other = (
        training.learn(Bars(), Plain(), pool, TrainingSettings(steps=4, batch=4, rate=1e-3, images=48, seed=seed), str)
        for seed in (1, 1, 2)
    )
    same = [torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True)]
    assert all(same)
    assert not torch.equal(first.trunk.stages[0][0][0].weight, other.trunk.stages[0][0][0].weight)


def test_training_finds_latents(narrow: None, pool: Any) -> None:
    said: list[str] = []
    network = training.learn(
        Bars(), Plain(), pool, TrainingSettings(steps=60, batch=8, rate=4e-3, images=48), said.append
    )
    found = training.evaluate(network, Bars(), pool, 32)
    # 1 would be the error of the mean latent.
    assert found["samples/latents"] < 0.6
    assert found["drawn/psnr"] > training.evaluate(Mean(), Bars(), pool, 32)["drawn/psnr"] + 3
    assert "images/s" in said[-1] and "lpips" in said[-1]


class Plain:
    """As quick a distance of images as can be."""

    def distance(self, images: Tensor, others: Tensor) -> Tensor:
        return (images - others).abs().mean(dim=(1, 2, 3))


class Mean:
    """Gives the mean latent for every image."""

    def __call__(self, images: Tensor) -> Tensor:
        return Bars.w_mean.expand(len(images), ROWS, 3)


class Exact:
    """Reads the latents from the bars, and adds ``off``."""

    def __init__(self, off: float) -> None:
        self.off = off

    def __call__(self, images: Tensor) -> Tensor:
        return images[:, :, 3::6, 0][..., :ROWS].transpose(1, 2) + self.off


@pytest.mark.parametrize("off", [0.0, 0.05])
def test_figures_have_their_units(off: float, pool: Any) -> None:
    pool.images = pool.images.clamp(26, 229)  # nothing is at the edge of what can be shown
    found = training.evaluate(Exact(off), Bars(), pool, 40)
    # Two in the last digit of eight bits of rounding; drawn bars were rounded before, so they come back exactly.
    assert found["drawn/l1"] == pytest.approx(off / 2, abs=1e-6)
    assert found["drawn/psnr"] == pytest.approx(100.0 if not off else 20 * math.log10(2 / off), abs=0.01)
    assert found["samples/latents"] >= off / 0.3 - 1e-6
    assert found["drawn/lpips"] < 1e-6 if not off else found["drawn/lpips"] > 1e-4
