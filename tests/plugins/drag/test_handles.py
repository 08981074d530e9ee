"""Handles: from points of what the user gave, and from landmarks that presets move."""

from __future__ import annotations

import pytest
import torch

import i2i
from i2i_plugins.drag.handles import batch_handles, check_opposed, displacements, point_handles, preset_handles
from i2i_plugins.drag.preset_values import PresetValues, read_values
from i2i_plugins.drag.presets import PRESETS
from tests.plugins.drag.scenes import fixed_points

VALUES = {preset.name: read_values(preset) for preset in PRESETS}
TURNED = i2i.Placement(((100.0, 40.0), (60.0, 40.0), (60.0, 80.0), (100.0, 80.0)))
"""A square of 40 px, turned by a quarter: x of the crop runs down the photo, y to the left."""
BARRED = i2i.Placement(((40.0, 40.0), (40.0, 80.0), (80.0, 80.0), (80.0, 40.0)), (4, 3))


def photo(placement: i2i.Placement | None = None) -> i2i.Photo:
    whole = None if placement is None else (90, 120)
    return i2i.Photo(torch.zeros(1, 3, 20, 20), placement=placement, whole=whole)


def test_point_handles_use_pixels_of_the_image() -> None:
    handles = point_handles(photo(), [((1, 2), (3, 4)), ((-0.5, 19.5), (0, 0))])
    assert handles.starts.tolist() == [[1, 2], [-0.5, 19.5]] and handles.targets.tolist() == [[3, 4], [0, 0]]
    assert handles.landmarks.tolist() == [-1, -1] and list(handles.names) == ["1,2", "-0.5,19.5"]
    assert handles.lengths.tolist() == pytest.approx([8**0.5, (0.25 + 19.5**2) ** 0.5])


def test_point_handles_use_pixels_of_the_whole_photo() -> None:
    # The corner of the crop's first pixel is (100, 40); its centre lies half a pixel of the crop within, or 1 px here.
    handles = point_handles(photo(TURNED), [((99, 41), (99, 43)), ((80, 60), (61, 79))])
    assert torch.allclose(handles.starts, torch.tensor([[0.0, 0.0], [9.5, 9.5]]), atol=1e-5)
    assert torch.allclose(handles.targets, torch.tensor([[1.0, 0.0], [19.0, 19.0]]), atol=1e-5)


