"""Ctrl-C before an edit has begun ends it; later, the best so far is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import i2i
from i2i.editing.pipeline import edit
from i2i.registry import Registry
from i2i.testing import registry_of
from tests.helpers.toy_faces import photo
from tests.helpers.toy_latents import latent_registry


class Steps(i2i.Editor):
    """Ten steps, each told of when it is over."""

    name = "steps"
    summary = "Ten steps."
    photos = ()
    tells = True

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        for step in range(11):
            last = step == 10 or scene.cancelled
            if self.tells:
                scene.progress(step, 10)
            if last:
                break
        return i2i.Result(torch.zeros(1, 3, 4, 4), scalars={"steps": float(step)})


class Silent(Steps):
    name = "silent"
    tells = False


@pytest.fixture
def registry() -> Registry:
    return registry_of(Steps, Silent)


@pytest.mark.parametrize("name", ["steps", "silent"])
def test_with_no_step_done_nothing_is_written(name: str, registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(i2i.Interrupted, match="before there was a result, so nothing is written"):
        edit(name, device="cpu", out=tmp_path / "out", registry=registry, stop=lambda: True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "asked"), [("steps", 2), ("silent", 1)])
def test_with_a_step_done_the_best_so_far_is_kept(name: str, asked: int, registry: Registry, tmp_path: Path) -> None:
    answers = iter([*[False] * asked, *[True] * 20])
    result = edit(name, device="cpu", out=tmp_path, registry=registry, stop=lambda: next(answers))
    assert result.scalars["steps"] == asked
    assert json.loads((tmp_path / "recipe.json").read_text())["stopped"]


@pytest.mark.parametrize("answers", [[True], [False, True]], ids=["before it is done", "once it is done"])
def test_whoever_stops_the_inversion_gets_no_edit(
    answers: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("I2I_HOME", str(tmp_path / "home"))
    picture, said = photo(tmp_path / "me.png", (10, 10, 30), size=(60, 60)), iter(answers)
    shared: dict[str, Any] = {"generator": "bands", "device": "cpu", "registry": latent_registry()}
    with pytest.raises(i2i.Interrupted):
        edit("brighten", [picture], out=tmp_path / "out", stop=lambda: next(said), **shared)
    assert not (tmp_path / "out").exists()
