"""The loop against the plain one of the benchmark: the same losses on the same way."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest

import i2i
from i2i.toolkit.latents import features
from i2i_plugins.invert.methods import METHODS
from i2i_plugins.invert.optimisation import LatentInversion
from i2i_plugins.perceptual.lpips_extractor import LpipsVgg
from tests.helpers.vgg16_of_noise import write
from tests.plugins.invert.scenes import CPU, generator, samples

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.mark.usefixtures("one_thread")
def test_optimisation_matches_reference_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from plain_invert import PlainLoop

    made, perceptual, target = generator("stylegan2"), LpipsVgg(CPU, write(tmp_path)), samples("stylegan2", [8])
    monkeypatch.setattr(features, "SMALLEST", 32)  # which the plain loop does not enlarge
    rate, weight = 0.05, 1e3
    method = replace(
        METHODS["projector"],
        space="w+",
        warmup=0.0,
        decay=0.0,
        jitter=0.0,
        learning_rate=rate,
        regularize_noise_weight=weight,
        steps=4,
    )
    scene = i2i.Scene({}, CPU, {"perceptual": perceptual}, generator=made)
    optimisation = LatentInversion(scene, method, target, made.w_mean.expand(1, made.num_ws, -1))
    ((_, trajectory),) = optimisation.run()
    lent = copy.copy(made)
    lent.network = copy.deepcopy(made.network)
    plain = PlainLoop(lent, perceptual, target, rate, weight)
    losses = [plain.step() for _ in range(5)]
    assert trajectory.losses == pytest.approx(losses, rel=1e-4)  # sums of another order; about 1e-6
    assert losses[-1] < 0.95 * losses[0]
