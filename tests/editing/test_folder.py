"""The folder of an edit: nothing of anybody else's is lost there, and what is written is written whole."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import i2i
from i2i.editing import output as results
from i2i.editing.pipeline import edit
from i2i.registry import Registry
from i2i.testing import registry_of
from i2i.toolkit.files import hash_file
from tests.helpers.toy_editors import Seeded, Shift


class Curves(i2i.Editor):
    """Draws two curves."""

    name = "curves"
    summary = "Curves."
    photos = ()

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        plot = i2i.Plot("step", "loss", {"a": [(0.0, 1.0), (1.0, 0.5)]})
        return i2i.Result(torch.zeros(1, 3, 4, 4), plots={"loss": plot, "way": plot})


class Tables(i2i.Editor):
    """Gives a plot with a table for each photo."""

    name = "tables"
    summary = "Tables."
    photos = ("image+",)

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        count = len(scene.every["image"])
        plots = [i2i.Plot("step", "y", {"a": [(0.0, n), (1.0, n + 1)]}, csv=True) for n in range(count)]
        first, *others = (i2i.Result(torch.zeros(1, 3, 4, 4), plots={"loss": plot}) for plot in plots)
        return replace(first, others=tuple(others))


@pytest.fixture
def registry() -> Registry:
    return registry_of(Shift, Seeded, Curves, Tables)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.full((6, 10, 3), 64, np.uint8)).save(path)
    return path


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def test_an_edit_takes_the_place_of_an_earlier_one(registry: Registry, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    edit("shift", [photo], device="cpu", out=out, registry=registry)
    recipe = json.loads((out / "recipe.json").read_text(encoding="utf-8"))
    assert recipe["sha256"] == {name: hash_file(out / name) for name in recipe["files"]}
    (out / "mine.png").write_bytes(b"mine")
    edit("seeded", [], device="cpu", out=out, registry=registry)
    assert names(out) == ["mine.png", "recipe.json", "result.png"]


def test_what_is_edited_is_never_written_over(registry: Registry, photo: Path) -> None:
    before = photo.read_bytes()
    with pytest.raises(i2i.UsageError, match=r"holds photo\.png, which the edit would replace"):
        edit("shift", [photo], device="cpu", out=photo.parent, registry=registry)
    told = {"files": ["photo.png", "../x.png", 3, "a.py"], "sha256": {"photo.png": hash_file(photo)}}
    (photo.parent / "recipe.json").write_text(json.dumps(told))
    with pytest.raises(i2i.UsageError, match=r"holds photo\.png"):
        edit("shift", [photo], device="cpu", out=photo.parent, registry=registry)
    assert photo.read_bytes() == before


@pytest.mark.parametrize("name", ["result.png", "latent_2.safetensors", "grid.html", "recipe.json"])
def test_files_that_no_edit_left_are_never_written_over(name: str, registry: Registry, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(i2i.UsageError, match=rf"holds {name}, which the edit would replace and which is not"):
        edit("seeded", [], device="cpu", out=tmp_path, registry=registry)
    assert names(tmp_path) == [name] and (tmp_path / name).read_text() == "mine"


def test_a_file_that_was_changed_since_is_somebodys(registry: Registry, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    edit("shift", [photo], device="cpu", out=out, registry=registry)
    Image.new("RGB", (3, 3)).save(out / "result.png")
    retouched = (out / "result.png").read_bytes()
    with pytest.raises(i2i.UsageError, match=r"holds result\.png, .* name another folder, or move that file away"):
        edit("seeded", [], device="cpu", out=out, registry=registry)
    assert (out / "result.png").read_bytes() == retouched and "frames.gif" in names(out)


def test_a_curve_yields_to_a_file_of_its_name(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "loss.png").write_text("mine")
    notes: list[str] = []
    for _ in range(2):
        edit("curves", [], device="cpu", out=tmp_path, registry=registry, note=notes.append)
    assert (tmp_path / "loss.png").read_text() == "mine"
    assert names(tmp_path) == ["loss.png", "recipe.json", "result.png", "way.png"]
    assert json.loads((tmp_path / "recipe.json").read_text())["files"] == ["result.png", "way.png"]
    assert len(notes) == 2 and "loss.png is not a file of an earlier edit" in notes[0]


def test_a_file_that_appears_during_the_work_is_kept(registry: Registry, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def progress(done: int, total: int, **scalars: float) -> None:
        out.mkdir()
        (out / "frames.gif").write_text("mine")

    with pytest.raises(i2i.UsageError, match=r"holds frames\.gif"):
        edit("shift", [photo], device="cpu", out=out, registry=registry, progress=progress)
    assert names(out) == ["frames.gif"] and (out / "frames.gif").read_text() == "mine"


@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_leaves_all_as_it_was(
    there: bool, registry: Registry, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    if there:
        edit("seeded", [], device="cpu", out=out, registry=registry)
    before = {path.name: path.read_bytes() for path in out.iterdir()} if there else None

    def full(path: Path, *_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(results, "write_gif", full)
    with pytest.raises(OSError, match="No space left") as caught:
        edit("shift", [photo], device="cpu", out=out, registry=registry)
    assert caught.value.filename == str(out / "frames.gif")
    assert ({path.name: path.read_bytes() for path in out.iterdir()} if out.exists() else None) == before


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(registry: Registry, photo: Path) -> None:
    with pytest.raises(i2i.UsageError, match=r"cannot be created in .*photo\.png: it is a file; name another folder"):
        edit("shift", [photo], device="cpu", out=photo / "out", registry=registry)
    with pytest.raises(i2i.UsageError, match='--out "": name a folder'):
        edit("shift", [photo], device="cpu", out="", registry=registry)


def test_points_of_all_photos_are_in_one_table(registry: Registry, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    edit("tables", [photo], device="cpu", out=out, registry=registry)
    assert (out / "loss.csv").read_text(encoding="utf-8") == "step,a\n0,0\n1,1\n"
    other = photo.with_name("other.png")
    other.write_bytes(photo.read_bytes())
    edit("tables", [photo, other, photo], device="cpu", out=out, registry=registry)
    lines = (out / "loss.csv").read_text(encoding="utf-8").splitlines()
    assert lines[:5] == ["photo,step,a", "photo,0,0", "photo,1,1", "other,0,1", "other,1,2"]
    assert lines[5:] == ["photo (3),0,2", "photo (3),1,3"]
    recipe = json.loads((out / "recipe.json").read_text(encoding="utf-8"))
    assert "loss.csv" in recipe["files"] and recipe["sha256"]["loss.csv"] == hash_file(out / "loss.csv")
    edit("seeded", [], device="cpu", out=out, registry=registry)
    assert names(out) == ["recipe.json", "result.png"], "an edit takes the tables of an earlier one away"
    (out / "loss.csv").write_text("mine", encoding="utf-8")
    told: list[str] = []
    edit("tables", [photo], device="cpu", out=out, registry=registry, note=told.append)
    assert (out / "loss.csv").read_text(encoding="utf-8") == "mine"
    assert "loss.csv is not a file of an earlier edit" in told[0]
