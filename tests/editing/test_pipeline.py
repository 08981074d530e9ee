"""Edits of pixels: what goes in, what comes out, what is left on disk, and how each mistake is named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import Field

import i2i
from i2i.cli.edit import command as edit_command
from i2i.editing.pipeline import edit, edit_again
from i2i.registry import Registry
from i2i.testing import registry_of
from i2i.toolkit.images import read_image, read_image_text, to_array
from i2i.toolkit.images.frames import LazyFrames
from tests.helpers.toy_editors import Blend, Latent, Points, Seeded, Shift, run


@pytest.fixture
def registry() -> Registry:
    return registry_of(Shift, Blend, Points, Seeded, Latent)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.full((6, 10, 3), 64, np.uint8)).save(path)
    return path


def test_an_edit_leaves_all_it_promises(registry: Registry, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    seen: list[Any] = []
    result = edit(
        "shift",
        [photo],
        device="cpu",
        out=out,
        registry=registry,
        amount=0.5,
        progress=lambda done, total, **scalars: seen.append((done, total, scalars)),
    )
    assert seen == [(1, 1, {"amount": 0.5})]
    assert sorted(path.name for path in out.iterdir()) == [
        "before_after.png",
        "frames.gif",
        "recipe.json",
        "result.png",
    ]
    pixels = np.asarray(Image.open(out / "result.png"))
    assert pixels.shape == (6, 10, 3) and set(pixels.flat) == {128}, "64 + 0.5 * 127.5 = 127.75"
    with Image.open(out / "frames.gif") as frames:
        assert frames.n_frames == 2 and frames.size == (10, 6)
    with Image.open(out / "before_after.png") as pair:
        pixels = np.asarray(pair.convert("RGB"))
        for grey in (64, 128):  # a small picture is shown large: 10 x 6 by the factor 26; captions add a few pixels
            assert 260 * 156 <= (pixels == grey).all(axis=2).sum() < 1.02 * 260 * 156
    recipe = json.loads((out / "recipe.json").read_text(encoding="utf-8"))
    assert (recipe["plugin"], recipe["distribution"], recipe["version"]) == ("shift", "i2i-tests", "9.9")
    assert recipe["options"] == {"amount": 0.5, "noise": 0.0} and recipe["seed"] == 0 and not recipe["stopped"]
    assert recipe["scalars"] == {"mean": pytest.approx(float(result.scalars["mean"]))}
    assert recipe["photos"][0]["path"] == str(photo.resolve()) and len(recipe["photos"][0]["sha256"]) == 64
    assert {"i2i", "python", "torch"} <= recipe["versions"].keys()


@pytest.mark.parametrize("files", ["png,mp4", ["mp4", "png"]])
def test_frames_are_written_as_a_video_and_as_numbered_images(
    files: str | list[str], registry: Registry, photo: Path, tmp_path: Path
) -> None:
    out, written = tmp_path / "out", ["frames.mp4", "frames_0001.png", "frames_0002.png"]
    edit("shift", [photo], device="cpu", out=out, registry=registry, amount=0.5, animation=files, fps=25)
    recipe = json.loads((out / "recipe.json").read_text(encoding="utf-8"))
    assert [name for name in recipe["files"] if name.startswith("frames")] == written
    last = np.asarray(Image.open(out / written[-1]))
    assert last.shape == (6, 10, 3) and (last == np.asarray(Image.open(out / "result.png"))).all()
    assert next(imageio_ffmpeg.read_frames(str(out / "frames.mp4")))["fps"] == 25
    edit_again(out / "recipe.json", device="cpu", out=out, registry=registry)
    assert not any((out / name).exists() for name in written) and (out / "frames.gif").exists()


@pytest.mark.parametrize(
    ("files", "fps", "message"),
    [
        ("avi", None, r"--animation avi: write one or several of gif, mp4, png"),
        ("", None, r"--animation : write one or several"),
        ("gif", 60, r"--fps 60: a GIF shows at most 50 frames a second; add --animation mp4\.$"),
        ("mp4", 0.5, r"--fps 0\.5: write a number from 1 to 120"),
    ],
)
def test_files_of_frames_that_cannot_be_written_are_refused_before_the_edit(
    files: str, fps: float | None, message: str, registry: Registry, photo: Path, tmp_path: Path
) -> None:
    with pytest.raises(i2i.UsageError, match=message):
        edit("shift", [photo], device="cpu", out=tmp_path / "out", registry=registry, animation=files, fps=fps)
    assert not (tmp_path / "out").exists()


def test_an_edit_without_frames_says_that_the_animation_has_no_effect(
    registry: Registry, photo: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    edit("seeded", device="cpu", out=tmp_path / "a", registry=registry, animation="mp4", note=said.append)
    assert any("--animation and --fps have no effect: the edit has no frames" in line for line in said)
    said.clear()
    edit("seeded", device="cpu", out=tmp_path / "b", registry=registry, note=said.append)
    assert not any("--animation" in line for line in said)


class Several(i2i.Editor):
    name, summary, photos = "several", "Three results, of which some have two frames.", ()

    class Options(i2i.Options):
        frames: int = Field(0, description="Results with frames")

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        image = torch.zeros(1, 3, 8, 8)
        results = [i2i.Result(image, frames=[image, image] if number < options.frames else ()) for number in range(3)]
        return replace(results[0], others=results[1:])


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("several", {"animation": "mp4"}, ["--animation and --fps have no effect: the edit has no frames; --frames"]),
        ("seeded", {"animation": "mp4"}, ["--animation and --fps have no effect: the edit has no frames."]),
        ("several", {"animation": "gif,png", "frames": 1}, []),
        ("several", {"animation": "png", "frames": 2}, []),
        ("several", {"animation": "png", "frames": 2, "fps": 20}, ["--fps has no effect on numbered images: add gif "]),
        ("several", {"animation": "gif,png", "frames": 2, "fps": 20}, []),
    ],
)
def test_settings_of_the_animation_without_effect_are_told_once(
    name: str, options: dict[str, Any], told: list[str], tmp_path: Path
) -> None:
    said: list[str] = []
    known = registry_of(Several, Seeded)
    edit(name, device="cpu", out=tmp_path / "out", registry=known, note=said.append, **options)
    assert len(said) == len(told) and all(line.startswith(start) for line, start in zip(said, told, strict=True))


class Lazy(i2i.Editor):
    name, summary, photos = "lazy", "Frames that are computed, or are there.", ()
    computed: ClassVar[list[int]] = []

    class Options(i2i.Options):
        stored: bool = Field(False, description="Whether frames are there")

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        frames = torch.rand(20, 3, 8, 1100, generator=torch.Generator().manual_seed(0)).mul(2).sub(1).split(1)

        def compute(first: int, end: int) -> Sequence[torch.Tensor]:
            self.computed.extend(range(first, end))
            return frames[first:end]

        return i2i.Result(frames[-1], frames=frames if options.stored else LazyFrames(20, compute, batch=3))


@pytest.mark.parametrize("files", ["gif", "mp4", "gif,mp4", "gif,mp4,png"])
def test_lazy_frames_are_computed_once_and_written_as_others(files: str, tmp_path: Path) -> None:
    Lazy.computed.clear()
    written = []
    for stored in (False, True):
        out = tmp_path / str(stored)
        edit("lazy", device="cpu", out=out, registry=registry_of(Lazy), animation=files, stored=stored)
        written.append({path.name: path.read_bytes() for path in sorted(out.glob("frames*"))})
    assert Lazy.computed == list(range(20)) and written[0] == written[1]
    assert len(written[0]) == len(files.split(",")) + 19 * ("png" in files)
    if "gif" in files:
        with Image.open(tmp_path / "True" / "frames.gif") as shown:
            assert shown.n_frames == 20 and shown.size == (1024, 7)
    if "png" in files:
        frames = [to_array(frame) for frame in Lazy().edit(None, Lazy.Options(stored=True)).frames]
        assert all((read_image(tmp_path / "True" / f"frames_{1 + n:04}.png") == frames[n]).all() for n in range(20))


def test_the_picture_says_that_it_is_edited_and_not_where_its_maker_keeps_photos(
    registry: Registry, photo: Path, tmp_path: Path
) -> None:
    edit("shift", [photo], device="cpu", out=tmp_path / "out", registry=registry)
    inside = json.loads(read_image_text(tmp_path / "out" / "result.png")["i2i"])
    recipe = json.loads((tmp_path / "out" / "recipe.json").read_text(encoding="utf-8"))
    assert inside["photos"][0].pop("path") == "photo.png"
    recipe["photos"][0].pop("path")
    assert recipe.pop("files") == ["result.png", "before_after.png", "frames.gif"] == list(recipe.pop("sha256"))
    assert inside == recipe


def test_a_photo_is_turned_upright_and_kept_at_its_size(registry: Registry, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20), (10, 20, 30)).save(tmp_path / "turned.jpg", exif=exif)
    assert edit("shift", [tmp_path / "turned.jpg"], device="cpu", registry=registry).image.shape == (1, 3, 30, 20)


def test_check_photos_of_an_editor_of_pixels_runs_before_edit(photo: Path, tmp_path: Path) -> None:
    class Wide(Shift):
        name = "wide"

        def check_photos(self, scene: i2i.Scene, options: Any) -> None:
            height, width = scene.photos["image"].pixels.shape[2:]
            if width < 2 * height:
                raise i2i.I2IError(f"{scene.photos['image'].path} is not wide.")

        def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
            raise AssertionError("must not be reached")

    with pytest.raises(i2i.I2IError, match=r"photo\.png is not wide"):
        edit("wide", [photo], device="cpu", registry=registry_of(Wide), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_recipe_does_the_edit_again(registry: Registry, photo: Path, tmp_path: Path) -> None:
    first = edit("shift", [photo], device="cpu", out=tmp_path / "1", seed=5, registry=registry, noise=0.3, amount=0.1)
    other = edit("shift", [photo], device="cpu", seed=6, registry=registry, noise=0.3, amount=0.1)
    torch.manual_seed(0)
    done = run(
        edit_command, registry, "--recipe", tmp_path / "1" / "recipe.json", "--out", tmp_path / "2", "--device", "cpu"
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "1" / "result.png").read_bytes() == (tmp_path / "2" / "result.png").read_bytes()
    assert not torch.equal(first.image, other.image)
    moved = photo.rename(tmp_path / "moved.png")
    with pytest.raises(i2i.I2IError, match="is missing; name its new path with --image"):
        edit_again(tmp_path / "1" / "recipe.json", registry=registry)
    again = edit_again(tmp_path / "1" / "recipe.json", [moved], device="cpu", registry=registry)
    assert torch.equal(again.image, first.image)
    Image.new("RGB", (10, 6)).save(moved)
    with pytest.raises(i2i.I2IError, match="is not the photo that"):
        edit_again(tmp_path / "1" / "recipe.json", [moved], registry=registry)


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"plugin": "shift"}', '{"plugin": 1, "options": 2, "seed": 3, "photos": 4}']
)
def test_a_bad_recipe_is_named(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(i2i.UsageError, match=r"recipe\.json"):
        edit_again(path, registry=registry_of(Shift))


def test_seed_photos_and_extractors_reach_the_editor(registry: Registry, photo: Path, tmp_path: Path) -> None:
    assert edit("seeded", device="cpu", registry=registry, seed=7).scalars == {"seed": 7}
    white = tmp_path / "white.png"
    Image.new("RGB", (10, 6), "white").save(white)
    result = edit("blend", [photo, white], device="cpu", registry=registry)
    assert result.scalars == {"points": 68}
    assert result.image.unique().tolist() == pytest.approx([(64 / 127.5 - 1 + 1) / 2])


def test_extractors_are_chosen_by_name_and_kept_in_the_recipe(registry: Registry, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    edit("blend", [photo, photo], extractors={"landmarks": "points"}, device="cpu", out=out, registry=registry)
    recipe = json.loads((out / "recipe.json").read_text())
    assert recipe["extractors"] == {"landmarks": "points"}
    with pytest.raises(i2i.UsageError, match="'blend' uses no extractor of identity"):
        edit("blend", [photo, photo], extractors={"identity": "arcface"}, device="cpu", registry=registry)
    with pytest.raises(i2i.UsageError, match="no extractor of landmarks called 'other'"):
        edit("blend", [photo, photo], extractors={"landmarks": "other"}, device="cpu", registry=registry)


@pytest.mark.parametrize(
    ("name", "photos", "options", "text"),
    [
        ("shfit", 1, {}, "no editor called 'shfit'. Did you mean 'shift'?"),
        ("shift", 1, {"amuont": 1}, "no option 'amuont'. Did you mean 'amount'?"),
        ("shift", 1, {"amount": 3}, "--amount is 3, but it should be less than or equal to 1."),
        ("shift", 0, {}, r"takes 1 photo(s) (image), but 0 were given: use --image PATH."),
        ("blend", 1, {}, r"takes 2 photo(s) (first, second), but 1 was given"),
        ("latent", 1, {}, "no generator plugin is installed"),
    ],
)
def test_mistakes_are_named(
    name: str, photos: int, options: dict[str, Any], text: str, registry: Registry, photo: Path
) -> None:
    with pytest.raises(i2i.I2IError) as caught:
        edit(name, [photo] * photos, device="cpu", registry=registry, **options)
    assert text in str(caught.value)


def test_a_missing_extractor_or_photo_is_named(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(i2i.I2IError, match="No plugin provides an extractor of landmarks"):
        edit("blend", [photo, photo], device="cpu", registry=registry_of(Blend))
    with pytest.raises(i2i.I2IError, match=r"absent\.png"):
        edit("shift", [tmp_path / "absent.png"], device="cpu", registry=registry_of(Shift))


GOOD = torch.zeros(1, 3, 4, 4)
BAD_RESULTS: dict[str, tuple[Any, str]] = {
    "no result": (None, "returned None from edit(); expected i2i.Result"),
    "no tensor": (i2i.Result(image=np.zeros((1, 3, 4, 4))), "expected a tensor (1, 3, H, W)"),  # type: ignore[arg-type]
    "shape": (
        i2i.Result(image=torch.zeros(3, 4, 4)),
        "returned an image of shape (3, 4, 4) from edit(); expected shape (1, 3, H, W)",
    ),
    "empty": (i2i.Result(image=torch.zeros(1, 3, 0, 4)), "an image of shape (1, 3, 0, 4)"),
    "type": (i2i.Result(image=GOOD.to(torch.uint8)), "an image of torch.uint8 from edit(); expected floating point"),
    "nan": (i2i.Result(image=GOOD / 0), "not finite"),
    "frame": (i2i.Result(image=GOOD, frames=(GOOD, GOOD[0])), "returned frame 1 of shape (3, 4, 4)"),
    "frame sizes": (i2i.Result(image=GOOD, frames=(GOOD, torch.zeros(1, 3, 5, 5))), "differ in size"),
    "scalar": (i2i.Result(image=GOOD, scalars={"x": float("inf")}), "the scalar 'x' = inf"),
}


@pytest.mark.parametrize("case", BAD_RESULTS)
def test_a_bad_result_is_refused_with_the_plugins_name(case: str, photo: Path, tmp_path: Path) -> None:
    value, text = BAD_RESULTS[case]

    class Bad(i2i.Editor):
        name = "bad"
        summary = "Returns what it must not."

        def edit(self, scene: i2i.Scene, options: Any) -> Any:
            return value

    with pytest.raises(i2i.I2IError) as caught:
        edit("bad", [photo], device="cpu", out=tmp_path / "out", registry=registry_of(Bad))
    assert text in str(caught.value) and "editor 'bad' of i2i-tests 9.9" in str(caught.value)
    assert not (tmp_path / "out").exists()
