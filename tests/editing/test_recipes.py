"""Recipes of edits whose options name files: those files are proved as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import Field

import i2i
from i2i.editing.pipeline import edit, edit_again
from i2i.testing import registry_of
from i2i.toolkit.images import read_image_text


class Shade(i2i.Editor):
    name = "shade"
    summary = "As grey as a file says."
    photos = ()

    class Options(i2i.Options):
        level: Path | None = Field(None, description="A file with a number")

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        level = float(options.level.read_text()) if options.level else 0.0
        return i2i.Result(torch.full((1, 3, 4, 4), level))


def test_a_file_that_an_option_names_is_part_of_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry, level = registry_of(Shade), tmp_path / "private" / "level.txt"
    level.parent.mkdir()
    level.write_text("0.5")
    monkeypatch.chdir(level.parent)
    edit("shade", out=tmp_path / "out", device="cpu", registry=registry, level="level.txt")
    recipe = tmp_path / "out" / "recipe.json"
    assert json.loads(recipe.read_text())["options"] == {"level": str(level)}, "so that it is found from anywhere"
    assert "private" not in read_image_text(tmp_path / "out" / "result.png")["i2i"], "the picture tells no folders"
    monkeypatch.chdir(tmp_path)
    assert edit_again(recipe, device="cpu", registry=registry).image.unique().tolist() == [0.5]
    level.write_text("0.25")
    with pytest.raises(i2i.I2IError, match=r"level\.txt, the --level of .*, is missing or differs"):
        edit_again(recipe, device="cpu", registry=registry)
    edit("shade", out=tmp_path / "out", device="cpu", registry=registry)
    assert json.loads(recipe.read_text())["option_files"] == {}


@pytest.mark.usefixtures("one_thread")
def test_recipe_of_an_edit_with_an_encoder_is_repeated(tmp_path: Path) -> None:
    face = Path(__file__).resolve().parents[1] / "golden" / "inputs" / "face.png"
    first = i2i.edit("drag", [face], preset="smile", steps=1, invert="encoder", device="cpu", out=tmp_path / "out")
    assert json.loads((tmp_path / "out" / "recipe.json").read_text())["extractors"]["encoder"] == "demo-encoder"
    assert torch.equal(edit_again(tmp_path / "out" / "recipe.json", device="cpu").image, first.image)


class Reader(i2i.Extractor):
    name, summary, role, reads = "reader", "Reads a file.", "encoder", "file"

    class Options(i2i.Options):
        file: Path = Field(description="Weights")
        levels: list[int] = Field([], description="A list")
        names: dict[str, int] = Field({}, description="A dictionary")

    def __init__(self, device: i2i.Device, options: Any) -> None:
        pass


def test_options_of_an_extractor_may_be_lists_and_dictionaries(tmp_path: Path) -> None:
    """Beside a file, whose folder images do not name."""
    file = tmp_path / "private" / "encoder.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    given = {"reader": {"file": str(file), "levels": [1, 2], "names": {"a": 1}}}
    edit("shade", out=tmp_path / "out", device="cpu", registry=registry_of(Shade, Reader), extractor_options=given)
    told = json.loads(read_image_text(tmp_path / "out" / "result.png")["i2i"])
    assert told["extractor_options"] == {"reader": {"file": file.name, "levels": [1, 2], "names": {"a": 1}}}
