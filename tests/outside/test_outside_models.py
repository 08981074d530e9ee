"""The generator ``dcgan`` with the commands that work on generators, the extractors, and the inverter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file

import i2i
from i2i.toolkit.images import save_image, to_array, to_tensor
from i2i.toolkit.latents.sampling import SamplingOptions, latents

from .conftest import Command, TutorialGenerator


@pytest.fixture
def photo(dcgan: Path, tmp_path: Path) -> Path:
    """An image that the generator can make."""
    generator = i2i.generator(dcgan, device="cpu")
    w = generator.map(torch.randn(1, 16, generator=torch.Generator().manual_seed(9)))
    save_image(tmp_path / "photo.png", to_array(generator.render(w)))
    return tmp_path / "photo.png"


# The generator


def test_dcgan_equals_the_network_of_the_tutorial(dcgan: Path, tutorial: TutorialGenerator) -> None:
    generator = i2i.generator(dcgan, device="cpu")
    assert (generator.z_dim, generator.w_dim, generator.num_ws, generator.resolution, generator.channels) == (
        16,
        16,
        1,
        32,
        3,
    )
    z = torch.randn(3, 16)
    with torch.no_grad():
        assert torch.allclose(generator.render(generator.map(z)), tutorial.main(z[:, :, None, None]), atol=1e-6)
    cool = i2i.generator(dcgan, device="cpu", options={"temperature": 0.5})
    assert torch.equal(cool.map(z), 0.5 * z[:, None])
    assert torch.equal(cool.map(z, truncation=0.5), 0.25 * z[:, None])


def test_dcgan_refuses_other_files_and_names_what_is_missing(dcgan: Path, tmp_path: Path, cli: Command) -> None:
    tensors = load_file(dcgan)
    del tensors["main.4.running_mean"]
    save_file(tensors, tmp_path / "part.safetensors")
    told = cli("sample", "--generator", "part.safetensors", "--out", "grid.png", code=1).stderr.splitlines()[-1]
    assert "the file is no DCGAN generator" in told and "4.running_mean" in told
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    assert "holds no generator" in cli("sample", "--generator", "other.safetensors", "--out", "x.png", code=1).stderr
    with pytest.raises(i2i.UsageError, match="dcgan needs a weight file"):
        i2i.generator("dcgan", device="cpu")


def test_sample_draws_a_grid_of_dcgan(cli: Command, dcgan: Path) -> None:
    shared = ("sample", "--generator", dcgan, "--seeds", "0-5", "--device", "cpu", "--truncation", "1")
    cli(*shared, "--out", "grid.png")
    cli(*shared, "--out", "images/")
    cli(*shared, "--out", "cool.png", "--generator-options", "temperature=0.1")
    assert Image.open("grid.png").width > 3 * 32
    assert not np.array_equal(np.asarray(Image.open("grid.png")), np.asarray(Image.open("cool.png")))


def test_mix_averages_dcgan(cli: Command, dcgan: Path) -> None:
    arguments = ("--image", "seed:1", "--image", "seed:2", "--generator", dcgan, "--device", "cpu")
    printed = json.loads(
        cli("edit", "--plugin", "mix", "--preset", "average", *arguments, "--out", "mean", "--json").stdout
    )
    assert "result.png" in printed["files"]
    generator = i2i.generator(dcgan, device="cpu")
    w = latents(generator, [1, 2], SamplingOptions(truncation=0.7)).mean(dim=0, keepdim=True)
    expected = to_array(generator.render(w).clamp(-1, 1))
    assert np.abs(np.asarray(Image.open("mean/result.png")).astype(int) - expected).max() <= 1


def test_invert_finds_latents_of_dcgan(cli: Command, dcgan: Path, photo: Path) -> None:
    arguments = (
        "edit",
        "--plugin",
        "invert",
        "--image",
        photo,
        "--generator",
        dcgan,
        "--device",
        "cpu",
        "--crop",
        "square",
    )
    for method in ("nearest-seed", "hybrid"):
        own = ("--steps", "20") if method == "hybrid" else ()
        cli(*arguments, "--method", method, *own, "--out", method)
        assert Image.open(f"{method}/result.png").size == (32, 32)
    written = json.loads(Path("nearest-seed/recipe.json").read_text(encoding="utf-8"))
    assert written["options"]["method"] == "nearest-seed"


# The inverter


def scene(generator: i2i.Generator, **more: Any) -> i2i.Scene:
    return i2i.Scene({}, i2i.choose_device("cpu", precision="fp32"), generator=generator, **more)


def test_nearest_seed_finds_one_of_its_candidates(dcgan: Path) -> None:
    from i2i_outside.inverters import NearestSeed, NearestSeedOptions

    generator = i2i.generator(dcgan, device="cpu")
    source = torch.Generator().manual_seed(0)
    z = torch.cat([torch.randn(16, 16, generator=source) for _ in range(2)])
    images = generator.render(generator.map(z[[5, 20]]))
    found = NearestSeed().invert(scene(generator), images, NearestSeedOptions(candidates=32, steps=0))
    assert torch.equal(found[0].latent.w, generator.map(z[[5]])) and torch.equal(
        found[1].latent.w, generator.map(z[[20]])
    )
    assert all(each.scalars["loss"] < 1e-12 and each.scalars["steps"] == 0 for each in found)


def test_nearest_seed_improves_each_image_by_itself(dcgan: Path) -> None:
    from i2i_outside.inverters import NearestSeed, NearestSeedOptions

    generator = i2i.generator(dcgan, device="cpu")
    images = generator.render(generator.map(torch.randn(2, 16, generator=torch.Generator().manual_seed(7))))
    options = NearestSeedOptions(candidates=16, steps=15)
    reports: list[tuple[int, int]] = []
    both = NearestSeed().invert(
        scene(generator, progress=lambda done, total, loss: reports.append((done, total))), images, options
    )
    (second,) = NearestSeed().invert(scene(generator), images[1:], options)
    for each in both:
        assert each.scalars["loss"] < 0.8 * each.scalars["nearest"]
    assert torch.allclose(both[1].latent.w, second.latent.w, atol=1e-4)
    assert reports[-1] == (30, 30)
    stopped = NearestSeed().invert(scene(generator, stop=lambda: True), images, options)
    assert [each.scalars["steps"] for each in stopped] == [0, 0]


def test_invert_option_names_the_inverter_for_any_editor(cli: Command, dcgan: Path, photo: Path) -> None:
    arguments = ("--image", photo, "--generator", dcgan, "--device", "cpu", "--crop", "square", "--target", "0.5")
    cli("edit", "--plugin", "brightness", *arguments, "--invert", "nearest-seed,candidates=8,steps=3", "--out", "out")
    written = json.loads(Path("out/recipe.json").read_text(encoding="utf-8"))
    assert written["terms"]["invert"] == {"method": "nearest-seed", "candidates": 8, "steps": 3}
    assert Path("out/photo.png").is_file()
    told = cli(
        "edit", "--plugin", "brightness", *arguments, "--invert", "nearest-seed,step=3", "--out", "x", code=2
    ).stderr
    assert "there is no option 'step'" in told


# The extractors


def test_patch_identity_gives_unit_vectors_of_aligned_faces(device: i2i.Device) -> None:
    identity: Any = i2i.extractor("patch-identity", device)
    faces = torch.rand(2, 3, 32, 32)
    vectors = identity(faces)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(2))
    assert torch.allclose(identity(0.5 * faces + 0.2), vectors, atol=1e-5)  # contrast and brightness do not count
    landmarks = torch.zeros(1, 68, 2)
    landmarks[:, 36:42], landmarks[:, 42:48] = torch.tensor([20.0, 30.0]), torch.tensor([40.0, 30.0])
    image = torch.arange(64.0).expand(1, 3, 64, 64)  # each pixel is its x
    aligned = identity.align(image, landmarks)
    # The square of 3 eye distances, 60 px, around (30, 30) from x = 0.5 - 0.5 on, sampled at 32 centres.
    assert torch.allclose(aligned[0, 0, 16], 30 + 60 * ((torch.arange(32) + 0.5) / 32 - 0.5), atol=1e-3)


def test_identity_can_be_chosen_for_an_edit(cli: Command, tmp_path: Path) -> None:
    generator = i2i.generator("demo-faces", device="cpu")
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        save_image(tmp_path / "face.png", to_array(generator.render(generator.map(z, truncation=0.5)).clamp(-1, 1)))
    arguments = ("--image", "face.png", "--method", "nearest-seed", "--crop", "square", "--device", "cpu")
    chosen = ("--extractor", "identity=patch-identity", "--out", "out", "--json")
    printed = json.loads(cli("edit", "--plugin", "invert", *arguments, *chosen).stdout)
    assert -1 <= printed["scalars"]["identity"] <= 1
    written = json.loads(Path("out/recipe.json").read_text(encoding="utf-8"))
    assert written["extractors"]["identity"] == "patch-identity"


def test_segmentation_is_a_standard_role(device: i2i.Device) -> None:
    from i2i_outside.data import Streets

    segmentation: Any = i2i.extractor("segmentation", device, name="palette-segmentation", options={"sharpness": 2.0})
    drawn = Streets().draw(np.random.default_rng(0), 24)
    scores = segmentation(to_tensor(drawn["photo"]))
    assert "segmentation" in i2i.STANDARD_ROLES and scores.shape == (1, len(segmentation.classes), 24, 24)
    right = (scores.argmax(dim=1)[0] == torch.from_numpy(drawn["labels"])).float().mean()
    assert right > 0.9
    pure = torch.tensor([128.0, 64.0, 128.0]).div(127.5).sub(1).view(1, 3, 1, 1)
    assert segmentation(pure)[0, :, 0, 0].tolist() == pytest.approx(
        [
            -2 * sum(((a - b) / 127.5) ** 2 for a, b in zip(colour, (128, 64, 128), strict=True))
            for colour in Streets.palette
        ],
        abs=1e-5,
    )


def test_depth_is_a_role_of_the_package(device: i2i.Device) -> None:
    assert "depth" not in i2i.STANDARD_ROLES
    depth: Any = i2i.extractor("depth", device, options={"horizon": 0.0})
    assert torch.allclose(depth(torch.zeros(2, 3, 4, 5))[1, 0, :, 3], torch.tensor([0.875, 0.625, 0.375, 0.125]))
    with pytest.raises(i2i.UsageError, match="horizon"):
        i2i.extractor("floor-depth", device, options={"horizon": 2})


def test_identity_passes_gradients(device: i2i.Device) -> None:
    identity: Any = i2i.extractor("patch-identity", device)
    images = torch.rand(1, 3, 16, 16, requires_grad=True)
    F.mse_loss(identity(images), torch.zeros(1, 64)).backward()
    assert images.grad is not None
