"""Teaching demo-faces: every stage runs, what broke off goes on, and what comes out is a generator like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import i2i
from i2i_plugins.demo import synthetic_faces
from research.demo import pools
from research.demo.train import save
from research.demo.training import generator, generator_steps
from research.demo.training.settings import Trained, TrainingSettings

QUICK = replace(generator.DEFAULTS, steps=1, batch=2, images=8)
"""One step of two images in every stage."""


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TrainingSettings:
    monkeypatch.setenv("I2I_HOME", str(tmp_path / "home"))
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8, generator=rng)
    z = torch.randn(8, synthetic_faces.Z_DIM, generator=rng)
    pool = pools.Pool(images, torch.zeros(8, 1), torch.zeros(8, 68, 2), torch.arange(8), z)
    monkeypatch.setattr(pools, "pool", lambda *args, **terms: pool)
    return QUICK


def stages(monkeypatch: pytest.MonkeyPatch, fail_at: int | None = None) -> list[tuple[str, int, int]]:
    """Note each stage as it begins; the one of this number is broken off by Ctrl-C."""
    begun: list[tuple[str, int, int]] = []

    def noted(name: str, run: Any) -> Any:
        def stage(lesson: Any, stage: Any, settings: TrainingSettings) -> None:
            if fail_at == len(begun):
                raise KeyboardInterrupt
            begun.append((name, stage.resolution, settings.steps))
            run(lesson, stage, settings)

        return stage

    monkeypatch.setattr(generator, "supervise", noted("supervise", generator_steps.supervise))
    monkeypatch.setattr(generator, "finish", noted("finish", generator_steps.finish))
    return begun


def test_trained_weights_open_as_generator(settings: TrainingSettings, tmp_path: Path) -> None:
    said: list[str] = []
    trained = generator.train(settings, said.append)
    assert any(line.startswith("finish: step 1 of 1: pixels") and "images/s" in line for line in said)
    save(trained, tmp_path / "made.safetensors")
    opened = i2i.generator(tmp_path / "made.safetensors", "cpu")
    assert (opened.resolution, opened.z_dim, opened.w_dim, opened.num_ws) == (64, synthetic_faces.Z_DIM, 128, 10)
    z = torch.randn(2, synthetic_faces.Z_DIM)
    assert torch.equal(opened.render(opened.map(z)), opened.render(opened.map(z), noise="none"))  # noise has no say
    many = torch.randn(
        20_000, synthetic_faces.Z_DIM, generator=torch.Generator().manual_seed(1)
    )  # means are sure to about 0.01
    assert opened.map(many)[:, 0].mean(dim=0) == pytest.approx(opened.w_mean, abs=0.05)


def test_training_resumes_after_last_stage(settings: TrainingSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = stages(monkeypatch, fail_at=3)
    broken = generator.train(settings, lambda text: None)
    assert isinstance(broken, Trained) and len(begun) == 3
    rest = stages(monkeypatch)
    went_on = generator.train(settings, lambda text: None)
    monkeypatch.undo()
    assert [each[1] for each in begun + rest] == [stage.resolution for stage in (*generator.STAGES, generator.FINISH)]
    assert any(not torch.equal(went_on.tensors[key], value) for key, value in broken.tensors.items())


def test_training_is_seeded(settings: TrainingSettings) -> None:
    one, other = (generator.train(settings, lambda text: None).tensors for _ in range(2))
    assert all(torch.equal(one[key], value) for key, value in other.items())


def test_edge_loss() -> None:
    target = torch.zeros(1, 3, 8, 8)
    target[..., 4:] = 1
    even = target + 0.1
    assert float(generator_steps.edges(even, target)) == pytest.approx(0, abs=1e-6)
    soft = target.clone()
    soft[..., 3:5] = 0.5
    # Of the 7 differences in a row the step of 1 becomes half a step on either side: 3 of 7 are off, by 1/2, 1 and 1/2.
    assert float(generator_steps.edges(soft, target)) == pytest.approx(2 / 7)
