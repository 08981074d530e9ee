"""The comparison of golden results finds what it must find, and says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from . import recording
from .groups import GROUPS, require_same, require_unchanged
from .recording import Image, Latent, Numbers, Scalars, differences, load, machine, save, summarise
from .workspace import Workspace

TOLERANCE = {"image": 0.01, "numbers": 0.01, "scalars": 0.01}


def image(value: float = 0.0) -> torch.Tensor:
    pixels = torch.linspace(-1, 1, 3 * 16 * 16).view(1, 3, 16, 16).clone()
    pixels[0, 0, :2, :2] += value
    return pixels


@pytest.mark.parametrize(
    ("make", "near", "far"),
    [
        (lambda change: Image(image(change)), 1e-4, 0.1),
        (lambda change: Latent(torch.ones(1, 3, 16) + change), 1e-4, 0.1),
        (lambda change: Numbers(torch.full((5,), 4.0) + change), 1e-3, 0.5),
        (lambda change: Scalars({"loss": 2.0 + change}), 1e-3, 0.5),
        (lambda change: Scalars({"losses": [2.0, 3.0 + change]}), 1e-3, 0.5),
    ],
    ids=["image", "latent", "numbers", "scalars", "series"],
)
def test_differences_are_bits_on_one_machine_and_sizes_on_others(make: Any, near: float, far: float) -> None:
    was = {"it": summarise(make(0.0))}
    assert not differences(was, {"it": summarise(make(0.0))}, TOLERANCE, exact=True)
    assert differences(was, {"it": summarise(make(near))}, TOLERANCE, exact=True)
    assert not differences(was, {"it": summarise(make(near))}, TOLERANCE, exact=False)
    assert differences(was, {"it": summarise(make(far))}, TOLERANCE, exact=False)


@pytest.mark.parametrize("exact", [True, False])
def test_differences_of_names_shapes_and_values(exact: bool) -> None:
    was = {
        "pixels": summarise(Image(image())),
        "gone": summarise(1),
        "option": summarise({"default": 1, "type": "integer"}),
        "numbers": summarise(Scalars({"a": 1.0})),
        "not finite": summarise(Numbers(torch.zeros(3))),
    }
    now = {
        "pixels": summarise(Image(image()[..., :8])),
        "new": summarise(1),
        "option": summarise({"default": 2, "minimum": 0}),
        "numbers": summarise(Scalars({"b": 1.0})),
        "not finite": summarise(Numbers(torch.full((3,), torch.nan))),
    }
    found = "\n".join(differences(was, now, TOLERANCE, exact))
    for part in (
        "gone: recorded, but no longer there",
        "new: not recorded",
        "pixels: was float32 [1, 3, 16, 16], is float32 [1, 3, 16, 8]",
        "option.default: was 1, is 2",
        "option.type: removed: 'integer'",
        "option.minimum: added: 0",
        "numbers: was a; is b",
        "not finite: ",
    ):
        assert part in found


def test_uint8_images_and_tensors_of_the_same_pixels_have_the_same_small_image() -> None:
    pixels = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    assert summarise(Image(pixels))["small"] == summarise(Image(tensor))["small"]


def test_records_are_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "FOLDER", tmp_path / "recorded")
    cases = {"b": {"results": {"w": summarise(Latent(torch.ones(1, 2, 3)))}}, "a": {"results": {"x": summarise([1])}}}
    save("group", cases)
    assert load("group") == json.loads(json.dumps(cases)) and list(load("group")) == ["a", "b"]
    assert load("another") == {}


def test_another_machine_is_told_and_compared_within_tolerances() -> None:
    record = {"machine": "another", "tolerance": TOLERANCE, "results": {"w": summarise(Latent(torch.ones(1, 2, 8)))}}
    with pytest.warns(UserWarning, match="recorded on 'another'"):
        require_same("edits", "it", record, {"w": summarise(Latent(torch.ones(1, 2, 8) + 1e-4))})
    record["machine"] = machine()
    with pytest.raises(AssertionError, match=r"w: not equal bit by bit[\s\S]*record edits/it, and add a line"):
        require_same("edits", "it", record, {"w": summarise(Latent(torch.ones(1, 2, 8) + 1e-4))})


def test_a_case_without_a_record_names_the_command(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    case = GROUPS["options"].cases(workspace.registry)["editor drag"]
    monkeypatch.setattr(GROUPS["options"], "cases", lambda registry: {"editor new": case})
    with pytest.raises(AssertionError, match=r"no golden record yet.* -m tests\.golden\.record 'options/editor new'"):
        require_unchanged("options", "editor new", workspace)
    with pytest.raises(AssertionError, match="there is no such case any more"):
        require_unchanged("options", "editor drag", workspace)