@pytest.mark.parametrize(
    ("placement", "point", "told"),
    [
        (
            None,
            ((20, 5), (3, 4)),
            "--point 20,5:3,4: the handle lies outside the image, whose pixels are 0,0 to 19,19",
        ),
        (None, ((2, 5), (3, -1)), "the target lies outside the image"),
        (TURNED, ((125, 5), (99, 41)), "the handle lies outside the image, whose pixels are 0,0 to 119,89"),
        (
            TURNED,
            ((99, 41), (10, 10)),
            "the target lies outside the part of the photo that is edited, about 60,40 to 100,80",
        ),
        (
            BARRED,
            ((60, 60), (60, 41)),
            "the target lies outside the part of the photo that is edited, about 40,45 to 80,75",
        ),
    ],
)
def test_point_handles_refuse_points_outside(placement: i2i.Placement | None, point: tuple, told: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(i2i.UsageError) as error:
        point_handles(photo(placement), [point])
    assert told in str(error.value)


def targets(**strengths: float) -> dict[int, torch.Tensor]:
    """By landmark, counted from 1 as published, where presets send it."""
    handles = preset_handles({name: (VALUES[name], each) for name, each in strengths.items()}, fixed_points(), 64)
    return {int(each) + 1: place for each, place in zip(handles.landmarks, handles.targets, strict=True)}


def test_preset_handles_move_published_landmarks() -> None:
    points = fixed_points()
    eyes = targets(close_eyes=1)
    assert set(eyes) == {38, 39, 41, 42, 44, 45, 47, 48}
    for upper, lower in ((38, 42), (39, 41), (44, 48), (45, 47)):
        middle = (points[upper - 1] + points[lower - 1]) / 2
        assert torch.allclose(eyes[upper], middle) and torch.allclose(eyes[lower], middle)
    wide = targets(big_eyes=1)
    assert float((wide[38] - wide[42]).norm() / (points[37] - points[41]).norm()) == pytest.approx(1.5)
    mouth = targets(open_mouth=1)
    assert set(mouth) == {63, 67}
    assert torch.allclose(mouth[63], points[51]) and torch.allclose(mouth[67], points[57])
    shut = targets(shut_mouth=1)
    assert set(shut) == {63, 67} and torch.allclose(shut[63], shut[67])
    jaw = targets(slim_face=1)
    assert set(jaw) == {*range(2, 17)} - {9}
    for side in range(2, 9):
        before, after = points[side - 1] - points[17 - side], jaw[side] - jaw[18 - side]
        assert torch.allclose(after, before * (1 - 2 * 0.06), atol=1e-5)


def test_preset_handles_scale_and_add() -> None:
    points = fixed_points()
    half, whole = targets(open_mouth=0.5), targets(open_mouth=1)
    assert torch.allclose(half[63] - points[62], (whole[63] - points[62]) / 2)
    shut, both = targets(shut_mouth=0.3), targets(open_mouth=0.5, shut_mouth=0.3, smile=1)
    assert torch.allclose(both[63] - points[62], half[63] + shut[63] - 2 * points[62], atol=1e-5)
    assert set(both) == {49, 55, 63, 67}
    assert targets(open_mouth=1, close_eyes=-0.5).keys() == {63, 67, 38, 39, 41, 42, 44, 45, 47, 48}


def mouth() -> torch.Tensor:
    """A face with a mouth that is open by 6 px."""
    points = fixed_points()
    for landmark, y in ((52, 28.0), (63, 32.0), (67, 38.0), (58, 42.0)):
        points[landmark - 1] = torch.tensor([32.0, y])
    return points


def test_preset_handles_stop_at_midpoint() -> None:
    once, thrice = targets(close_eyes=1), targets(close_eyes=3)
    assert all(torch.allclose(once[each], thrice[each], atol=1e-5) for each in once)
    # Lips 4 px thick and 6 px apart have met after three quarters of the way back.
    back = preset_handles({"open_mouth": (VALUES["open_mouth"], -1.0)}, mouth(), 64)
    assert back.targets.tolist() == [[32, 35], [32, 35]]
    little = preset_handles({"open_mouth": (VALUES["open_mouth"], -0.5)}, mouth(), 64)
    assert little.targets.tolist() == [[32, 34], [32, 36]]


@pytest.mark.parametrize(
    ("mixture", "landmarks"),
    [
        ({"open_mouth": 1, "shut_mouth": 0.2}, "63, 67"),
        ({"smile": 1, "turn_left": 1, "turn_right": 0.5}, "9, 28, 29, 30, 31, 34, 40"),
        ({"close_eyes": 1, "big_eyes": 1}, "38, 39"),
        ({"smile": 1, "frown": -1}, ""),
        ({"smile": 1, "open_mouth": 1, "slim_face": 1, "turn_left": 1, "close_eyes": 1, "raise_brows": 1}, ""),
    ],
)
def test_preset_handles_refuse_opposite_presets(mixture: dict[str, float], landmarks: str) -> None:
    presets = {name: (VALUES[name], strength) for name, strength in mixture.items()}
    if not landmarks:
        check_opposed(presets, mouth(), 64)
        return
    first, second = list(mixture)[-2:]
    told = f"--preset {first},{second}: they move landmarks {landmarks}"
    with pytest.raises(i2i.UsageError, match=f"^{told}.* in opposite directions; leave one of them out"):
        check_opposed(presets, mouth(), 64)


def test_handle_names() -> None:
    handles = point_handles(photo(), [((1, 2), (3, 4)), ((5, 6), (7, 8))]).join(
        preset_handles({"open_mouth": (VALUES["open_mouth"], 1.0)}, fixed_points(), 64)
    )
    assert handles.describe([0, 1]) == "1,2 and 5,6" and handles.describe([3]) == "landmark 67"
    assert handles.describe([1, 2, 3]) == "5,6 and landmarks 63, 67"


def test_displacements_scale_with_eye_distance_and_roll() -> None:
    values = PresetValues.model_validate({"moves": [{"landmark": 9, "by": [0.5, 0.25]}], "region": "all"})
    points = fixed_points()  # eyes 20 px apart, level
    assert torch.allclose(displacements(values, points, 64)[8], torch.tensor([10.0, 5.0]))
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])  # a quarter: right becomes down
    assert torch.allclose(displacements(values, points @ turn, 64)[8], torch.tensor([10.0, 5.0]) @ turn, atol=1e-4)


def test_preset_handles_skip_zero_moves_and_clamp_targets() -> None:
    points = fixed_points()
    points[66] = points[62]
    assert preset_handles({"shut_mouth": (VALUES["shut_mouth"], 1.0)}, points, 64).names == []
    far = PresetValues.model_validate({"moves": [{"landmark": 9, "by": [-50, 0]}], "region": "all"})
    assert preset_handles({"far": (far, 1.0)}, fixed_points(), 64).targets[0, 0] == 0


def test_batch_handles_pads() -> None:
    few = point_handles(photo(), [((1, 2), (1, 5))])
    more = point_handles(photo(), [((3, 3), (7, 6))]).join(
        preset_handles({"open_mouth": (VALUES["open_mouth"], 1.0)}, fixed_points(), 64)
    )
    both = batch_handles([few, more])
    assert both.valid.tolist() == [[True, False, False], [True, True, True]]
    assert both.landmarks.tolist() == [[-1, -1, -1], [-1, 62, 66]]
    assert torch.equal(both.distances(both.starts)[1], more.lengths) and both.distances(both.starts)[0].tolist() == [
        3,
        0,
        0,
    ]
    assert both.distances(both.starts + 9)[0, 1:].tolist() == [0, 0]  # what is not there is nowhere near or far
    landmarks, points = torch.rand(2, 68, 2), torch.rand(2, 3, 2)
    found = both.replace_landmarks(landmarks, points)
    assert torch.equal(found[0], points[0]) and torch.equal(found[1, 0], points[1, 0])
    assert torch.equal(found[1, 1:], landmarks[1, [62, 66]])
    last = both.select(torch.tensor([1]))
    assert torch.equal(last.targets, both.targets[1:]) and last.valid.all()
