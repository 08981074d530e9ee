"""Faces placed by hand: the crop follows the published formula, and points that make no sense are refused in a line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import i2i
from i2i.toolkit.faces.alignment import ffhq_placement, points_placement
from i2i.toolkit.faces.points import FacePoints, check_single_photo, parse_eyes, parse_mouth

EYES, MOUTH = ((40.0, 50.0), (80.0, 48.0)), (61.0, 90.0)


def landmarks(points: FacePoints) -> np.ndarray:
    """The 68 landmarks of a face whose eyes and mouth have these centres."""
    made = np.zeros((68, 2))
    made[36:42], made[42:48] = points.left_eye, points.right_eye
    made[[48, 54]] = np.add(points.mouth, [[-9, -1], [9, 1]])
    return made


@pytest.mark.parametrize("degrees", [0, 35, 180, -100])
def test_crop_is_that_of_the_same_landmarks(degrees: float) -> None:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turned = [(200 + cos * x - sin * y, 200 + sin * x + cos * y) for x, y in (*EYES, MOUTH)]
    points = FacePoints.of(turned[:2], turned[2])
    assert points is not None
    assert np.allclose(points_placement(points).quad, ffhq_placement(landmarks(points)).quad)


def test_points_go_to_json_and_back() -> None:
    points = FacePoints.of(EYES, MOUTH)
    assert points is not None and FacePoints.of(**points.to_plain()) == points
    assert FacePoints.of(None, None) is None
    assert (parse_eyes(points.eyes_text), parse_mouth("61,90")) == (EYES, MOUTH)


@pytest.mark.parametrize(
    ("eyes", "mouth", "said"),
    [
        (EYES, None, "--eyes places a face together with the other points: add --mouth X,Y"),
        (None, MOUTH, "--mouth places .* add --eyes X,Y:X,Y"),
        (EYES[:1], MOUTH, "are no points"),
        (EYES, (1, math.nan), "are no points"),
        (((40, 50), (40, 50)), MOUTH, "--eyes 40,50:40,50: both eyes are at one place"),
        (EYES, (100, 47), "lie almost on one line"),
        (EYES, (60, 49), "lie almost on one line"),
        (EYES[::-1], MOUTH, "lies above them; exchange them: --eyes 40,50:80,48"),
    ],
)
def test_points_without_a_face_are_refused(eyes: Any, mouth: Any, said: str) -> None:
    with pytest.raises(i2i.UsageError, match=said):
        FacePoints.of(eyes, mouth)


def test_points_outside_of_the_photo_are_refused() -> None:
    points = FacePoints.of(EYES, MOUTH)
    assert points is not None
    points.check_inside(91, 81, "cat.jpg")
    with pytest.raises(i2i.UsageError, match=r"--eyes: 80,48 is outside of cat.jpg, which is 80 x 91 px when upright"):
        points.check_inside(91, 80, "cat.jpg")
    with pytest.raises(i2i.UsageError, match=r"--mouth: 61,90 is outside"):
        points.check_inside(90, 81, "cat.jpg")


@pytest.mark.parametrize("text", ["40,50", "40,50:80", "40,50:80,x", "40,50:80,48:1,1", "", "a:b", "nan,1:2,3"])
def test_wrong_eyes_are_refused(text: str) -> None:
    with pytest.raises(i2i.UsageError, match=f"^--eyes {text}: write .* as X,Y:X,Y"):
        parse_eyes(text)


@pytest.mark.parametrize("text", ["40", "40,50:80,48", "40;50", "inf,1"])
def test_wrong_mouth_is_refused(text: str) -> None:
    with pytest.raises(i2i.UsageError, match=f"^--mouth {text}: write pixels of the photo as X,Y, such as 352,480"):
        parse_mouth(text)


def test_only_one_photo_has_a_face_placed_by_hand() -> None:
    check_single_photo(1)
    with pytest.raises(i2i.UsageError, match="place the face of one photo, and 2 photos are given: edit or align them"):
        check_single_photo(2)
    with pytest.raises(i2i.UsageError, match="seeds and latents are not cropped"):
        check_single_photo(0)
