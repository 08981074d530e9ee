"""``i2i edit --faithful``: a photo is inverted by pivotal tuning on its way to an edit, in one command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import i2i
from i2i.cli.edit import command as edit_command
from i2i.testing import registry_of
from i2i.toolkit.latents.files import read_latent
from tests.helpers.toy_editors import Shift, run
from tests.helpers.toy_latents import Bandwise, latent_registry


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A photo of 120 x 96 pixels with a drawn face in the middle."""
    world = i2i.load_registry().get("dataset", "faces")()
    face = world.render(world.values(10_000_000), 96).picture
    photo = np.pad(face, ((0, 0), (12, 12), (0, 0)), mode="edge")
    Image.fromarray(photo).save(tmp_path / "me.png")
    return tmp_path / "me.png"


@pytest.fixture
def striped(tmp_path: Path) -> Path:
    Image.fromarray(np.full((24, 24, 3), 90, np.uint8)).save(tmp_path / "striped.png")
    return tmp_path / "striped.png"


def recipe_of(out: Path) -> Any:
    return json.loads((out / "recipe.json").read_text(encoding="utf-8"))


@pytest.mark.usefixtures("one_thread")
def test_a_photo_is_tuned_for_dragged_and_put_back_in_one_command(drawn: Path, tmp_path: Path) -> None:
    registry, out = i2i.load_registry(), tmp_path / "out"
    args = ("--plugin", "drag", "--image", drawn, "--preset", "open_mouth", "--steps", "2", "--device", "cpu")
    quick = "steps=1,tune_steps=2,until=0"
    done = run(edit_command, registry, *args, "--faithful", "--invert", quick, "--out", out)
    assert done.exit_code == 0, done.output
    told = {"method": "hybrid-pti", "steps": 1, "tune_steps": 2, "until": 0.0}
    assert recipe_of(out)["terms"]["invert"] == told
    latent = read_latent(out / "latent.safetensors")[0]
    assert latent.changes, "the generator's weights have learnt the photo"
    with Image.open(out / "photo.png") as photo:
        assert photo.size == (120, 96)


def test_it_is_short_for_the_faithful_inverter(striped: Path, tmp_path: Path) -> None:
    args = ("--plugin", "brighten", "--generator", "tunable", "--image", striped, "--device", "cpu", "--out", tmp_path)
    Bandwise.asked.clear()
    for words in (["--faithful"], ["--invert", "tuned"], ["--faithful", "--invert", "tuned"]):
        done = run(edit_command, latent_registry(), *args, *words)
        assert done.exit_code == 0, done.output
        assert recipe_of(tmp_path)["terms"]["invert"] == {"method": "tuned"}
        assert Bandwise.asked == [1], "the same inversion, found again"
    assert run(edit_command, latent_registry(), *args).exit_code == 0
    assert recipe_of(tmp_path)["terms"]["invert"] == {} and Bandwise.asked == [1, 1]


@pytest.mark.parametrize(
    ("plugin", "words", "told"),
    [
        ("brighten", ["--faithful", "--invert", "plain,offset=3"], "offset=3 names another method: leave one"),
        ("invert", ["--faithful"], "editor 'invert' edits no latents: type --method tuned instead."),
        ("invert", ["--invert", "plain"], "editor 'invert' edits no latents: type --method plain instead."),
        ("shift", ["--faithful"], "editor 'shift' edits no latents: leave them out."),
        ("shift", ["--invert", "tuned"], "editor 'shift' edits no latents: leave them out."),
        ("shift", ["--face", "all"], "--face all selects the face to crop, and editor 'shift' works on whole photos"),
    ],
)
def test_where_it_means_nothing_it_is_refused(
    plugin: str, words: list[str], told: str, striped: Path, tmp_path: Path
) -> None:
    registry = registry_of(Shift, plugins=("invert",)) if plugin == "shift" else latent_registry()
    generator = [] if plugin == "shift" else ["--generator", "bands"]
    out = tmp_path / "out"
    done = run(edit_command, registry, "--plugin", plugin, *generator, "--image", striped, *words, "--out", out)
    assert isinstance(done.exception, i2i.UsageError) and told in str(done.exception)
    assert str(done.exception).count(". ") == 0 and not out.exists()


def test_a_recipe_is_done_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text('{"plugin": "brighten", "options": {}, "seed": 0, "photos": []}')
    refused = run(edit_command, latent_registry(), "--recipe", tmp_path / "recipe.json", "--faithful")
    assert isinstance(refused.exception, i2i.UsageError) and "as it was" in str(refused.exception)
