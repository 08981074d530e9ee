"""Pivotal tuning: the generator learns one photo, what is kept of it gives the picture again, and the rest stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

import i2i
from i2i_plugins.invert.methods import METHODS, Tuning
from i2i_plugins.invert.pipeline import reconstruct
from i2i_plugins.invert.reconstruction import Reconstruction, ReconstructionLoss
from tests.plugins.invert.scenes import drawn_faces, generator, lpips, samples, scene

pytestmark = pytest.mark.usefixtures("one_thread")


def tuned(tuning: Tuning, target: torch.Tensor, pivots: list[Reconstruction]) -> Reconstruction:
    return reconstruct(scene(target)[0], target, replace(METHODS["hybrid-pti"], tuning=tuning), pivots=pivots)[0]


@pytest.fixture(scope="module")
def pivots() -> list[Reconstruction]:
    target = drawn_faces(1)
    return reconstruct(scene(target)[0], target, METHODS["encoder"])


def test_tuning_changes_reproduce_the_image(pivots: list[Reconstruction]) -> None:
    made, before = generator("demo"), {name: each.clone() for name, each in generator("demo").weights().items()}
    found = tuned(Tuning(steps=5, target_lpips=0), drawn_faces(1), pivots)
    assert torch.equal(found.latent.w, pivots[0].latent.w) and found.steps == 5 and len(found.tuning_losses) == 6
    with torch.no_grad():
        again = made.tuned(found.latent.changes).render(found.latent.w).clamp(-1, 1)
        assert torch.equal(again, found.image) and not torch.equal(again, pivots[0].image)
    assert all(torch.equal(each, made.weights()[name]) and not each.requires_grad for name, each in before.items())
    for change in found.latent.changes.values():  # one byte a number: at most 255 values in each slice
        slices = change.reshape(len(change) if change.ndim else 1, -1)
        assert all(each.unique().numel() <= 255 for each in slices) and change.any()


def test_tuning_stops_at_target_lpips(pivots: list[Reconstruction]) -> None:
    target = drawn_faces(1)
    there = lpips().distance(pivots[0].image, target).item()
    found = tuned(Tuning(steps=40, learning_rate=1e-3, target_lpips=0.8 * there), target, pivots)
    with torch.no_grad():
        reached = lpips().distance(found.image, target).item()
    # What is stored is coarser than what was learnt, by a hundredth of the difference.
    assert 0 < found.steps < 40 and reached < 0.81 * there


def test_tuning_records_terms_and_psnr(pivots: list[Reconstruction]) -> None:
    target = drawn_faces(1)
    found = tuned(Tuning(steps=2, target_lpips=0, locality_weight=0.1), target, pivots)
    metrics = found.tuning_metrics
    assert {name: len(values) for name, values in metrics.items()} == {"mse": 3, "lpips": 3, "psnr": 3, "locality": 2}
    sums = [sum(values) for values in zip(metrics["mse"], metrics["lpips"], strict=True)]
    assert sums == pytest.approx(found.tuning_losses, rel=1e-5) and metrics["psnr"][-1] > metrics["psnr"][0]


def test_tuning_keeps_pivot_below_target() -> None:
    target = samples("demo", [1])
    there = reconstruct(scene(target)[0], target, METHODS["encoder"])
    found = tuned(Tuning(target_lpips=0.2), target, there)
    assert found.latent.changes == {} and found.steps == there[0].steps and len(found.tuning_losses) == 1


def test_tuning_locality_preserves_other_latents(pivots: list[Reconstruction]) -> None:
    target, made = drawn_faces(1), generator("demo")
    strayed = []
    with torch.no_grad():
        others = made.w_mean + 0.5 * (samples_of_w(4) - made.w_mean)
        before = made.render(others)
        for locality in (0.0, 10.0):
            with torch.enable_grad():
                found = tuned(
                    Tuning(steps=6, learning_rate=1e-3, target_lpips=0, locality_weight=locality), target, pivots
                )
            strayed.append((made.tuned(found.latent.changes).render(others) - before).square().mean().item())
    assert strayed[1] < 0.8 * strayed[0]


def samples_of_w(count: int) -> torch.Tensor:
    z = torch.randn(count, generator("demo").z_dim, generator=torch.Generator().manual_seed(5))
    w: torch.Tensor = generator("demo").map(z)
    return w


def test_published_tuning_compares_features_at_full_size() -> None:
    """The loss of pti: LPIPS of the role's extractor and L2, both with weight 1, at the resolution of the images."""
    asked: list[tuple[int, ...]] = []

    class Recorded:
        name = "lpips"

        def features(self, images: torch.Tensor) -> object:
            asked.append(tuple(images.shape))
            return lpips().features(images)

        def compare(self, features: Any, others: Any) -> torch.Tensor:
            return lpips().compare(features, others)

    photo = torch.rand(1, 3, 320, 320) * 2 - 1
    told = replace(scene(drawn_faces(1))[0], extractors={"perceptual": Recorded()})
    for full_size, side in ((True, 320), (False, 256)):
        loss = ReconstructionLoss(told, METHODS["pti"].tuning_loss(), photo, full_size)
        terms = loss.weighted_terms(0.5 * photo)
        assert asked.pop() == asked.pop() == (1, 3, side, side)
        assert terms["mse"].item() == pytest.approx((0.5 * photo).square().mean().item())
        assert list(terms) == ["mse", "lpips"]
    tuning = METHODS["pti"].tuning
    assert tuning is not None and tuning.full_size and tuning.locality_weight == 0
    assert (tuning.steps, tuning.learning_rate, tuning.target_lpips) == (350, 3e-4, 0.06)


def test_cancelled_tuning_keeps_changes() -> None:
    target = drawn_faces(1)
    told, _, steps = scene(target, stop=lambda: len(steps) >= 5)
    method = replace(METHODS["hybrid-pti"], steps=2, tuning=Tuning(steps=50, target_lpips=0))
    (found,) = reconstruct(told, target, method)
    assert found.steps == 4 and found.latent.changes and steps[-1] == (4, 52)


def test_tuning_refuses_untunable_family(pivots: list[Reconstruction]) -> None:
    class Rigid:
        def __getattr__(self, name: str) -> object:
            return getattr(generator("demo"), name)

        def tuned(self) -> None:
            raise i2i.I2IError("Generators of the family 'rigid' cannot be tuned; choose another method.")

    target = drawn_faces(1)
    with pytest.raises(i2i.I2IError, match="cannot be tuned; choose another method"):
        reconstruct(scene(target, made=Rigid())[0], target, METHODS["hybrid-pti"], pivots=pivots)
