"""The loop: photos do not feel each other, leave when they gain no more, and can be stopped; memory stays flat."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import pytest
import torch

import i2i
from i2i_plugins.invert.methods import METHODS
from i2i_plugins.invert.pipeline import batch_size_for, largest_batch, reconstruct, run_batches
from tests.plugins.invert.scenes import CPU, Near, compare, drawn_faces, generator, lpips, samples, scene

pytestmark = pytest.mark.usefixtures("one_thread")
PROJECTOR = replace(METHODS["projector"], features="perceptual")
FEW = replace(METHODS["hybrid"], steps=6, steps_from_mean=6)


@pytest.mark.parametrize("family", ["demo", "stylegan2"])
def test_reconstruct_does_not_depend_on_batch(family: str) -> None:
    """To the bit as the CPU takes photos, one at a time; in a batch up to the order of sums, which steps enlarge."""
    own = drawn_faces(1) if family == "demo" else samples(family, [8])
    pictures = torch.cat([samples(family, [3]), own, samples(family, [4])])
    method = replace(METHODS["lpips"], initial="encoder", learning_rate=0.05, steps=3)
    (alone,) = reconstruct(scene(own, family)[0], own, method)
    for batch in (None, 2, 3):
        together = reconstruct(scene(pictures, family)[0], pictures, method, batch=batch)[1]
        exact = batch is None
        assert together.losses == (alone.losses if exact else pytest.approx(alone.losses, rel=1e-3))
        pairs = [(together.image, alone.image), (together.latent.w, alone.latent.w)]
        pairs += [(together.latent.noise[name], plane) for name, plane in alone.latent.noise.items()]
        for one, other in pairs:
            assert torch.equal(one, other) if exact else torch.allclose(one, other, rtol=0, atol=1e-2)


def test_reconstruct_is_deterministic() -> None:
    target = samples("stylegan2", [8])
    method = replace(PROJECTOR, steps=4)
    one, other = (reconstruct(scene(target, "stylegan2")[0], target, method)[0] for _ in range(2))
    assert torch.equal(one.latent.w, other.latent.w) and torch.equal(one.image, other.image)


def test_terms_and_psnr_of_every_step_are_recorded() -> None:
    target = samples("stylegan2", [8])
    method = replace(METHODS["lpips"], steps=4, prior_weight=0.01)
    (found,) = reconstruct(scene(target, "stylegan2")[0], target, method)
    assert set(found.metrics) == {"mse", "lpips", "prior", "noise", "psnr"}
    assert all(len(values) == len(found.losses) for values in found.metrics.values())
    sums = [sum(values) for values in zip(*(found.metrics[name] for name in ("mse", "lpips", "prior")), strict=True)]
    assert sums == pytest.approx(found.losses, rel=1e-5) and found.metrics["noise"][-1] > 0
    best = found.losses.index(found.loss)
    psnr = compare(found.image, target)[0]["psnr"]
    assert found.metrics["psnr"][best] == pytest.approx(psnr, abs=1e-3)


def test_first_steps_compare_features_at_lower_resolution(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their losses are not compared with those of the others, of which the best latent is returned."""
    monkeypatch.setattr("i2i_plugins.invert.reconstruction.COARSE", 48)
    sides: list[int] = []

    class Recorded:
        name = "lpips"

        def features(self, images: torch.Tensor) -> object:
            sides.append(images.shape[-1])
            return lpips().features(images)

        def compare(self, features: Any, others: Any) -> torch.Tensor:
            return lpips().compare(features, others)

    target = samples("demo", [3])
    told = replace(scene(target)[0], extractors={"perceptual": Recorded()})
    (found,) = reconstruct(told, target, replace(FEW, initial="mean", coarse=0.5, learning_rate=0.5))
    assert sides == [48, 48, 48, 48, 64, 64, 64, 64, 64]  # the photo, and steps 0 to 2; the photo, and steps 3 to 6
    assert found.loss == min(found.losses[3:])
    assert found.metrics["mse"][0] + found.metrics["lpips"][0] == pytest.approx(found.losses[0], rel=1e-5)


def test_noise_maps_are_returned_and_change_the_image() -> None:
    target = samples("stylegan2", [8])
    (found,) = reconstruct(scene(target, "stylegan2")[0], target, replace(PROJECTOR, steps=6))
    made = generator("stylegan2")
    assert set(found.latent.noise) == set(made.noise_maps)
    for name, plane in found.latent.noise.items():
        assert not torch.equal(plane, made.noise_maps[name])
        assert plane.mean().abs() < 1e-4 and plane.square().mean().item() == pytest.approx(1, abs=1e-3)
    with torch.no_grad():
        assert torch.equal(made.render(found.latent.w, found.latent.noise).clamp(-1, 1), found.image)
        assert not torch.allclose(made.render(found.latent.w).clamp(-1, 1), found.image, atol=1e-3)


