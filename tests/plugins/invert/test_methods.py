"""Every method on every family of generators: it gains, and what it gives is what its latent renders to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import i2i
from i2i_plugins.invert.judgement import judge
from i2i_plugins.invert.methods import METHODS, Tuning
from i2i_plugins.invert.options import InvertOptions, resolve_method
from i2i_plugins.invert.pipeline import reconstruct
from i2i_plugins.invert.reconstruction import perceptual_extractor
from i2i_plugins.perceptual.lpips_extractor import LpipsVgg
from i2i_plugins.perceptual.vgg16_extractor import Vgg16
from tests.helpers.vgg16_of_noise import write
from tests.plugins.invert.scenes import CPU, Near, drawn_faces, generator, lpips, samples, scene

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The extractors on VGG16, with random weights."""
    path = write(tmp_path_factory.mktemp("weights"))
    return {"vgg16": Vgg16(CPU, path), "lpips-vgg": LpipsVgg(CPU, path)}


def rendered(family: str, latent: i2i.Latent) -> torch.Tensor:
    """What whoever opens the latent sees."""
    with torch.no_grad():
        made = generator(family).tuned(latent.changes, latent.noise)
        return made.render(latent.w).expand(-1, 3, -1, -1).clamp(-1, 1)


@pytest.mark.parametrize("family", ["demo", "stylegan2", "stylegan3"])
@pytest.mark.parametrize("name", METHODS)
def test_methods_reduce_loss_and_image_is_that_of_latent(name: str, family: str, vgg16: dict[str, Any]) -> None:
    made = generator(family)
    target = drawn_faces(1) if family == "demo" else samples(family, [5])
    encoder = Near(made)  # so that whatever optimises has something left to gain
    told = scene(target, family, {"perceptual": lpips(), "encoder": encoder, **vgg16})[0]
    published = METHODS[name].tuning
    tuning = replace(published, steps=2, target_lpips=0) if published else None
    steps = 15 if name in ("projector", "pti") else 3  # whose rate is low at first, and which shakes w
    method = replace(METHODS[name], steps=min(METHODS[name].steps, steps), steps_from_mean=steps, tuning=tuning)
    (found,) = reconstruct(told, target, method)
    assert found.latent.w.shape == (1, made.num_ws, made.w_dim)
    assert found.steps == method.steps + 2 * (tuning is not None) and found.seconds > 0
    assert torch.equal(found.image, rendered(family, found.latent))
    assert bool(found.latent.noise) == (method.noise and family == "stylegan2")
    assert bool(found.latent.changes) == (tuning is not None)
    if method.steps:  # the result may be another: the encoder's latent, or a tuned generator with another loss
        assert min(found.losses) < 0.995 * found.losses[0]
    else:
        assert torch.equal(found.latent.w, encoder(target))
    if tuning:
        assert found.tuning_losses[-1] < found.tuning_losses[0]


@pytest.mark.parametrize("start", ["mean", "uniform", "zeros", "encoder"])
@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_spaces_and_initial_latents(space: str, start: str) -> None:
    target, made = samples("demo", [3]), generator("demo")
    told = scene(target)[0]
    settings = resolve_method(InvertOptions(space=space, start=start, steps=4, rate=0.05), METHODS["hybrid"])
    (found,) = reconstruct(told, target, settings)
    assert found.losses[-1] < found.losses[0] or found.loss < found.losses[0]
    rows = found.latent.w[0]
    assert bool((rows == rows[0]).all()) == (space != "w+")
    if space == "w+" and start in ("mean", "zeros"):
        w = made.w_mean if start == "mean" else torch.zeros_like(made.w_mean)
        there = lpips().distance(made.render(w.expand(1, made.num_ws, -1)), target).item()
        assert found.losses[0] == pytest.approx(there + 4 * squares(w, target), rel=1e-4)


def squares(row: torch.Tensor, target: torch.Tensor) -> float:
    made = generator("demo")
    return (made.render(row.expand(1, made.num_ws, -1)) - target).square().mean().item()


def test_z_is_initialised_near_w() -> None:
    """The z of 1000 whose w is nearest to the encoder's is nearer than the mean of all w."""
    target, made = samples("demo", [3]), generator("demo")
    told = scene(target)[0]
    settings = replace(METHODS["encoder"], space="z")
    (found,) = reconstruct(told, target, settings)
    row = told.extractors["encoder"](target).mean(dim=1)
    assert (found.latent.w[:, 0] - row).norm() < (made.w_mean - row).norm()


