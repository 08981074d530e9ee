"""The editors ``fog``, ``brightness`` and ``face-warp``."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import i2i
from i2i.toolkit.images import save_image, to_array

from .conftest import Command


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(float)


def recipe(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(folder, "recipe.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def face(tmp_path: Path) -> Path:
    """A synthetic face of 64 px, which the built-in landmark extractor knows."""
    generator = i2i.generator("demo-faces", device="cpu")
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        image = generator.render(generator.map(z, truncation=0.5)).clamp(-1, 1)
    save_image(tmp_path / "face.png", to_array(image))
    return tmp_path / "face.png"


def test_fog_follows_the_depth(cli: Command, photo: Path) -> None:
    arguments = ("edit", "--plugin", "fog", "--image", photo, "--density", "2", "--level", "1", "--device", "cpu")
    own = ("--extractor", "depth=floor-depth", "--extractor-options", "floor-depth.horizon=0.5")
    printed = json.loads(cli(*arguments, *own, "--out", "foggy", "--json").stdout)
    depth = np.clip((1 - (np.arange(20) + 0.5) / 20) / 0.5, 0, 1)
    fog = (1 - np.exp(-2 * depth))[:, None, None]
    assert np.abs(read(Path("foggy/result.png")) - (read(photo) * (1 - fog) + 255 * fog)).max() <= 0.51
    assert printed["scalars"] == {"fog": pytest.approx(fog.mean())}
    written = recipe("foggy")
    assert written["options"] == {"density": 2.0, "level": 1.0}
    assert written["extractor_options"] == {"floor-depth": {"horizon": 0.5}}
    assert (written["extractors"], written["distribution"]) == ({"depth": "floor-depth"}, "i2i-outside")
    cli("edit", "--recipe", "foggy/recipe.json", "--out", "again", "--device", "cpu")
    assert Path("again/result.png").read_bytes() == Path("foggy/result.png").read_bytes()
    with Path("edits.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["edit"], row["editor"]) for row in rows] == [("foggy", "fog"), ("again", "fog")]
    assert rows[0]["reported"] == f"fog={fog.mean():.6g}"


def test_fog_of_density_0_keeps_the_photo(photo: Path) -> None:
    result = i2i.edit("fog", [photo], density=0.0, device="cpu")
    assert np.array_equal(to_array(result.image), np.asarray(Image.open(photo)))


def test_an_unknown_role_is_refused_with_the_known_ones(cli: Command, photo: Path) -> None:
    told = cli("edit", "--plugin", "fog", "--image", photo, "--extractor", "deth=floor-depth", code=2).stderr
    assert "There is no role 'deth' of extractors" in told and "depth" in told


def test_brightness_reaches_its_target_with_frames(cli: Command, dcgan: Path) -> None:
    arguments = ("edit", "--plugin", "brightness", "--image", "seed:3", "--generator", dcgan, "--device", "cpu")
    own = (
        "--target",
        "0.54",
        "--closeness",
        "0",
        "--rate",
        "0.1",
        "--frames",
        "2",
        "--generator-options",
        "temperature=0.8",
    )
    printed = json.loads(cli(*arguments, *own, "--out", "bright", "--json").stdout)
    scalars = printed["scalars"]
    assert abs(scalars["brightness"] - 0.54) <= 0.01 < abs(scalars["initial"] - 0.54)
    assert 0 < scalars["steps"] < 60
    assert read(Path("bright/result.png")).mean() / 255 == pytest.approx(scalars["brightness"], abs=0.005)
    assert {"frames.gif", "latent.safetensors", "brightness.png"} <= set(printed["files"])
    assert Image.open("bright/frames.gif").n_frames >= 2
    written = recipe("bright")
    assert written["generator_options"] == {"temperature": 0.8} and written["options"]["frames"] == 2


def test_brightness_reports_progress_and_can_be_cancelled(dcgan: Path) -> None:
    reports: list[tuple[int, int]] = []

    def edit(stop_at: int) -> i2i.Result:
        reports.clear()
        return i2i.edit(
            "brightness",
            ["seed:3"],
            generator=dcgan,
            device="cpu",
            target=1.0,
            steps=8,
            progress=lambda done, total, **scalars: reports.append((done, total)),
            stop=lambda: len(reports) >= stop_at,
        )

    whole = edit(100)
    assert reports == [(step, 8) for step in range(9)] and whole.scalars["steps"] == 8
    part = edit(4)
    assert reports == [(step, 8) for step in range(4)] and part.scalars["steps"] == 3
    assert part.scalars["initial"] < part.scalars["brightness"] < whole.scalars["brightness"]
    assert isinstance(part.latent, i2i.Latent)
    rendered = i2i.generator(dcgan, device="cpu").render(part.latent.w)
    assert torch.equal(rendered.clamp(-1, 1), part.image)
    with pytest.raises(i2i.Interrupted, match="nothing is written"):
        edit(1)


def test_brightness_works_with_a_stylegan() -> None:
    result = i2i.edit("brightness", ["seed:0"], generator="demo-faces", device="cpu", target=0.6, steps=30)
    assert result.scalars["initial"] < result.scalars["brightness"] == pytest.approx(0.6, abs=0.05)
    assert result.image.shape == (1, 3, 64, 64)


def test_face_warp_moves_the_mouth_inside_the_mask(cli: Command, face: Path) -> None:
    mask = np.zeros((64, 64, 3), np.uint8)
    mask[32:, :, :] = 255
    Image.fromarray(mask).save("mask.png")
    arguments = ("edit", "--plugin", "face-warp", "--image", face, "--landmarks", "demo-landmarks", "--device", "cpu")
    cli(*arguments, "--image", "mask=mask.png", "--preset", "smile", "--strength", "2", "--out", "masked")
    cli(*arguments, "--preset", "smile", "--strength", "2", "--out", "whole")
    before, masked, whole = (read(path) for path in (face, Path("masked/result.png"), Path("whole/result.png")))
    assert np.array_equal(masked[:32], before[:32]) and np.array_equal(masked[32:], whole[32:])
    assert np.abs(masked[32:] - before[32:]).max() > 10
    extractor: Any = i2i.extractor("demo-landmarks", "cpu")
    heights = [extractor(torch.from_numpy(image / 127.5 - 1).float().permute(2, 0, 1)[None])[0, [48, 54], 1].mean()
               for image in (before, whole)]  # fmt: skip
    assert heights[1] < heights[0]  # the corners of the mouth are higher
    written = recipe("masked")
    assert [photo["name"] for photo in written["photos"]] == ["image", "mask"]
    assert written["options"]["preset"] == "smile" and written["extractors"] == {"landmarks": "demo-landmarks"}
    assert i2i.edit("face-warp", [face], extractors={"landmarks": "demo-landmarks"}, device="cpu", preset="surprise",
                    strength=0.0).scalars == {"displacement": 0.0}  # fmt: skip


def test_face_warp_refuses_what_does_not_fit(cli: Command, face: Path) -> None:
    arguments = ("edit", "--plugin", "face-warp", "--image", face, "--landmarks", "demo-landmarks", "--device", "cpu")
    assert "Did you mean 'smile'?" in cli(*arguments, "--preset", "smlie", "--out", "out", code=2).stderr
    Image.new("RGB", (32, 32)).save("mask.png")
    told = cli(*arguments, "--image", "mask=mask.png", "--out", "out", code=2).stderr
    assert told.splitlines()[-1].startswith("i2i: The mask mask has 32 x 32 px and the photo 64 x 64")
    assert not Path("out").exists()


def test_presets_of_one_name_belong_to_their_editors() -> None:
    presets = i2i.load_registry().names("preset")
    assert {"drag/smile", "face-warp/smile"} <= set(presets)


def test_displacements_are_the_steps_at_their_centres() -> None:
    from i2i_outside.editors.face_warp import displacements, sample_at

    centres, steps = torch.tensor([[5.0, 5.0], [40.0, 20.0]]), torch.tensor([[2.0, 0.0], [0.0, -3.0]])
    field = displacements(centres, steps, radius=3.0, height=32, width=48)
    assert torch.allclose(field[5, 5], steps[0], atol=1e-4) and torch.allclose(field[20, 40], steps[1], atol=1e-4)
    weight = torch.tensor(-(3**2) / (2 * 3.0**2)).exp()  # 3 px from the centre, a standard deviation
    assert torch.allclose(field[5, 8], weight * steps[0], atol=1e-4)
    assert field[31, 0].abs().max() < 1e-3
    image = torch.rand(1, 3, 8, 9)
    moved = sample_at(image, torch.tensor([2.0, -1.0]).expand(8, 9, 2))
    assert torch.allclose(moved[:, :, :-1, 2:], image[:, :, 1:, :-2], atol=1e-5)


@pytest.mark.parametrize("values", [{}, {"moves": {"69": [0, 0]}}, {"moves": {"1": [0]}}, {"moves": [1], "more": 2}])
def test_wrong_presets_are_refused(values: dict[str, Any]) -> None:
    from i2i_outside.editors.face_warp import FaceWarp

    with pytest.raises(i2i.I2IError, match="The preset 'bad' of i2i-other must be"):
        FaceWarp().check_preset(i2i.Preset("bad", "Bad.", "face-warp", values, "i2i-other"))
