"""How the embedded world is measured: unseen faces, and what is said of generators whose worth is known."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i_plugins.demo import synthetic_faces
from i2i_plugins.encoder.augmentation import blur
from research.demo import pools
from research.demo.measures import faces, generator, networks
from research.demo.measures import samples as benches
from research.demo.measures.dlib_detector import Detector, Predictor
from research.demo.measures.figures import Figure
from research.demo.measures.samples import EvaluationSamples, first, to_bytes
from research.demo.training import encoder, identity, landmarks, text
from research.demo.training import generator as taught
from tests.helpers.needing_dlib import require_dlib

COUNT = 16


@pytest.fixture(scope="module")
def targets() -> pools.Pool:
    return pools.render_pool(COUNT, first_seed=synthetic_faces.UNSEEN, of_latents=True, alone=True)


class Drawer(i2i.StyleGenerator):
    """Draws for a latent the face of a pool whose latent points most its way, and spoils it in a way of its own."""

    name = "drawer"
    summary = "Knows the truth."
    z_dim, w_dim, num_ws, resolution = synthetic_faces.Z_DIM, synthetic_faces.Z_DIM, 10, 64
    device = i2i.choose_device("cpu", "fp32")

    def __init__(self, pool: pools.Pool, spoil: Callable[[Tensor], Tensor] = lambda images: images) -> None:
        self.pool, self.spoil = pool, spoil

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        return truncation * z[:, None].repeat(1, self.num_ws, 1)

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        nearest = F.normalize(w[:, 0]) @ F.normalize(self.pool.latents).T
        return self.spoil(pools.images_of(self.pool, nearest.argmax(dim=1)))


def bench_of(targets: pools.Pool, spoil: Callable[[Tensor], Tensor] = lambda images: images) -> EvaluationSamples:
    bench = EvaluationSamples(COUNT, alone=True)
    bench.targets, bench.generator = targets, Drawer(targets, spoil)  # type: ignore[misc]
    return bench


class Edges:
    """In place of the Fréchet distance: how far apart sets lie in how much neighbouring pixels differ."""

    def __init__(self) -> None:
        self.sets: dict[str, list[Tensor]] = {"outputs": [], "targets": []}

    def add_outputs(self, images: Tensor) -> None:
        self.sets["outputs"].append(images.diff(dim=3).abs().mean(dim=(1, 2, 3)))

    def add_targets(self, images: Tensor) -> None:
        self.sets["targets"].append(images.diff(dim=3).abs().mean(dim=(1, 2, 3)))

    def compute(self) -> float:
        outputs, targets = (torch.cat(each) for each in self.sets.values())
        assert len(outputs) == len(targets) == COUNT
        return abs(float(outputs.mean() - targets.mean()))


def values(figures: list[Figure]) -> dict[str, float]:
    return {figure.name: figure.value for figure in figures}


# Faces.


def test_pool_renders_seeds_people_and_latents(targets: pools.Pool) -> None:
    known = synthetic_faces.faces()
    pool = pools.render_pool(4, size=48, per_identity=2, first_seed=synthetic_faces.UNSEEN, alone=True)
    assert pool.identities.tolist() == [
        synthetic_faces.UNSEEN,
        synthetic_faces.UNSEEN,
        synthetic_faces.UNSEEN + 1,
        synthetic_faces.UNSEEN + 1,
    ]
    for index, seed in enumerate(range(synthetic_faces.UNSEEN, synthetic_faces.UNSEEN + 4)):
        assert np.array_equal(pool.values[index], known.values(seed, synthetic_faces.UNSEEN + index // 2))
    drawn = known.render(pool.values[3].numpy(), 48)
    assert np.array_equal(pool.images[3].permute(1, 2, 0), drawn.image)
    assert np.array_equal(pool.landmarks[3], drawn.landmarks)
    # NumPy and torch add 64 squares in another order.
    assert torch.allclose(targets.values, synthetic_faces.values_of(targets.latents), atol=1e-5)
    assert np.array_equal(targets.latents[5], synthetic_faces.latents(synthetic_faces.UNSEEN + 5))


def test_pool_is_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def here() -> Any:
        yield map

    monkeypatch.setattr(pools, "_workers", here)
    messages: list[str] = []
    drawn, again = (pools.pool("few", 3, 32, say=messages.append) for _ in range(2))
    assert messages == ["rendered 3 of 3 faces"] and vars(drawn).keys() == vars(again).keys()
    assert all(torch.equal(one, other) for one, other in zip(vars(drawn).values(), vars(again).values(), strict=True))
    assert len(first(drawn, 2)) == 2 and len(first(drawn, 2).landmarks) == 2


def test_evaluation_seeds_are_not_training_seeds() -> None:
    for module in (encoder, identity, landmarks, text, taught):
        assert getattr(module, "FIRST_SEED", 0) + module.DEFAULTS.images < synthetic_faces.UNSEEN


# The generator's figures, of generators whose worth is known.


def test_perfect_generator_has_the_best_figures(targets: pools.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = bench_of(targets)
    monkeypatch.setattr(bench, "frechet", Edges)
    assert torch.equal(bench.samples.images, targets.images)
    found = values(generator.likeness(bench)) | values(generator.variety(bench)) | values(generator.frechet(bench))
    assert found["truth/l1"] == 0 and found["truth/lpips"] == 0 and found["truth/psnr"] == pytest.approx(100)
    assert found["variety"] == 1 and found["variety/samples"] == found["variety/drawn"] > 0.05
    assert found["frechet"] == found["frechet/floor"] > 0 and found["frechet/blurred"] > 0
    assert not np.array_equal(bench.faces.images, targets.images)


def test_blur_baseline(targets: pools.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    def soften(images: Tensor) -> Tensor:
        return blur(images, torch.full((len(images),), generator.BLUR))

    bench = bench_of(targets, soften)
    bench.faces = targets  # type: ignore[misc]
    monkeypatch.setattr(bench, "frechet", Edges)
    frechet, bar, floor = generator.frechet(bench)
    # The samples are rounded to whole steps of 255, as files would be, and the blurred faces of the bar are not.
    assert frechet.value == pytest.approx(bar.value, rel=0.05) and frechet.under == bar.value > 0
    assert floor.value == 0
    found = values(generator.likeness(bench))
    gap = (soften(pools.images_of(targets, slice(None))) - pools.images_of(targets, slice(None))).abs().mean() / 2
    assert found["truth/l1"] == pytest.approx(float(gap), rel=0.05)
    assert 20 < found["truth/psnr"] < 40 and found["truth/lpips"] > 0.005


def test_constant_generator_has_no_variety(targets: pools.Pool) -> None:
    found = generator.variety(bench_of(targets, lambda images: torch.zeros_like(images)))
    assert found[0].value == 0 and found[0].holds is False


def test_lines_in_w_are_straight(targets: pools.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = bench_of(targets)
    rendered: list[Tensor] = []
    monkeypatch.setattr(bench.generator, "render", lambda w: rendered.append(w) or torch.zeros(len(w), 3, 64, 64))
    assert generator.interpolated(bench, 3).shape == (3 * generator.STEPS, 3, 64, 64)
    rows = torch.cat(rendered).view(3, generator.STEPS, 10, synthetic_faces.Z_DIM)
    z = 0.7 * targets.latents[:6]
    for row, (start, end) in enumerate(zip(z[:3], z[3:], strict=True)):
        for step in range(generator.STEPS):
            share = step / (generator.STEPS - 1)
            assert torch.allclose(rows[row, step], (start + share * (end - start)).expand(10, -1), atol=1e-6)


def test_dlib_detects_synthetic_faces_and_no_grey(targets: pools.Pool) -> None:
    require_dlib()
    whole, grey = (values(generator.seen(bench_of(targets, way))) for way in (lambda x: x, torch.zeros_like))
    assert set(grey.values()) == {0.0} and len(grey) == 3
    assert min(whole.values()) >= 0.75  # of 4 faces and of 9 on a line, some turned far away


# The synthetic faces, and the extractors.


def test_dlib_landmarks_of_synthetic_face() -> None:
    require_dlib()
    bench = EvaluationSamples(COUNT, alone=True)
    figures = {figure.name: figure for figure in [*faces.seen(bench), *faces.agreement(bench)]}
    assert len(bench.large) == 4 and figures["seen/all"].value >= 0.5
    assert 0 < figures["landmarks/median"].value < 0.1 and figures["landmarks/median"].under == 0.07
    image = bench.large.images[0].permute(1, 2, 0).contiguous().numpy()
    box = Detector().box(image)
    assert box is not None and Predictor(bench.registry)(image, box).shape == (68, 2)
    assert Detector().box(np.zeros_like(image)) is None


def test_rotation_combines_yaw_and_pitch(monkeypatch: pytest.MonkeyPatch, targets: pools.Pool) -> None:
    poses = [{"yaw": -20.0, "pitch": 0.0}, {"yaw": 0.0, "pitch": 7.0}, {"yaw": 30.0, "pitch": 30.0}]

    class Known:
        def describe(self, values: np.ndarray) -> dict[str, float]:
            return poses.pop(0)

    monkeypatch.setattr(synthetic_faces, "faces", Known)
    # Turned by 30 degrees to the side and as many up: the cosine is 3/4.
    assert faces.turns(first(targets, 3)) == pytest.approx([20.0, 7.0, 41.4096], abs=1e-3)


def test_samples_are_compared_with_their_identity(targets: pools.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Colours:
        """Knows a face by its colours."""

        def align(self, images: Tensor, landmarks: Tensor) -> Tensor:
            assert len(landmarks) == len(images)
            return images

        def __call__(self, images: Tensor) -> Tensor:
            return F.normalize(images.mean(dim=(2, 3)) + 1)

    bench = bench_of(targets)
    monkeypatch.setattr(bench, "extractor", lambda name: Colours())
    own, others = networks.likeness_of_samples(bench)
    looks = Colours()(pools.images_of(targets, slice(COUNT // 4)))
    assert own.value == pytest.approx(1, abs=1e-6)
    assert others.value == pytest.approx(float((looks * looks.roll(1, 0)).sum(dim=1).mean()), abs=1e-6)
    assert others.value < 1 - 1e-4


def test_missing_weights_and_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = {name: type("Gone", (), {"path": tmp_path / name}) for name in ("demo-faces", "demo-text")}
    monkeypatch.setattr(benches, "BY_NAME", missing)
    monkeypatch.setitem(sys.modules, "dlib", None)
    bench = EvaluationSamples(COUNT, alone=True)
    with pytest.raises(
        i2i.I2IError, match=r"demo-faces has no weights at .*demo-faces: type 'python -m .*demo.train demo-f"
    ):
        bench.samples  # noqa: B018
    assert "targets" not in vars(bench), "nothing is drawn in vain"
    with pytest.raises(i2i.I2IError, match="demo-text has no weights"):
        bench.extractor("demo-text")
    with pytest.raises(i2i.I2IError, match=r"run: pip install 'i2i\[dlib\]'"):
        Detector()


def test_images_are_rounded_to_uint8() -> None:
    assert to_bytes(torch.tensor([-1.2, -1.0, 0.0, 0.9999, 1.3])).tolist() == [0, 0, 128, 255, 255]