def test_hybrid_reconstructs_samples() -> None:
    target = samples("demo", [11, 12])
    told = scene(target)[0]
    found = reconstruct(told, target, replace(METHODS["hybrid"], steps=15))
    near = lpips().distance(torch.cat([each.image for each in found]), target)
    assert (near < 0.01).all()  # about 0.001; asked for are 0.05


def test_encoder_hybrid_pti_decrease_lpips() -> None:
    target = drawn_faces(2)
    told = scene(target)[0]
    encoded = reconstruct(told, target, METHODS["encoder"])
    hybrid = reconstruct(told, target, replace(METHODS["hybrid"], steps=15))
    tuned = reconstruct(told, target, replace(METHODS["hybrid-pti"], tuning=Tuning(steps=10)), pivots=hybrid)
    with torch.no_grad():
        ways = [
            lpips().distance(torch.cat([each.image for each in found]), target) for found in (encoded, hybrid, tuned)
        ]
    assert (ways[1] < 0.6 * ways[0]).all() and (ways[2] < 0.9 * ways[1]).all()  # about a fifth, and a half


def test_hybrid_keeps_encoder_latent_that_is_more_similar() -> None:
    """The loss falls, but the picture becomes less similar by SSIM, which is in no loss: the encoder's is kept."""
    target, made = drawn_faces(2), generator("demo")
    far = replace(METHODS["hybrid"], steps=3, rec_weight=0.0, lpips_weight=1.0)

    class Misleading:
        """The distance to another picture."""

        name = "misleading"

        def features(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"pixels": images}

        def compare(self, features: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> torch.Tensor:
            return (features["pixels"] - 0.9).square().mean(dim=(1, 2, 3))

    told, notes, _ = scene(target)
    encoder = told.extractors["encoder"]
    misled = replace(told, extractors={"perceptual": Misleading(), "encoder": encoder})
    found = reconstruct(misled, target, replace(far, require_encoder=True))
    with torch.no_grad():
        for photo, each in zip(target.split(1), found, strict=True):
            assert torch.equal(each.latent.w, encoder(photo)) and each.loss == each.losses[0] and each.steps == 3
            assert torch.equal(each.image, made.render(each.latent.w).clamp(-1, 1))
    assert len(notes) == 1 and notes[0].startswith("The encoder's latent of 2 of 2 photos is kept")
    better = reconstruct(told, target, replace(METHODS["hybrid"], steps=15))
    assert len(notes) == 1
    for photo, each in zip(target.split(1), better, strict=True):
        with torch.no_grad():
            before = made.render(encoder(photo)).clamp(-1, 1)
        assert judge(each.image, photo) > judge(before, photo)
        assert not torch.equal(each.latent.w, encoder(photo))
    others = reconstruct(misled, target[:1], replace(far, keep_better=False))
    assert not torch.equal(others[0].latent.w, encoder(target[:1])) and len(notes) == 1


def test_user_extractor_replaces_lpips_vgg(vgg16: dict[str, Any]) -> None:
    projector = METHODS["projector"]

    class Chosen:
        name = "chosen"

    for perceptual, used in ((lpips(), vgg16["lpips-vgg"]), (Chosen(), None)):
        told = scene(drawn_faces(1), extractors={"perceptual": perceptual, **vgg16})[0]
        opened: Any = perceptual_extractor(told, projector)
        assert opened is (perceptual if used is None else used)
        plain: Any = perceptual_extractor(told, replace(projector, features="perceptual"))
        assert plain is perceptual


def test_image2stylegan_without_vgg16_names_remedies() -> None:
    class Missing(dict):  # type: ignore[type-arg]
        def __missing__(self, name: str) -> None:
            raise i2i.I2IError("The weights are missing; run: i2i models fetch vgg16.")

    told = scene(drawn_faces(1), extractors=Missing())[0]
    with pytest.raises(i2i.I2IError, match=r"fetch vgg16; or use --method lpips, which needs no download\.$"):
        reconstruct(told, drawn_faces(1), METHODS["image2stylegan"])


def test_image2stylegan_with_imagenet_vgg16(shared: Path) -> None:
    """With the true weights, a few steps of Image2StyleGAN bring the picture nearer by another measure as well."""
    vgg16 = Vgg16(CPU, shared / "weights" / "vgg16_imagenet_features.safetensors")
    target = samples("demo", [4])
    told = scene(target, extractors={"vgg16": vgg16})[0]
    (found,) = reconstruct(told, target, replace(METHODS["image2stylegan"], steps=6, learning_rate=0.05))
    with torch.no_grad():
        made = generator("demo")
        before = lpips().distance(made.render(made.w_mean.expand(1, made.num_ws, -1)), target)
        assert lpips().distance(found.image, target) < 0.9 * before
