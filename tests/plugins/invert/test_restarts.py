"""Where the optimisation from the mean begins badly, uniform random numbers are tried; the better of both is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

import i2i
from i2i_plugins.invert import restarts
from i2i_plugins.invert.methods import METHODS
from i2i_plugins.invert.options import InvertOptions, resolve_method
from i2i_plugins.invert.pipeline import reconstruct
from i2i_plugins.invert.reconstruction import Reconstruction
from tests.plugins.invert.scenes import drawn_faces, scene

pytestmark = pytest.mark.usefixtures("one_thread")
STEPS = 40
MIXED = replace(METHODS["lpips"], steps=STEPS, patience=0, noise=False)
"""From the mean; checked after 10 steps."""


def shoe() -> torch.Tensor:
    """A dark wedge on white ``(1, 3, 64, 64)``: nothing that a generator of faces knows."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    covered = ((y > -0.2 + 0.5 * x.square()) & (y < 0.5)).float()
    return (1 - 1.8 * covered).expand(1, 3, 64, 64).clone()


def run(images: torch.Tensor, method: Any, **given: Any) -> tuple[list[Reconstruction], list[str], list[Any]]:
    told, notes, steps = scene(images, **given)
    return reconstruct(told, images, method), notes, steps


def from_start(start: str) -> Reconstruction:
    return run(shoe(), replace(MIXED, initial=start, try_uniform=False))[0][0]


def test_uniform_is_taken_where_the_mean_begins_badly() -> None:
    (found,), notes, steps = run(shoe(), MIXED)
    mean, uniform = from_start("mean"), from_start("uniform")
    assert mean.metrics["psnr"][10] < restarts.BAD_PSNR and uniform.metrics["psnr"][10] > mean.metrics["psnr"][10]
    assert torch.equal(found.latent.w, uniform.latent.w) and found.losses == uniform.losses
    psnrs = [f"{each.metrics['psnr'][10]:.1f} dB" for each in (mean, uniform)]
    assert notes == [
        f"After 10 steps the PSNR of the photo is {psnrs[0]} from the mean latent and {psnrs[1]} from uniform random "
        "numbers, so the optimisation starts from the latter; --start chooses."
    ]
    done = [each for each, _ in steps]
    assert done == sorted(done) and steps[-1] == (2 * STEPS, 2 * STEPS) and len(steps) == 11 + STEPS + 1


def test_mean_is_repeated_in_full_where_uniform_is_no_better(monkeypatch: pytest.MonkeyPatch) -> None:
    def zeros_of_nothing(generator: Any, method: Any) -> torch.Tensor:
        return generator.w_mean.expand(1, generator.num_ws, -1) + 30

    monkeypatch.setattr(restarts, "initial_latent_without_encoder", zeros_of_nothing)
    (found,), notes, steps = run(shoe(), MIXED)
    mean = from_start("mean")
    assert torch.equal(found.latent.w, mean.latent.w) and found.losses == mean.losses and not found.abandoned
    assert len(notes) == 1 and "so the optimisation starts from the mean; --start chooses." in notes[0]
    assert len(steps) == 11 + 11 + STEPS + 1, "a quarter of the steps each, then all of them"


def test_photos_are_tried_alone() -> None:
    """A face beside the shoe is optimised from the mean, as it is alone."""
    face = drawn_faces(1)
    both, notes, _ = run(torch.cat([face, shoe()]), MIXED)
    (alone,), other_notes, _ = run(face, MIXED)
    assert len(notes) == 1 and not other_notes
    assert torch.equal(both[0].latent.w, alone.latent.w)
    assert torch.equal(both[1].latent.w, from_start("uniform").latent.w)


@pytest.mark.parametrize("method", [replace(MIXED, steps=36), replace(MIXED, initial="zeros"), METHODS["encoder"]])
def test_other_starts_and_short_runs_are_not_checked(method: Any) -> None:
    _, notes, steps = run(shoe(), method)
    assert not notes and (not method.steps or steps[-1] == (method.steps, method.steps))


def test_start_of_the_user_is_not_replaced() -> None:
    for start, tries in ((None, True), ("mean", False)):
        options: i2i.Options = InvertOptions(start=start, steps=STEPS)
        assert resolve_method(options, METHODS["lpips"]).try_uniform is tries  # type: ignore[arg-type]
    _, notes, _ = run(shoe(), resolve_method(InvertOptions(start="mean", steps=STEPS), MIXED))
    assert not notes


def test_early_stopping_before_the_check_counts_as_bad() -> None:
    _, notes, _ = run(shoe(), replace(MIXED, steps=100, patience=4, learning_rate=1e-6))
    assert len(notes) == 1 and notes[0].startswith("After 4 steps the PSNR of the photo is 6.1 dB from the mean")


def test_cancelled_trial_returns_the_better_so_far() -> None:
    calls = iter(range(1000))
    (found,), _, _ = run(shoe(), MIXED, stop=lambda: next(calls) > 14)
    best = max(from_start("mean").metrics["psnr"][10], from_start("uniform").metrics["psnr"][3])
    assert found.image.isfinite().all() and found.metrics["psnr"][-1] >= best - 1
