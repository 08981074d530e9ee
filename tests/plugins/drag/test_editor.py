"""The editor: presets and points in, blended pictures, frames and measures out, and errors that say what to type."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import i2i
from i2i.toolkit.images import save_image
from i2i_plugins.drag.editor import Drag
from i2i_plugins.drag.plan import plan_images
from i2i_plugins.drag.presets import PRESETS
from i2i_plugins.drag.settings import resolve_method
from tests.plugins.drag.scenes import LIPS, Blobs, Reader, drag, fixed_points, photo_of, places, scene
from tests.plugins.invert.scenes import generator as real

LIP_TARGETS = [fixed_points()[51].tolist(), fixed_points()[57].tolist()]
FAST = {"rate": 0.2, "frames": 0}


def test_point_reaches_target() -> None:
    made, notes = scene()
    result = drag(made, point=("20,30:23,26",), **FAST)
    (x, y), _ = places(result)
    assert abs(x - 23) < 1.1 and abs(y - 26) < 1.1 and notes == []
    assert result.scalars["handles"] == result.scalars["arrived"] == 1
    assert result.scalars["farthest"] == result.scalars["distance"] < 1
    with torch.no_grad():
        again = made.generator.render(result.latent).clamp(-1, 1)
    assert torch.equal(again, result.image)  # no mask: what the latent makes is the result


@pytest.mark.parametrize("guide", [None, "features", "both", "landmarks"])
def test_preset_moves_landmarks(guide: str | None) -> None:
    result = drag(scene()[0], preset="open_mouth", guide=guide, **FAST)
    for place, target in zip(places(result), LIP_TARGETS, strict=True):
        assert np.hypot(*np.subtract(place, target)) < 1.2
    assert result.scalars["mouth_opening"] > 0.05  # one of three pairs opens, from 24.7 to about 30 px


def test_points_and_presets_combine() -> None:
    result = drag(scene()[0], preset="open_mouth=0.5", point=("32,60:32,58",), steps=1, **FAST)
    assert result.scalars["handles"] == 3
    assert list(result.plots["track"].lines) == ["32,60", "landmark 63", "landmark 67"]
    assert [len(line) for line in result.plots["track"].lines.values()] == [2, 2, 2]
    assert result.plots["track"].lines["32,60"][0] == pytest.approx((0, 2), abs=0.3)


def test_default_turns_the_head_and_adds_a_note() -> None:
    made, notes = scene()
    result = drag(made, rate=0.2)
    assert result.scalars["handles"] == 10 and len(result.frames) > 2
    assert notes[0] == "Neither --point nor --preset is given: applying --preset turn_right=1.3."


def test_preset_keeps_pixels_outside_region() -> None:
    made, _ = scene()
    options = Drag.Options(preset="open_mouth=2")
    (planned,) = plan_images(made, options, resolve_method(made, options))
    before, mask = made.photos["image"].pixels, planned.mask
    result = drag(made, preset="open_mouth=2", mask_weight=0, **FAST)
    assert mask is not None and (mask == 0).float().mean() > 0.2
    off, changed = (result.image - before).abs().amax(dim=1, keepdim=True), result.scalars
    assert off[mask == 0].max() == 0 and off[mask == 1].max() > 0.5
    assert changed["lpips_outside"] < 0.01 and changed["lpips_outside"] <= changed["lpips_outside_drawn"]
    whole = drag(scene()[0], preset="open_mouth=2", mask_weight=0, keep_outside=False, **FAST)
    with torch.no_grad():
        assert torch.equal(made.generator.render(whole.latent).clamp(-1, 1), whole.image)


def test_mask_option(tmp_path: Path) -> None:
    white = np.zeros((64, 64, 3), np.uint8)
    white[:, :32] = 255
    save_image(tmp_path / "left.png", white)
    made, notes = scene()
    before = made.photos["image"].pixels
    points = ("20,30:23,26", "44,36:44,40")
    result = drag(made, point=points, mask=tmp_path / "left.png", mask_weight=20, **FAST)
    assert (result.image - before)[..., 40:].abs().max() < 1e-3
    assert any("The mask allows no change at 44,36" in note for note in notes)
    assert any(note.startswith("1 of 2 handles did not converge, 44,36: it is 3.9 px") for note in notes)
    assert any("; the mask allows no change there: paint it white, or type --mask none" in n for n in notes)
    around = drag(scene()[0], point=points[:1], mask="auto", **FAST)
    assert (around.image - before)[..., 48:].abs().max() == 0 and "lpips_outside" in around.scalars
    free = drag(scene()[0], preset="open_mouth", mask="none", **FAST)
    assert "lpips_outside" not in free.scalars


def test_frames_end_with_the_result() -> None:
    made, _ = scene()
    result = drag(made, point=("20,30:23,26",), rate=0.2, frames=2)
    steps = int(result.scalars["steps"])
    assert len(result.frames) == steps // 2 + 2
    assert {tuple(frame.shape) for frame in result.frames} == {(1, 3, 256, 256)}
    red = (result.frames[0][0, :, 122, 82] + 1) * 127.5  # the handle at (20, 30), four times as large
    assert red.round().tolist() == [235, 40, 40]
    bare = drag(scene()[0], point=("20,30:23,26",), rate=0.2, frames=2, track=False)
    assert (bare.frames[0] - result.frames[0]).abs().max() > 0.5
    assert torch.equal(bare.frames[-1], result.frames[-1])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"point": ("20,30:60,60",), "steps": 3}, "The handle, 20,30, did not converge: it is "),
        ({"point": ("20,30:60,60",), "steps": 3}, "; all 3 steps were taken: type --steps 6, or try a nearer target."),
        ({"point": ("20,30:23,26", "44,36:44,60"), "steps": 45}, "1 of 2 handles did not converge, 44,36: it is "),
        ({"preset": "smile", "steps": 1}, "2 of 2 handles did not converge, landmarks 49, 55: the farthest is "),
        (
            {"preset": "smile", "patience": 5},
            "; they have not moved in 15 steps: type --rate",
        ),
        (
            {"preset": "smile", "patience": 5},
            "twice the present one, or a smaller strength.",
        ),
        ({"preset": "smile", "point": ("32,60:32,50",), "steps": 1}, "3 of 3 handles did not converge, 32,60 and"),
    ],
)
def test_handles_that_did_not_converge_are_reported(options: dict[str, Any], told: str) -> None:
    """The reader's corners of the mouth never move, whatever is drawn."""
    made, notes = scene()
    result = drag(made, **FAST | options)
    late = int(result.scalars["handles"] - result.scalars["arrived"])
    assert late and any(told in note for note in notes)
    assert [line[-1][1] for line in result.plots["track"].lines.values()].count(0) == 0


