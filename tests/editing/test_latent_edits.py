"""Edits through a generator: seeds, latents and photos in; inversion kept; what is left on disk leads on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import i2i
from i2i.cli.edit import command as edit_command
from i2i.editing.image_loader import ImageLoader
from i2i.editing.inputs import InputImage
from i2i.editing.pipeline import edit, edit_again
from i2i.editing.settings import EditSettings
from i2i.registry import Registry
from i2i.runtime.device import TorchDevice
from i2i.toolkit.images import read_image
from i2i.toolkit.latents.files import read_latent
from tests.helpers.toy_editors import run
from tests.helpers.toy_faces import Squares, photo
from tests.helpers.toy_generators import Bands
from tests.helpers.toy_latents import Bandwise, Preset, latent_registry


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("I2I_HOME", str(tmp_path / "home"))
    Bandwise.asked.clear()
    return latent_registry()


@pytest.fixture
def striped(tmp_path: Path) -> Path:
    """A photo of 36 x 24: its central square is six bands of one colour each."""
    pixels = np.zeros((24, 36, 3), np.uint8)
    pixels[:] = np.repeat(np.arange(40, 220, 30), 4)[:, None, None]
    Image.fromarray(pixels).save(tmp_path / "striped.png")
    return tmp_path / "striped.png"


def names(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()}


def test_with_nothing_given_it_edits_seed_0(registry: Registry, tmp_path: Path) -> None:
    notes: list[str] = []
    shared: dict[str, Any] = {"generator": "bands", "device": "cpu", "registry": registry, "note": notes.append}
    result = edit("brighten", out=tmp_path / "out", **shared)
    edit("brighten", ["seed:0"], **shared)
    assert notes == ["No --image is given, so brighten uses image=seed:0."]
    z = torch.from_numpy(np.random.RandomState(0).randn(1, 4)).float()
    expected = Bands(None, TorchDevice("cpu"))
    w = expected.map(z, truncation=0.7) + 0.25
    assert torch.allclose(result.image, expected.render(w).clamp(-1, 1))
    assert names(tmp_path / "out") == {"result.png", "before_after.png", "latent.safetensors", "recipe.json"}
    assert torch.allclose(read_latent(tmp_path / "out" / "latent.safetensors")[0].w, w)
    recipe = json.loads((tmp_path / "out" / "recipe.json").read_text())
    assert recipe["photos"] == [{"name": "image", "seed": "0"}]
    assert recipe["generator"]["source"] == "bands" and recipe["terms"]["truncation"] == 0.7


def test_a_photo_is_cut_inverted_edited_and_put_back(registry: Registry, striped: Path, tmp_path: Path) -> None:
    result = edit(
        "brighten", [striped], generator="bands", device="cpu", out=tmp_path / "out", registry=registry, blend="plain"
    )
    bands = torch.arange(40, 220, 30) / 127.5 - 1 + 0.25
    assert torch.allclose(result.image[0, 0, ::2, 0], bands.clamp(-1, 1), atol=0.03), "read off within a level or two"
    assert {"photo.png", "latent.safetensors"} <= names(tmp_path / "out")
    before, after = read_image(striped).astype(int), read_image(tmp_path / "out" / "photo.png").astype(int)
    assert np.array_equal(before[:, :6], after[:, :6]) and np.array_equal(before[:, -6:], after[:, -6:])
    assert abs((after - before)[10:14, 16:20].mean() - 0.25 * 127.5) < 3


def test_an_inversion_is_kept_for_the_next_edit(registry: Registry, striped: Path) -> None:
    for amount in (0.1, 0.2):
        edit("brighten", [striped], generator="bands", device="cpu", registry=registry, amount=amount)
    assert Bandwise.asked == [1]
    edit("brighten", [striped], generator="bands", device="cpu", registry=registry, keep=False)
    edit("brighten", [striped], generator="tunable", device="cpu", registry=registry)
    edit("brighten", [striped], generator="bands", device="cpu", registry=registry, invert="offset=0.1")
    assert Bandwise.asked == [1, 1, 1, 1], "another generator, other options, or asked not to"


def test_inverting_keeps_each_photo_by_itself(registry: Registry, striped: Path, tmp_path: Path) -> None:
    grey = tmp_path / "grey.png"
    Image.new("RGB", (20, 30), (90, 90, 90)).save(grey)
    edit("invert", [striped], generator="bands", device="cpu", registry=registry)
    out = tmp_path / "out"
    result = edit("invert", [striped, grey], generator="bands", device="cpu", out=out, registry=registry)
    assert Bandwise.asked == [1, 1], "only the one that is new"
    assert len(result.others) == 1 and result.others[0].scalars == {"loss": 0.5}
    expected = {"result.png", "before_after.png", "latent.safetensors", "loss.png", "photo.png"}
    assert names(out) == {*expected, *(name.replace(".", "_2.") for name in expected), "recipe.json"}
    edit("invert", [striped], generator="bands", device="cpu", out=out, registry=registry, grid=True)
    assert names(out) == {*expected, "grid.png", "grid.html", "recipe.json"}, "nothing of the earlier edit stays"


def test_edits_chain_and_still_go_back_into_the_photo(registry: Registry, striped: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    edit("brighten", [striped], generator="bands", device="cpu", out=first, registry=registry, amount=0.1)
    latent = first / "latent.safetensors"
    again: dict[str, Any] = {
        "generator": "bands",
        "device": "cpu",
        "out": second,
        "registry": registry,
        "blend": "plain",
    }
    edit("brighten", [latent], amount=0.1, **again)
    assert "photo.png" in names(second) and Bandwise.asked == [1]
    moved = (read_image(second / "photo.png").astype(int) - read_image(striped))[10:14, 16:20].mean()
    assert abs(moved - 0.2 * 127.5) < 3
    Image.new("RGB", (36, 24)).save(striped)
    edit("brighten", [latent], generator="bands", device="cpu", out=second, registry=registry)
    assert "photo.png" not in names(second), "the photo is another now"


def test_changed_weights_travel_with_the_latent(registry: Registry, striped: Path, tmp_path: Path) -> None:
    shared: dict[str, Any] = {"generator": "tunable", "device": "cpu", "registry": registry}
    first = edit("brighten", [striped], out=tmp_path / "1", invert="tuned", amount=0.0, **shared)
    plain = edit("brighten", [striped], amount=0.0, **shared)
    assert torch.allclose(first.image, (plain.image + 0.25).clamp(-1, 1), atol=0.01)
    assert isinstance(first.latent, i2i.Latent) and "shift" in first.latent.changes
    again = edit("brighten", [tmp_path / "1" / "latent.safetensors"], amount=0.0, **shared)
    assert torch.allclose(again.image, first.image, atol=1e-6)


def test_a_recipe_does_an_edit_of_latents_again(registry: Registry, striped: Path, tmp_path: Path) -> None:
    one = tmp_path / "one"
    edit("pair", [striped, "seed:3"], generator="bands", device="cpu", out=one, registry=registry, truncation=0.5)
    again = run(edit_command, registry, "--recipe", one / "recipe.json", "--out", tmp_path / "two", "--device", "cpu")
    assert again.exit_code == 0, again.output
    assert (one / "result.png").read_bytes() == (tmp_path / "two" / "result.png").read_bytes()
    recipe = json.loads((one / "recipe.json").read_text())
    recipe["generator"]["sha256"] = "0" * 64
    (one / "recipe.json").write_text(json.dumps(recipe))
    with pytest.raises(i2i.I2IError, match="is not the one that"):
        edit_again(one / "recipe.json", registry=registry)


def test_faces_of_a_photo_are_edited_together(registry: Registry, tmp_path: Path) -> None:
    group = photo(tmp_path / "group.png", (10, 20, 30), (70, 30, 28))
    shared: dict[str, Any] = {"generator": "bands", "device": "cpu", "registry": registry, "crop": "face"}
    result = edit("invert", [group], out=tmp_path / "out", face="all", **shared)
    assert len(result.others) == 1 and "photo.png" in names(tmp_path / "out")
    assert "photo_2.png" not in names(tmp_path / "out"), "both go back into one photo"
    told = r"group.png shows 2 faces, and editor 'brighten' takes one image as 'image': type --face 1 to --face 2, "
    with pytest.raises(i2i.I2IError, match=f"{told}counted from left to right, or --face largest.$"):
        edit("brighten", [group], face="all", **shared)
    with pytest.raises(i2i.I2IError, match="editor 'duo' takes one image as 'second': type --face 1 to --face 2"):
        edit("duo", ["seed:1", group], face="all", **shared)
    alone = photo(tmp_path / "alone.png", (10, 20, 30))
    assert edit("brighten", [alone], face="all", **shared).others == (), "one face is one picture"
    with pytest.raises(i2i.I2IError, match="squares finds no face"):
        edit("brighten", [photo(tmp_path / "none.png")], **shared)


def test_a_finder_of_crops_is_told_to_be_one(tmp_path: Path) -> None:
    class Crops(Squares):
        name, domain = "crops", "synthetic faces"

    group = photo(tmp_path / "none.png")
    opener = ImageLoader(
        Bands(None, TorchDevice("cpu")), "synthetic faces", lambda: Crops(TorchDevice("cpu")), EditSettings(crop="face")
    )
    opener.finders = ["squares", "circles"]
    with pytest.raises(
        i2i.I2IError, match=r"crops reads crops of synthetic faces and .* --landmarks squares or circles"
    ):
        opener.load(InputImage("image", "photo", group))


def test_what_does_not_fit_is_named(registry: Registry, striped: Path, tmp_path: Path) -> None:
    save_file({"w": torch.zeros(1, 4, 3)}, tmp_path / "small.safetensors")
    shared: dict[str, Any] = {"generator": "bands", "device": "cpu", "registry": registry}
    with pytest.raises(i2i.I2IError, match="holds a latent of 4 x 3 numbers, and the generator takes 6 x 3"):
        edit("brighten", [tmp_path / "small.safetensors"], **shared)
    with pytest.raises(i2i.UsageError, match=r"--invert .*there is no option 'stepps'"):
        edit("brighten", [striped], invert="plain,stepps=3", **shared)
    with pytest.raises(i2i.UsageError, match="no file, run or model 'bnads'"):
        edit("brighten", generator="bnads", device="cpu", registry=registry)


def test_the_command_tells_figures_of_every_picture(registry: Registry, striped: Path, tmp_path: Path) -> None:
    args = ("--plugin", "invert", "--generator", "bands", "--image", striped, "--image", "seed:1", "--device", "cpu")
    done = run(edit_command, registry, *args, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "1: loss 0.5\n2: loss 0.5" in done.output and "latent_2.safetensors" in done.output
    told = json.loads(run(edit_command, registry, *args, "--out", tmp_path / "o", "--json").stdout)
    assert told["others"] == [{"loss": 0.5}] and "recipe.json" in told["files"]


def test_an_editor_is_handed_its_own_presets_and_their_providers(registry: Registry) -> None:
    edit("preset", generator="bands", device="cpu", registry=registry, preset="much")
    assert Preset.handed == {
        "much": i2i.Preset("much", "Much.", "preset", {"amount": 1}, provider="i2i-tests"),
        "odd": i2i.Preset("odd", "Odd.", "preset", {}, provider="i2i-tests"),
    }


@pytest.mark.parametrize(
    ("preset", "told"),
    [
        ("much,muhc", "--preset muhc: there is no such preset. Did you mean 'much'?"),
        ("so", "--preset so: there is no such preset."),
        ("odd", "The preset 'odd' of i2i-tests has no amount; choose another."),
    ],
)
def test_presets_that_are_not_there_or_not_sound_are_told_first(registry: Registry, preset: str, told: str) -> None:
    with pytest.raises(i2i.I2IError) as error:
        edit("preset", ["seed:0"], generator="no generator", registry=registry, preset=preset)
    assert str(error.value).startswith(told)


def test_pictures_are_refused_before_photos_are_inverted(registry: Registry, striped: Path) -> None:
    given: dict[str, Any] = {"generator": "bands", "device": "cpu", "registry": registry}
    with pytest.raises(i2i.UsageError, match="too dark"):
        edit("preset", ["seed:0", striped], darkest=2.0, **given)
    assert Preset.before == [True, False] and Bandwise.asked == []
    edit("preset", ["seed:0", striped], **given)
    assert Bandwise.asked == [1]