def test_noise_maps_without_effect_are_not_returned() -> None:
    target = samples("demo", [3])
    (found,) = reconstruct(scene(target)[0], target, replace(PROJECTOR, steps=2))
    assert found.latent.noise == {} and generator("demo").noise_maps


def test_patience_ends_each_photo() -> None:
    """At a rate at which nothing can be gained, ``patience`` steps are taken and no more."""
    target = samples("demo", [3, 4])
    told, _, steps = scene(target)
    settled = replace(FEW, steps=50, learning_rate=1e-9, patience=4)
    found = reconstruct(told, target, settled)
    assert [each.steps for each in found] == [4, 4] and len(steps) == 2 * 5
    assert [each.steps for each in reconstruct(told, target, replace(settled, steps=6, patience=0))] == [6, 6]


def test_best_latent_is_returned_when_steps_diverge() -> None:
    target = samples("demo", [3])
    told = scene(target)[0]
    (found,) = reconstruct(told, target, replace(FEW, learning_rate=50.0, warmup=0, decay=0))
    assert found.loss == min(found.losses) < max(found.losses)
    with torch.no_grad():
        x = generator("demo").render(found.latent.w)
        loss = lpips().distance(x, target) + FEW.rec_weight * (x - target).square().mean()
    assert loss.item() == pytest.approx(found.loss, rel=1e-4)


def test_memory_stays_flat() -> None:
    """The same tensors, and as many bytes of them, after every step."""
    target = samples("stylegan2", [8, 9])
    told = scene(target, "stylegan2")[0]
    seen: list[tuple[int, int]] = []

    def look(done: int, total: int, **scalars: float) -> None:
        gc.collect()  # what earlier tests left could be collected at any step
        alive = [each for each in gc.get_objects() if type(each) is torch.Tensor]
        seen.append((len(alive), sum(each.numel() for each in alive)))

    reconstruct(told, target, replace(METHODS["lpips"], steps=8, patience=0), look, batch=2)
    assert len(set(seen[2:-1])) == 1


def test_cancelled_reconstruct_returns_best_so_far() -> None:
    target = drawn_faces(2)
    told, _, steps = scene(target, stop=lambda: len(steps) >= 3)
    found = reconstruct(told, target, replace(FEW, steps=100), batch=1)
    taken = [each.steps for each in found]
    assert taken == [2, 0]  # the second photo is as the encoder sees it
    assert found[0].loss < found[0].losses[0] and all(each.image.isfinite().all() for each in found)


def test_progress_counts_the_steps_of_all_photos() -> None:
    target = drawn_faces(3)
    told, _, steps = scene(target)
    reconstruct(told, target, replace(FEW, steps=2), batch=2)
    assert steps == [(0, 6), (2, 6), (4, 6), (4, 6), (5, 6), (6, 6)]


@pytest.mark.parametrize(
    ("free", "one", "two", "count", "photos"),
    [(1000, 100, 150, 100, 16), (1000, 100, 150, 4, 4), (50, 100, 150, 4, 1), (1000, 100, 100, 8, 8)],
)
def test_batch_that_fits_memory(free: int, one: int, two: int, count: int, photos: int) -> None:
    """(0.85 * 1000 - 100) / 50 = 15 photos besides the first."""
    assert largest_batch(free, one, two, count) == photos


def test_batch_size_on_cpu_is_one_without_a_trial() -> None:
    def attempt(photos: int) -> None:
        raise AssertionError("nothing is to be tried on a CPU")

    assert batch_size_for(CPU, 20, attempt) == 1


def test_early_stopping_does_not_change_other_photos() -> None:
    """In one batch: the first gains nothing, for it is where it should be; the second goes on to the end."""
    target = torch.cat([samples("demo", [1], 0.5), drawn_faces(1)])
    encoder = Near(generator("demo"))
    told = scene(target, extractors={"perceptual": lpips(), "encoder": encoder})[0]
    method = replace(FEW, steps=8, learning_rate=0.02, patience=2)
    left, stayed = reconstruct(told, target, method, batch=2)
    assert left.steps < stayed.steps == 8 and left.loss < 1e-3
    alone = reconstruct(scene(target[1:], extractors=told.extractors)[0], target[1:], method)[0]
    assert stayed.losses == pytest.approx(alone.losses, rel=1e-3)


def test_run_batches_halves_when_out_of_memory() -> None:
    tried: list[int] = []

    def work(part: range) -> list[int]:
        tried.append(len(part))
        if len(part) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return list(part)

    assert run_batches(7, 8, work) == list(range(7))
    assert tried == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    with pytest.raises(RuntimeError, match="another"):
        run_batches(2, 2, lambda part: (_ for _ in ()).throw(RuntimeError("another")))


def test_reconstruct_refuses_other_resolution() -> None:
    with pytest.raises(i2i.UsageError, match=r"shape \(1, 3, 32, 32\).*makes \(N, 3, 64, 64\): resize"):
        reconstruct(scene(drawn_faces(1))[0], torch.zeros(1, 3, 32, 32), FEW)