@pytest.mark.parametrize(
    ("method", "differentiable", "told"),
    [
        ("published", True, "the landmarks did not: leave out --method published."),
        ("published", False, "leave out --method published, and choose a landmark network that passes gradients"),
        ("scaled", True, "the landmarks did not: try --guide both."),
        ("scaled", False, "try --guide both with a landmark network that passes gradients (--landmarks)."),
    ],
)
def test_advice_where_only_features_converged_is_accepted(method: str, differentiable: bool, told: str) -> None:
    class Still(Reader):
        def __call__(self, pictures: torch.Tensor) -> torch.Tensor:
            return fixed_points()[None].repeat(len(pictures), 1, 1)

    made, notes = scene(extractors={"landmarks": Still(differentiable=differentiable)})
    drag(made, preset="open_mouth", method=method, guide="features", **FAST)
    assert "the features that were tracked arrived there" in notes[0] and told in notes[0]


@pytest.mark.parametrize("steps", [0, 1, 4, 8, 12, 20])
def test_notes_agree_with_scalars(steps: int) -> None:
    """At whatever step it ends."""
    asked: list[int] = []
    made, notes = scene(stop=lambda: asked.append(0) or len(asked) > steps)
    result = drag(made, point=("20,30:23,26", "44,36:44,38"), **FAST)
    late = int(result.scalars["handles"] - result.scalars["arrived"])
    assert [f"{late} of 2 handles did not converge" in note for note in notes] == [True] * bool(late)
    assert not late or f"; stopped after {steps} step{'s' * (steps != 1)}: type the same command again" in notes[0]
    if not steps:
        assert torch.equal(result.image, made.photos["image"].pixels)


def test_image_with_nothing_to_move_is_unchanged() -> None:
    w = torch.zeros(1, 6, 4)
    w[..., 2:] = torch.tensor(Blobs.HOME[0]) - torch.tensor(Blobs.HOME[1])  # the lips lie on one another
    made, notes = scene(w=w)
    result = drag(made, preset="shut_mouth")
    assert torch.equal(result.image, made.photos["image"].pixels)
    assert notes == ["There is nothing to move: the image already is as the preset wants it."]


@pytest.mark.parametrize(
    ("options", "reader", "told"),
    [
        (
            {"preset": "smile"},
            Reader(face=False),
            "--preset smile needs a face, and reader finds none in blobs 0; ",
        ),
        (
            {"preset": "smile", "guide": "both"},
            Reader(differentiable=False),
            "--guide both: reader passes no gradients",
        ),
        (
            {"preset": "turn_left,frown=0.5,smile"},
            Reader(),
            "--preset frown,smile: they move landmarks 49, 55 in opposite directions; leave one of them out.",
        ),
        ({"point": ("70,5:3,4",)}, Reader(), "the handle lies outside the image, whose pixels are 0,0 to 63,63"),
    ],
)
def test_errors_say_what_to_type(options: dict[str, Any], reader: Reader, told: str) -> None:
    with pytest.raises(i2i.I2IError) as error:
        drag(scene(extractors={"landmarks": reader})[0], **options)
    assert told in str(error.value)


