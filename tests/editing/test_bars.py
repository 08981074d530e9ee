"""Edits with a generator whose images have black bars, as StyleGAN2 of cars: 32 x 24 pixels in a square of 32."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

import i2i
from i2i.inference.conversion import convert
from i2i.inference.generators import generator_aspect_ratio
from i2i.testing import registry_of
from i2i.toolkit.files import hash_file
from i2i.toolkit.images import read_image, to_array
from tests.helpers.squares import clouds

PLUGINS = ("stylegan", "face_tools", "invert", "mix", "perceptual", "metrics")
BAR, SIZE = 4, 32


class Barred(i2i.Generator):
    """A linear layer that makes 32 x 24 pixels, between black bars."""

    name = "toy-barred"
    summary = "Images of 4:3."

    @classmethod
    def read(cls, contents: i2i.Contents) -> i2i.Weights | None:
        tree = contents.tree
        if not isinstance(tree, dict) or "barred.weight" not in tree:
            return None
        return i2i.Weights(cls.name, {name: stored.tensor() for name, stored in tree.items()})

    def __init__(self, weights: i2i.Weights | None, device: i2i.Device) -> None:
        assert weights is not None
        self.weight = weights.tensors["barred.weight"].to(device)
        self.z_dim, self.resolution, self.device = len(self.weight), SIZE, device

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        content = (w[:, 0].to(self.weight) @ self.weight).view(-1, 3, SIZE - 2 * BAR, SIZE).tanh()
        return torch.nn.functional.pad(content, (0, 0, BAR, BAR), value=-1.0)


class Lighten(i2i.Editor):
    """Add 60 grey levels everywhere, also to the bars, as edits of latents may."""

    name = "lighten"
    summary = "Lighter images."
    photos = ("image",)
    wants = "crops"

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        image = scene.photos["image"].pixels + 120 / 255
        return i2i.Result(image, frames=(image, image), table=i2i.Table([[image]], ["lighter"], ["image"]))


@pytest.fixture
def registry(tmp_path: Path) -> i2i.Registry:
    weight = torch.randn(8, 3 * SIZE * (SIZE - 2 * BAR), generator=torch.Generator().manual_seed(0)) / 8**0.5
    save_file({"barred.weight": weight}, tmp_path / "barred.safetensors")
    return registry_of(Barred, Lighten, record(tmp_path / "barred.safetensors"), plugins=PLUGINS)


def record(file: Path, **fields: Any) -> i2i.Model:
    given: dict[str, Any] = {"aspect_ratio": (4, 3), "domain": "cars", "path": file, **fields}
    return i2i.Model("barred", "Barred.", "generator", url="", licence="CC0-1.0", resolution=SIZE, **given)


def photo(tmp_path: Path, height: int, width: int) -> tuple[Path, np.ndarray]:
    pixels = clouds(height, width, finest=1.0)
    Image.fromarray(pixels).save(tmp_path / f"{height}x{width}.png")
    return tmp_path / f"{height}x{width}.png", pixels


def edit(registry: i2i.Registry, name: str, *images: Any, **options: Any) -> i2i.Result:
    given = {"generator": "barred", "device": "cpu", **options}
    return i2i.edit(name, images, registry=registry, **given)


@pytest.mark.parametrize(("height", "width", "top", "left"), [(24, 32, 0, 0), (24, 65, 0, 16), (41, 32, 8, 0)])
def test_photo_is_placed_between_bars(
    height: int, width: int, top: int, left: int, registry: i2i.Registry, tmp_path: Path
) -> None:
    path, pixels = photo(tmp_path, height, width)
    notes: list[str] = []
    result = edit(registry, "align", path, out=tmp_path / "out", note=notes.append)
    crop, content = to_array(result.image), pixels[top : top + 24, left : left + 32]
    assert crop.shape == (SIZE, SIZE, 3) and not crop[:BAR].any() and not crop[-BAR:].any()
    assert np.array_equal(crop[BAR:-BAR], content), "copied, as nothing is scaled"
    assert np.array_equal(read_image(tmp_path / "out" / "result.png"), content)
    assert np.array_equal(read_image(tmp_path / "out" / "photo.png"), pixels)
    assert not notes


@pytest.mark.parametrize("blend", ["feather", "poisson", "plain"])
def test_only_the_content_is_pasted_back(blend: str, registry: i2i.Registry, tmp_path: Path) -> None:
    pixels = np.full((120, 96, 3), 90, np.uint8)  # the content is three times the crop: rows 24 to 95, all columns
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    edit(registry, "lighten", tmp_path / "grey.png", out=tmp_path / "out", blend=blend)
    pasted = read_image(tmp_path / "out" / "photo.png").astype(int)
    assert (pasted[:24] == 90).all() and (pasted[96:] == 90).all()
    if blend == "plain":
        assert (pasted[36:84] == 150).all(), "up to the border of the photo"
        assert ((pasted >= 90) & (pasted <= 150)).all() and (np.diff(pasted[24:60, 0, 0]) >= 0).all()
    else:
        assert np.abs(pasted - 90).max() <= 60 and pasted.min() >= 89


def test_no_black_of_the_bars_gets_into_the_photo(registry: i2i.Registry, tmp_path: Path) -> None:
    pixels = np.full((72, 200, 3), 90, np.uint8)  # three times the crop again: the bars lie beyond the photo
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    edit(registry, "lighten", tmp_path / "grey.png", out=tmp_path / "out", blend="plain")
    pasted = read_image(tmp_path / "out" / "photo.png")
    assert (pasted[:, :52] == 90).all() and (pasted[:, 148:] == 90).all()
    assert (pasted[:, 64:136] == 150).all() and (pasted == pasted[:1]).all()


def test_files_show_no_bars(registry: i2i.Registry, tmp_path: Path) -> None:
    path, pixels = photo(tmp_path, 24, 32)
    out = tmp_path / "out"
    result = edit(registry, "lighten", path, out=out, animation="gif,png")
    assert result.image.shape == (1, 3, SIZE, SIZE), "what the generator would render"
    lighter = np.minimum(pixels.astype(int) + 60, 255)
    for name in ("result.png", "frames_0001.png"):
        assert np.array_equal(read_image(out / name), lighter)
    with Image.open(out / "frames.gif") as frames:
        assert frames.size == (32, 24)
    for name in ("before_after.png", "grid.png"):
        assert not (read_image(out / name) == 60).all(axis=2).any(), "the lighter bars are nowhere"
    edit(registry, "align", "seed:3", out=tmp_path / "seed")
    assert read_image(tmp_path / "seed" / "result.png").shape == (24, 32, 3)


def test_explicit_square_has_no_bars_and_warns(registry: i2i.Registry, tmp_path: Path) -> None:
    path, pixels = photo(tmp_path, 32, 48)
    notes: list[str] = []
    edit(registry, "align", path, crop="square", out=tmp_path / "out", note=notes.append)
    assert np.array_equal(read_image(tmp_path / "out" / "result.png"), pixels[:, 8:40])
    assert notes == [
        "warning: barred renders images of 4:3 between black bars, and --crop square takes a crop without bars; "
        "leave it out for a better result."
    ]
    with pytest.raises(i2i.UsageError, match="photos are not cropped to a face here"):
        edit(registry, "align", path, face="left")


@pytest.mark.usefixtures("one_thread")
def test_inversion_reconstructs_bars_and_latent_remembers_them(registry: i2i.Registry, tmp_path: Path) -> None:
    generator = i2i.generator("barred", device="cpu", registry=registry)
    w = torch.randn(1, 1, 8, generator=torch.Generator().manual_seed(3))
    content = to_array(generator.render(w))[BAR:-BAR]
    pixels = np.pad(content, ((10, 11), (0, 0), (0, 0)), constant_values=128)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    out = tmp_path / "out"
    result = edit(registry, "invert", tmp_path / "photo.png", steps=80, out=out)
    assert result.scalars["psnr"] > 25
    assert read_image(out / "result.png").shape == (24, 32, 3)
    pasted = read_image(out / "photo.png")
    assert np.array_equal(pasted[:10], pixels[:10]) and np.array_equal(pasted[34:], pixels[34:])
    edit(registry, "align", out / "latent.safetensors", out=tmp_path / "again")
    assert np.array_equal(read_image(tmp_path / "again" / "photo.png"), pasted), "at the same place"
    assert np.array_equal(read_image(tmp_path / "again" / "result.png"), read_image(out / "result.png"))


def test_aspect_ratio_is_known_by_record_header_and_checksum(registry: i2i.Registry, tmp_path: Path) -> None:
    file, ours = tmp_path / "barred.safetensors", tmp_path / "ours.safetensors"
    assert generator_aspect_ratio("barred", registry) == generator_aspect_ratio(file, registry) == (4, 3)
    convert("barred", ours, registry=registry)
    alone = registry_of(Barred, plugins=PLUGINS)
    assert generator_aspect_ratio(ours, alone) == (4, 3), "by its header"
    assert generator_aspect_ratio(file, alone) == (1, 1)
    known = registry_of(Barred, record(tmp_path / "elsewhere", sha256=hash_file(file)), plugins=PLUGINS)
    assert generator_aspect_ratio(file, known) == (4, 3), "by its checksum"
    for wrong in ([4], [4, 0], "4:3", ["4", "3"], None):
        save_file({"w": torch.zeros(1)}, ours, {"i2i": json.dumps({"domain": "cars", "aspect_ratio": wrong})})
        assert generator_aspect_ratio(ours, alone) == (1, 1)


def test_published_cars_have_bars() -> None:
    registry = i2i.load_registry()
    assert generator_aspect_ratio("car-512", registry) == (4, 3)
    assert generator_aspect_ratio("ffhq-512", registry) == generator_aspect_ratio("horse-256", registry) == (1, 1)
