"""``i2i sample``: what each kind of output holds, how lists are written, and how each mistake is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import Result
from PIL import Image
from safetensors.torch import save_file

import i2i
from i2i.runtime.device import TorchDevice
from i2i.testing import registry_of
from i2i.toolkit.files import hash_file
from i2i.toolkit.images import read_image_text
from i2i.toolkit.latents.sampling import SamplingOptions, draw
from i2i_plugins.sample.command import command
from tests.helpers.toy_editors import run
from tests.helpers.toy_generators import Bands, Broken, Classes


def sample(*args: Any) -> Result:
    return run(command, registry_of(Bands, Classes, Broken), "--device", "cpu", *args)


def said(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_sheet_says_what_it_was_made_from(tmp_path: Path) -> None:
    weights, out = tmp_path / "weights.safetensors", tmp_path / "new" / "sheet.png"
    save_file({"bands.shift": torch.zeros(3)}, weights)
    answer = said(sample("--generator", weights, "--seeds", "0-3,9", "--cutoff", 4, "--out", out, "--json"))
    assert answer.items() >= {"out": str(out), "pictures": 5, "seeds": [0, 1, 2, 3, 9]}.items()
    assert answer["generator"] == str(weights)
    assert 5 / answer["pictures_per_second"] == pytest.approx(answer["seconds"], abs=6e-4), "rounded to milliseconds"
    text = json.loads(read_image_text(out)["i2i"])
    assert text.pop("versions") == {"i2i": i2i.__version__}
    assert text == {
        "generator": "weights.safetensors",
        "sha256": hash_file(weights),
        "truncation": 0.7,
        "cutoff": 4,
        "noise": "const",
        "precision": "fp32",
        "seeds": [0, 1, 2, 3, 9],
    }


def test_a_folder_gets_a_picture_a_seed(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    args = ("--generator", "classes", "--class", 2, "--truncation", 0.5, "--batch", 2)
    assert said(sample(*args, "--seeds", "7,12345,7,3", "--out", out, "--json"))["pictures"] == 3
    assert sorted(path.name for path in out.iterdir()) == ["seed0003.png", "seed0007.png", "seed12345.png"]
    drawn = draw(Classes(None, TorchDevice("cpu")), [3, 7], SamplingOptions(truncation=0.5, label=2))
    for seed, picture in zip((3, 7), drawn, strict=True):
        path = out / f"seed{seed:04d}.png"
        assert np.array_equal(np.asarray(Image.open(path)), picture)
        text = json.loads(read_image_text(path)["i2i"])
        assert (text["generator"], text["seed"], text["class"], text["truncation"]) == ("classes", seed, 2, 0.5)


@pytest.mark.parametrize("name", ["film.gif", "film.mp4"])
def test_a_film_goes_through_the_seeds(name: str, tmp_path: Path) -> None:
    args = ("--generator", "bands", "--seeds", "0-2", "--out", tmp_path / name)
    assert said(sample(*args, "--frames", 4, "--fps", 10, "--json"))["pictures"] == 12
    done = sample(*args)
    assert done.exit_code == 0 and f"Wrote {tmp_path / name}: 72 images in " in done.stdout
    if name.endswith(".gif"):
        with Image.open(tmp_path / name) as film:
            assert film.n_frames == 72


def test_mp4_without_its_extra_is_refused_before_the_generator_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imageio", None)
    refused = sample("--generator", "no-such-generator", "--out", tmp_path / "film.mp4")
    assert isinstance(refused.exception, i2i.I2IError) and 'pip install "i2i[video]"' in str(refused.exception)


def test_style_mixing_counts_its_edges(tmp_path: Path) -> None:
    out = tmp_path / "mixing.png"
    args = ("--generator", "bands", "--seeds", "0-2", "--mix", "10,11", "--out", out, "--json")
    assert said(sample(*args))["pictures"] == 3 + 2 + 6
    text = json.loads(read_image_text(out)["i2i"])
    assert (text["seeds"], text["mix"], text["rows"]) == ([0, 1, 2], [10, 11], [0, 1])
    said(sample(*args, "--rows", "1,3-4"))
    assert json.loads(read_image_text(out)["i2i"])["rows"] == [1, 3, 4]


def test_a_jpeg_is_a_sheet_too(tmp_path: Path) -> None:
    done = sample("--generator", "bands", "--seeds", "5", "--out", tmp_path / "one.jpg")
    assert done.exit_code == 0 and ": 1 image in " in done.stdout
    assert Image.open(tmp_path / "one.jpg").format == "JPEG"


WRONG = {
    "seeds backwards": (["--seeds", "5-2"], "--seeds 5-2: write numbers and ranges"),
    "seeds as words": (["--seeds", "a few"], "such as 0-15 or 3,7,20-24"),
    "seeds below nought": (["--seeds", "-3"], "--seeds -3: write numbers"),
    "an open range": (["--seeds", "3-"], "--seeds 3-: write numbers"),
    "no seeds": (["--seeds", ""], "write numbers and ranges"),
    "seeds beyond numpy": (["--seeds", "4294967296"], "numbers go to 4294967295"),
    "too many seeds": (["--seeds", "0-999999999"], "more than a million"),
    "another ending": (["--out", "a.webm"], "use a file name in .png, .jpg, .gif or .mp4, or a folder"),
    "columns of a folder": (["--out", "a", "--columns", "2"], "--columns is for an image grid"),
    "mixing in a film": (["--out", "a.gif", "--mix", "1"], "--mix is for an image grid"),
    "frames of a sheet": (["--frames", "3"], "--frames is for an animation: let --out end in .gif or .mp4"),
    "speed of a sheet": (["--fps", "3"], "--fps is for an animation"),
    "rows without mixing": (["--rows", "3"], "with --mix"),
    "columns of mixing": (["--mix", "3", "--columns", "2"], "do not go together"),
    "a film too fast": (["--out", "a.gif", "--fps", "60"], "let --out end in .mp4"),
    "a film of one": (["--out", "a.gif", "--seeds", "1"], "at least two"),
    "rows that are not there": (["--mix", "3", "--rows", "6"], "layers 0 to 5"),
    "a truncation that is no number": (["--truncation", "nan"], "--truncation nan: give a number"),
    "a truncation without bounds": (["--truncation", "inf"], "--truncation inf: give a number"),
    "nothing to write": (["--out", ""], "--out is empty"),
    "a class too many": (["--class", "0"], "trained without classes"),
    "no such generator": (["--generator", "bnads"], "no file, run or model 'bnads'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named_and_leaves_no_file(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    args, words = WRONG[case]
    refused = sample("--generator", "bands", "--out", "sheet.png", *args)
    assert isinstance(refused.exception, i2i.UsageError), refused.output
    assert words in str(refused.exception) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["sheet.png", "film.gif", "film.mp4", "folder"])
def test_ctrl_c_leaves_no_half_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Broken, "error", KeyboardInterrupt())
    done = sample("--generator", "broken", "--batch", 2, "--out", tmp_path / name)
    assert done.exit_code == 1 and "Aborted" in done.output
    whole = ["seed0000.png", "seed0001.png"] if name == "folder" else []
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == whole
    for picture in whole:
        assert Image.open(tmp_path / name / picture).size == (12, 12)