def test_check_photos_refuses_before_inversion() -> None:
    generator = Blobs(None, i2i.choose_device("cpu", "fp32"))
    photo = replace(photo_of(generator, torch.zeros(1, 6, 4), "me"), latent=None)
    for options, face, told in (
        ({"point": ("70,5:3,4",)}, True, "the handle lies outside the image"),
        ({"preset": "smile"}, False, "--preset smile needs a face, and reader finds none in me; "),
        ({}, False, "--preset turn_right needs a face"),
    ):
        made, _ = scene(generator, extractors={"landmarks": Reader(face)}, photos=[photo])
        with pytest.raises(i2i.I2IError) as error:
            Drag().check_photos(made, Drag.Options(**options))
        assert told in str(error.value)
    Drag().check_photos(scene(generator, extractors={}, photos=[photo])[0], Drag.Options(point=("20,30:23,26",)))


@pytest.mark.parametrize("inverted", [True, False])
def test_outline_shows_the_handles_and_mask_of_the_edit(inverted: bool) -> None:
    made, _ = scene()
    options = Drag.Options(preset="open_mouth", point=("20,30:23,26",), **FAST)
    (planned,) = plan_images(made, options, resolve_method(made, options))
    photo = made.photos["image"] if inverted else replace(made.photos["image"], latent=None)
    seen, notes = scene(photos=[photo])
    (outline,) = Drag().outline(seen, options)
    assert outline.names == ["20,30", "landmark 63", "landmark 67"] and notes == []
    for shown, used in (
        (outline.points, planned.handles.starts),
        (outline.targets, planned.handles.targets),
        (outline.mask, planned.mask),
        (outline.landmarks, planned.landmarks),
    ):
        assert shown is not None and used is not None and torch.equal(shown, used)
    (outline,) = Drag().outline(seen, Drag.Options(point=("20,30:23,26",)))
    assert outline.mask is None and outline.landmarks is None
    with pytest.raises(i2i.UsageError, match="in opposite directions"):
        Drag().outline(seen, Drag.Options(preset="frown,smile"))


def test_preset_without_landmark_gradients() -> None:
    made, _ = scene(extractors={"landmarks": Reader(differentiable=False)})
    result = drag(made, preset="open_mouth", **FAST)
    assert np.hypot(*np.subtract(places(result)[0], LIP_TARGETS[0])) < 1.2


def test_preset_of_other_plugin() -> None:
    lower = i2i.Preset(
        "lower_lip",
        "The lower lip down.",
        "drag",
        {
            "moves": [{"landmark": LIPS[1] + 1, "by": [0, 0.2]}],
            "region": [{"hull": [63, 52, 67, 58], "grow": 0.5}],
            "aims": [{"name": "gap", "pairs": [[63, 67]]}],
        },
        "i2i-lips",
    )
    presets = {each.name: each for each in (*PRESETS, lower)}
    result = drag(scene(presets=presets)[0], preset="lower_lip", **FAST)
    assert places(result)[1][1] == pytest.approx(Blobs.HOME[1][1] + 4, abs=1.1)
    assert result.scalars["gap"] == pytest.approx(
        np.hypot(24, places(result)[1][1] - 30) / np.hypot(24, 6) - 1, abs=0.05
    )


def test_check_preset_and_edit_raise_the_same_error() -> None:
    odd = i2i.Preset("odd", "Odd.", "drag", {"moves": [{"landmark": 0, "by": [0, 1]}], "region": "all"}, "i2i-odd")
    for refuse in (lambda: Drag().check_preset(odd), lambda: drag(scene(presets={"odd": odd})[0], preset="odd")):
        with pytest.raises(i2i.I2IError, match=r"^The preset 'odd' of i2i-odd cannot be used, moves.0.landmark: "):
            refuse()


@pytest.mark.parametrize("family", ["stylegan2", "stylegan3"])
def test_stylegan_families(family: str) -> None:
    made, _ = scene(real(family), torch.zeros(1, real(family).num_ws, real(family).w_dim), {})
    result = drag(made, point=("10,10:14,12", "20,9:18,9"), mask="auto", layer=16, steps=3, frames=1)
    assert result.image.isfinite().all() and result.image.abs().max() <= 1
    losses = [value for _, value in result.plots["loss"].lines["loss"]]
    assert len(losses) == 4 and len(set(losses)) == 4  # what a random network makes of a step nobody knows
    assert result.scalars["steps"] == 3 and len(result.frames) == 5


def test_missing_feature_resolution_is_refused() -> None:
    made, _ = scene(real("stylegan2"), torch.zeros(1, real("stylegan2").num_ws, 5), {})
    with pytest.raises(i2i.I2IError, match="no features at 24 px"):
        drag(made, point=("10,10:14,12",), layer=24)
