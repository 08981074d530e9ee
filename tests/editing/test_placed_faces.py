"""Edits of photos whose face is placed by hand: no detector is opened, and the recipe repeats the placement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import i2i
from i2i.cli import build
from i2i.editing.pipeline import edit_again
from i2i.testing import registry_of
from i2i.toolkit.faces.alignment import extract_crop, points_placement
from i2i.toolkit.faces.points import FacePoints
from i2i.toolkit.images import read_image, to_array
from tests.helpers.toy_editors import Shift
from tests.helpers.toy_faces import Squares

POINTS: dict[str, Any] = {"eyes": ((30, 30), (50, 32)), "mouth": (39, 52)}
PLUGINS = ("demo", "stylegan", "face_tools", "invert", "perceptual", "metrics")


def registry() -> i2i.Registry:
    """No finder but one that finds nothing in these photos."""
    return registry_of(Squares, Shift, plugins=PLUGINS)


def edit(plugin: str, *images: Any, **options: Any) -> i2i.Result:
    return i2i.edit(plugin, images, registry=registry(), device="cpu", generator="demo-faces", **options)


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    """A photo in which no face is found."""
    ramp = np.add.outer(np.arange(80), np.arange(120))[..., None] * np.array([0.3, 0.2, 0.1])
    Image.fromarray(ramp.astype(np.uint8)).save(tmp_path / "painting.png")
    return tmp_path / "painting.png"


def test_crop_lies_where_the_points_say(painting: Path) -> None:
    with pytest.raises(i2i.I2IError, match=r"finds no face in it; .* place the crop yourself with --eyes X,Y:X,Y"):
        edit("align", painting, crop="face", extractors={"landmarks": "squares"})
    points = FacePoints.of(**POINTS)
    assert points is not None
    expected = extract_crop(read_image(painting), points_placement(points), 64)
    assert np.array_equal(to_array(edit("align", painting, **POINTS).image), expected)
    assert np.array_equal(to_array(edit("align", painting, crop="face", **POINTS).image), expected)


def test_points_count_pixels_of_the_upright_photo(painting: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a turn by 90 degrees clockwise
    with Image.open(painting) as image:
        image.transpose(Image.Transpose.ROTATE_90).save(turned, exif=exif)
    assert np.array_equal(read_image(turned), read_image(painting))
    first, second = (to_array(edit("align", path, **POINTS).image) for path in (painting, turned))
    assert np.array_equal(first, second)


def test_recipe_records_and_repeats_the_placement(painting: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = edit("align", painting, out=out, **POINTS)
    recipe = json.loads((out / "recipe.json").read_text(encoding="utf-8"))
    terms = recipe["terms"]
    assert (terms["eyes"], terms["mouth"]) == ([[30, 30], [50, 32]], [39, 52])
    again = edit_again(out / "recipe.json", registry=registry(), device="cpu")
    assert np.array_equal(to_array(again.image), to_array(result.image))
    assert np.array_equal(read_image(out / "photo.png"), read_image(painting)), "an unedited crop changes nothing"
    plain = tmp_path / "plain"
    edit("align", painting, out=plain)
    assert not {"eyes", "mouth"} & set(json.loads((plain / "recipe.json").read_text(encoding="utf-8"))["terms"])


def test_edited_crop_is_pasted_back_from_its_latent(painting: Path, tmp_path: Path) -> None:
    """The latent file knows the placement, so that a further edit needs no points."""
    first = tmp_path / "first"
    edit("invert", painting, method="encoder", out=first, **POINTS)
    second = tmp_path / "second"
    edit("align", first / "latent.safetensors", out=second)
    before, after = read_image(painting), read_image(second / "photo.png")
    points = FacePoints.of(**POINTS)
    assert points is not None
    x0, y0, x1, y1 = points_placement(points).bounds()
    changed = np.argwhere((before != after).any(axis=2))
    assert len(changed) and changed[:, 0].max() < y1 + 1 and changed[:, 1].max() < x1 + 1
    assert changed[:, 0].min() > y0 - 1 and changed[:, 1].min() > x0 - 1


@pytest.mark.parametrize(
    ("images", "options", "said"),
    [
        (2, {}, "place the face of one photo, and 2 photos are given"),
        (0, {}, "seeds and latents are not cropped"),
        (1, {"crop": "square"}, "--crop square has no effect with --eyes"),
        (1, {"face": "all"}, "--face all has no effect with --eyes"),
        (1, {"mouth": None}, "add --mouth X,Y"),
        (1, {"mouth": (39, 85)}, "--mouth: 39,85 is outside of .*painting.png, which is 120 x 80 px"),
    ],
)
def test_points_that_do_not_fit_are_refused(images: int, options: Any, said: str, painting: Path) -> None:
    given: list[str | Path] = [painting] * images if images else ["seed:1"]
    with pytest.raises(i2i.UsageError, match=said):
        edit("align", *given, **{**POINTS, **options})


def test_editor_of_pixels_takes_no_points(painting: Path) -> None:
    with pytest.raises(i2i.UsageError, match="--eyes and --mouth say where a photo is cropped, and editor 'shift'"):
        i2i.edit("shift", [painting], registry=registry(), device="cpu", **POINTS)


def test_command_line_takes_points(painting: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["edit", "--plugin", "align", "--image", str(painting), "--generator", "demo-faces", "--out", str(out)]
    arguments += ["--device", "cpu", "--eyes", "30,30:50,32"]
    wrong = CliRunner().invoke(build(registry()), arguments)
    assert wrong.exit_code == 2 and "i2i: --eyes places a face together with the other points" in wrong.stderr
    done = CliRunner().invoke(build(registry()), [*arguments, "--mouth", "39,52"])
    assert done.exit_code == 0, done.stderr
    assert np.array_equal(read_image(out / "result.png"), to_array(edit("align", painting, **POINTS).image))
