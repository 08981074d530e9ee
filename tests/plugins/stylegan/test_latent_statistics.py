"""The mean and spread of w, estimated once where a file has none."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

import i2i
from i2i.toolkit.latents import style_network
from i2i_plugins.stylegan import latent_statistics
from i2i_plugins.stylegan.generators import StyleGAN2
from i2i_plugins.stylegan.networks.stylegan2 import StyleGAN2Generator


def opened(known: bool) -> StyleGAN2:
    torch.manual_seed(0)
    tensors = StyleGAN2Generator.create(8, z_dim=16, w_dim=16, channel_max=16, mapping_layers=2).state_dict()
    tensors["mapping.w_avg"] = torch.full((16,), 0.25)
    if not known:
        del tensors["mapping.w_avg"]
    return StyleGAN2(i2i.Weights("stylegan2", tensors), i2i.choose_device("cpu", "fp32"))


def test_stored_mean_is_used() -> None:
    generator = opened(known=True)
    assert torch.equal(generator.w_mean, torch.full((16,), 0.25))
    assert torch.equal(generator.map(torch.randn(3, 16), truncation=0.0), torch.full((3, 4, 16), 0.25))


def test_missing_mean_is_estimated() -> None:
    generator = opened(known=False)
    w = generator.map(torch.randn(20_000, 16, generator=torch.Generator().manual_seed(1)))[:, 0]
    spread = (w - w.mean(dim=0)).square().sum(dim=1).mean().sqrt()
    # 10,000 samples against 20,000 others
    torch.testing.assert_close(generator.w_mean, w.mean(dim=0), rtol=0, atol=0.05)
    assert generator.w_std == pytest.approx(float(spread), rel=0.03)
    assert torch.equal(generator.map(torch.randn(1, 16), truncation=0.0)[0, 0], generator.w_mean)


def test_mean_and_deviation_are_estimated_together(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = opened(known=False)
    assert generator.w_mean.isfinite().all()
    monkeypatch.setattr(style_network, "SAMPLES", 0)  # estimating again would fail
    assert generator.w_std > 0 and len(list((own_home / "statistics").iterdir())) == 1


def test_mean_is_estimated_once(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(known=False)
    mean, spread = first.w_mean, first.w_std
    monkeypatch.setattr(style_network, "SAMPLES", 0)  # estimating again would fail
    assert torch.equal(opened(known=False).w_mean, mean) and opened(known=False).w_std == spread
    for file in (own_home / "statistics").iterdir():
        file.write_text("damaged")
    monkeypatch.setattr(style_network, "SAMPLES", 10_000)
    assert torch.equal(opened(known=False).w_mean, mean)


def test_mean_is_estimated_once_by_two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads stand for processes here: each has a lock of its own."""
    generators = [opened(known=False) for _ in range(2)]
    estimates, estimate, meet = [], latent_statistics.LatentStatistics._estimate, threading.Barrier(2)

    def slow(self: latent_statistics.LatentStatistics) -> dict[str, Any]:
        estimates.append(1)
        with contextlib.suppress(threading.BrokenBarrierError):
            meet.wait(1)  # without a lock both estimate
        return estimate(self)

    monkeypatch.setattr(latent_statistics.LatentStatistics, "_estimate", slow)
    threads = [threading.Thread(target=lambda generator=each: generator.w_std) for each in generators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert estimates == [1] and generators[0].w_std == generators[1].w_std
