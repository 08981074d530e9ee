"""Dragging measured on the synthetic faces, through ``i2i.edit``, by a network that finds landmarks.

The bounds are what the edits have to do; how far the shipped networks went stands beside each.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d

import i2i
from i2i.toolkit.images import read_image, resize, save_image
from i2i_plugins.demo.synthetic_faces import SIZE, UNSEEN, faces

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A drawn face of 128 px in the middle of a photo of 160 x 128."""
    world = faces()
    face = resize(world.render(world.values(UNSEEN), SIZE).picture, 128, 128)
    save_image(tmp_path / "photo.png", np.pad(face, ((0, 0), (16, 16), (0, 0)), mode="edge"))
    return tmp_path / "photo.png"


def test_default_turns_the_head_and_writes_frames(tmp_path: Path) -> None:
    notes: list[str] = []
    made = i2i.edit("drag", device="cpu", out=tmp_path / "out", note=notes.append)
    assert made.scalars["nose_to_right_cheek"] < -0.2  # -0.39
    assert made.scalars["arrived"] == made.scalars["handles"] == 10
    assert made.scalars["farthest"] <= 1  # 0.83; 2 px at 128
    assert made.scalars["identity"] > 0.7  # 0.99
    assert "applying --preset turn_right=1.3" in notes[-1] and not any("did not arrive" in note for note in notes)
    left = json.loads((tmp_path / "out" / "recipe.json").read_text())
    assert {"result.png", "frames.gif", "latent.safetensors", "track.png", "loss.png"} <= set(left["files"])
    assert left["extractors"]["landmarks"] == "demo-landmarks"


def test_open_mouth_changes_only_the_mouth() -> None:
    made = i2i.edit("drag", [f"seed:{UNSEEN + 1}"], device="cpu", preset="open_mouth", frames=0)
    assert made.scalars["mouth_opening"] > 0.5  # 3.1
    assert made.scalars["arrived"] == 2 and made.scalars["farthest"] < 1
    assert made.scalars["lpips_outside"] < 0.03  # 0.0001, and 0.007 before the outside was given back


def test_negative_open_mouth_stops_when_lips_meet() -> None:
    made = i2i.edit("drag", [f"seed:{UNSEEN + 1}"], device="cpu", preset="open_mouth=-1", steps=20, frames=0)
    assert not made.scalars or made.scalars["mouth_opening"] < 0.1


def test_close_eyes_changes_only_the_eyes() -> None:
    made = i2i.edit("drag", [f"seed:{UNSEEN}"], device="cpu", preset="close_eyes", steps=60, frames=0)
    assert made.scalars["eye_opening"] < -0.6  # -0.9
    assert made.scalars["lpips_outside"] < 0.03 and made.scalars["identity"] > 0.7


def test_close_eyes_keeps_colours() -> None:
    images = [f"seed:{UNSEEN + number}" for number in range(4)]
    plain = i2i.edit("align", images, device="cpu")
    starts = torch.cat([each.image for each in (plain, *plain.others)])
    terms = {"preset": "close_eyes", "steps": 30, "patience": 0, "frames": 0, "keep_outside": False, "device": "cpu"}
    drifts = []
    for weight in (10.0, 0.0):
        made = i2i.edit("drag", images, colour_weight=weight, **terms)
        away = torch.cat([each.image for each in (made, *made.others)]) - starts
        drifts.append(float(adaptive_avg_pool2d(away, 8).abs().mean()))
    assert drifts[0] < 0.5 * drifts[1]  # 0.009 and 0.026


def test_points_of_photo_are_pixels_of_the_whole_photo(photo: Path, tmp_path: Path) -> None:
    terms = {"crop": "square", "invert": "encoder", "device": "cpu", "steps": 2, "frames": 0, "keep": False}
    made = i2i.edit("drag", [photo], point=("80,64:80,70",), mask="auto", out=tmp_path / "out", **terms)
    # The photo's square is twice as large as what the generator sees: 6 px of it are 3.
    assert made.plots["track"].lines["80,64"][0][1] == pytest.approx(3, abs=0.3)
    before, after = (read_image(path).astype(int) for path in (photo, tmp_path / "out" / "photo.png"))
    assert before.shape == after.shape == (128, 160, 3)
    assert np.abs(before - after)[:, :16].max() == 0
    with pytest.raises(i2i.UsageError, match="outside the part of the photo that is edited, about 16,0 to 144,127"):
        i2i.edit("drag", [photo], point=("5,64:80,70",), **terms)


def test_batch_equals_single_edits(tmp_path: Path) -> None:
    seeds = [f"seed:{UNSEEN + number}" for number in range(2)]
    terms = {"device": "cpu", "preset": "open_mouth=0.6,slim_face=0.3", "steps": 3, "frames": 2}
    made = i2i.edit("drag", seeds, out=tmp_path / "out", **terms)
    left = json.loads((tmp_path / "out" / "recipe.json").read_text())["files"]
    for mark in ("", "_2"):
        assert {f"result{mark}.png", f"frames{mark}.gif", f"latent{mark}.safetensors", f"track{mark}.png"} <= set(left)
    for each, seed in zip((made, *made.others), seeds, strict=True):
        alone = i2i.edit("drag", [seed], **terms)
        assert float((each.image - alone.image).abs().max()) < 0.01  # a grey value; sums in another order
        away = [name for name, value in alone.scalars.items() if abs(each.scalars[name] - value) > 1e-2]
        assert set(away) <= {"seconds", "psnr"}  # decibels of differences that are next to nothing
        assert each.scalars["psnr"] == pytest.approx(alone.scalars["psnr"], abs=0.1)
        assert list(each.plots["track"].lines) == list(alone.plots["track"].lines)
