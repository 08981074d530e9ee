"""The generator for a photo: the default one for synthetic faces, another for photographs, and no foreign paste."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import i2i
from i2i.registry import Registry
from i2i.testing.registries import registry_of
from tests.helpers.squares import clouds
from tests.helpers.toy_faces import Squares
from tests.helpers.toy_faces import photo as draw_face
from tests.helpers.toy_generators import Bands


class Darken(i2i.Editor):
    """Halves the crop, without a generator."""

    name = "darken"
    summary = "Half as bright."
    wants = "crops"

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        return i2i.Result(image=(scene.photos["image"].pixels + 1) / 2 - 1)


class Mean(i2i.Inverter):
    """The mean latent for any image."""

    name = "toy-mean"
    summary = "The mean."
    default = True

    def invert(self, scene: i2i.Scene, images: torch.Tensor, options: Any) -> list[i2i.Inversion]:
        w = scene.generator.w_mean.expand(len(images), scene.generator.num_ws, -1)
        return [i2i.Inversion(i2i.Latent(each[None])) for each in w]


class Rerender(i2i.Editor):
    """Renders the latent of an image."""

    name = "rerender"
    summary = "What the generator makes of it."
    wants = "latent"

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        latent = scene.photos["image"].latent
        assert latent is not None
        return i2i.Result(image=scene.generator.render(latent.w).clamp(-1, 1), latent=latent)


def record(file: Path) -> i2i.Model:
    return i2i.Model("toy-photos", "Photos.", "generator", "", "MIT", "faces", path=file, bundles=frozenset({"toys"}))


@pytest.fixture
def build(tmp_path: Path, i2i_home: Path) -> Callable[..., Registry]:
    def make(*records: i2i.Model) -> Registry:
        return registry_of(Darken, Rerender, Mean, Squares, Bands, *records, plugins=["demo", "stylegan", "mix"])

    return make


@pytest.fixture
def synthetic(tmp_path: Path) -> Path:
    faces = i2i.load_registry().get("dataset", "faces")()
    Image.fromarray(faces.render(faces.values(3), 96).image).save(tmp_path / "synthetic.png")
    return tmp_path / "synthetic.png"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    Image.fromarray(clouds(120, 160, finest=0.7)).save(tmp_path / "me.png")
    return tmp_path / "me.png"


def generator_in(out: Path) -> str:
    return str(json.loads((out / "recipe.json").read_text())["generator"]["source"])


def test_a_synthetic_face_is_edited_by_the_default_generator_and_pasted_back(
    build: Callable[..., Registry], synthetic: Path, tmp_path: Path
) -> None:
    notes: list[str] = []
    i2i.edit("rerender", [synthetic], out=tmp_path / "out", registry=build(), note=notes.append, device="cpu")
    assert not notes and generator_in(tmp_path / "out") == "demo-faces"
    assert (tmp_path / "out/photo.png").is_file()


def test_a_photograph_is_refused_before_any_work_and_the_bundle_is_named(
    build: Callable[..., Registry], foreign: Path, tmp_path: Path
) -> None:
    absent = record(tmp_path / "none.safetensors")
    with pytest.raises(
        i2i.UsageError, match=r"me\.png .* synthetic faces only: type 'i2i models fetch toys' .*--generator"
    ):
        i2i.edit("rerender", [foreign], out=tmp_path / "out", registry=build(absent), device="cpu")
    with pytest.raises(i2i.UsageError, match="synthetic faces only: type 'i2i models fetch ada-ffhq-1024' "):
        i2i.edit("rerender", [foreign], out=tmp_path / "out", registry=build(), device="cpu")
    assert not (tmp_path / "out").exists()


def test_a_photograph_is_edited_by_a_generator_of_its_domain_that_is_here(
    build: Callable[..., Registry], tmp_path: Path
) -> None:
    made = i2i.generator("demo-faces", "cpu")
    file = tmp_path / "photos.safetensors"
    source = i2i.model_path("demo-faces")
    file.write_bytes(source.read_bytes())
    notes: list[str] = []
    given = draw_face(tmp_path / "me.png", (20, 20, 40))
    i2i.edit("rerender", [given], out=tmp_path / "out", registry=build(record(file)), note=notes.append, device="cpu")
    assert notes[0] == f"{given} is foreign to demo-faces, which knows synthetic faces; toy-photos edits it."
    assert all(note.startswith("warning: me: the face is ") for note in notes[1:])  # the toy finder's face is no face
    assert generator_in(tmp_path / "out") == "toy-photos" and made.resolution == 64
    photo = np.asarray(Image.open(tmp_path / "out/photo.png"))
    assert photo.shape == np.asarray(Image.open(given)).shape


def test_a_named_generator_edits_a_foreign_photograph_without_pasting_it_back(
    build: Callable[..., Registry], foreign: Path, tmp_path: Path
) -> None:
    notes: list[str] = []
    absent = record(tmp_path / "none.safetensors")
    i2i.edit(
        "rerender",
        [foreign],
        generator="demo-faces",
        out=tmp_path / "out",
        registry=build(absent),
        note=notes.append,
        device="cpu",
    )
    assert (tmp_path / "out/result.png").is_file() and not (tmp_path / "out/photo.png").exists()
    assert len(notes) == 1 and "not pasted back" in notes[0] and "'i2i models fetch toys'" in notes[0]


def test_editors_of_pixels_and_seeds_need_no_other_generator(
    build: Callable[..., Registry], foreign: Path, tmp_path: Path
) -> None:
    from tests.helpers.toy_editors import Shift

    registry = registry_of(Shift, Darken, plugins=["demo", "stylegan"])
    i2i.edit("shift", [foreign], out=tmp_path / "pixels", registry=registry, device="cpu")
    i2i.edit("darken", [foreign], out=tmp_path / "crops", registry=registry, device="cpu")
    assert (tmp_path / "crops/photo.png").is_file()
    i2i.edit("darken", ["seed:1"], out=tmp_path / "seeds", registry=registry, device="cpu")
    assert generator_in(tmp_path / "seeds") == "demo-faces"


def test_a_latent_is_edited_by_the_generator_that_made_it(build: Callable[..., Registry], tmp_path: Path) -> None:
    file = tmp_path / "photos.safetensors"
    file.write_bytes(i2i.model_path("demo-faces").read_bytes())
    registry = build(record(file))
    i2i.edit("mix", ["seed:1", "seed:2"], generator="toy-photos", out=tmp_path / "a", registry=registry, device="cpu")
    notes: list[str] = []
    latent = tmp_path / "a/latent.safetensors"
    i2i.edit("mix", [latent, "seed:3"], out=tmp_path / "b", registry=registry, note=notes.append, device="cpu")
    assert generator_in(tmp_path / "b") == "toy-photos"
    assert notes[0] == f"{latent} is a latent of toy-photos, which renders it."


def test_the_built_in_domain_is_told_from_photographs(i2i_home: Path) -> None:
    faces = i2i.load_registry().get("dataset", "faces")()
    knows: Any = i2i.extractor("demo-domain", "cpu")
    images = torch.stack(
        [torch.from_numpy(faces.render(faces.values(seed), 64).image.copy()) for seed in range(40)]
    ).permute(0, 3, 1, 2)
    with torch.no_grad():
        scores = knows(images / 127.5 - 1)
        noise = knows(torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1)
        flat = knows(torch.full((1, 3, 64, 64), 0.3))
    assert (scores > 0.5).float().mean() > 0.95
    assert (noise < 0.5).all() and (flat < 0.5).all()


def test_no_real_face_is_taken_for_a_synthetic_one(shared: Path, i2i_home: Path) -> None:
    from i2i.toolkit.faces.alignment import extract_crop, square_placement
    from i2i.toolkit.images import read_image, to_tensor

    knows: Any = i2i.extractor("demo-domain", "cpu")
    files = sorted((shared / "data/faces68").glob("*.jpg"))[::4]
    arrays = [read_image(file) for file in files]
    crops = [to_tensor(extract_crop(array, square_placement(*array.shape[:2]), 64)) for array in arrays]
    with torch.no_grad():
        assert len(crops) > 30 and float(knows(torch.cat(crops)).max()) < 0.5


def test_a_domain_whose_extractor_cannot_be_opened_does_not_stop_the_others(
    build: Callable[..., Registry], synthetic: Path, tmp_path: Path
) -> None:
    class Cats(i2i.Extractor):
        name = "toy-cats"
        summary = "Cats, not downloaded."
        role = "domain"
        domain = "cats"

        def __init__(self, device: i2i.Device) -> None:
            raise i2i.I2IError("The model 'cats' is not downloaded: type 'i2i models fetch cats'.")

    registry = registry_of(Rerender, Mean, Cats, plugins=["demo", "stylegan"])
    i2i.edit("rerender", [synthetic], out=tmp_path / "out", registry=registry, device="cpu")
    assert generator_in(tmp_path / "out") == "demo-faces"


def test_settings_are_refused_before_a_photo_is_looked_at(build: Callable[..., Registry], tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"no image")
    with pytest.raises(i2i.UsageError, match="--invert"):
        i2i.edit("darken", [tmp_path / "photo.png"], invert="toy-mean", registry=build(), device="cpu")


def test_each_network_is_opened_once(
    build: Callable[..., Registry], synthetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from i2i_plugins.demo.extractors.domain import DemoDomain

    opened: list[str] = []
    start = DemoDomain.__init__
    monkeypatch.setattr(DemoDomain, "__init__", lambda self, device: (opened.append(self.name), start(self, device))[1])
    i2i.edit("mix", [synthetic, synthetic], out=tmp_path / "out", registry=build_with_mix(), device="cpu")
    assert opened == ["demo-domain"]


def build_with_mix() -> Registry:
    return registry_of(Mean, plugins=["demo", "stylegan", "mix"])
