"""The 68 points: in the iBUG order, where the pixels say, and moved by pose and expression as a face is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

Make = Callable[..., np.ndarray]
Render = Callable[..., Any]

MIRRORED = np.r_[
    16:-1:-1, 26:16:-1, 27:31, 35:30:-1, 45:41:-1, 47, 46, 39:35:-1, 41, 40, 54:47:-1, 59:54:-1, 64:59:-1, 67:64:-1
]
"""For each point, its twin on the other side of the face."""
NAKED = {"beard": -1.0, "glasses": -1.0, "freckles": -1.0}
"""Nothing in a face that hides or colours it."""


@pytest.fixture(scope="module")
def people(faces: Any) -> list[tuple[dict[str, float], Any]]:
    """Faces without beard and glasses, eyes open, not turned far: what they are, and the drawing at 128 px."""
    found = []
    for seed in range(60):
        values = faces.values(seed)
        for name, value in {**NAKED, "eyes_open": 0.3, "yaw": np.clip(values[faces.names.index("yaw")], -1, 1)}.items():
            values[faces.names.index(name)] = value
        about = faces.describe(values)
        if about["hair_length"] > 0.05 and len(found) < 12:
            found.append((about, faces.render(values, 128)))
    return found


def luminance(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float64) @ [0.299, 0.587, 0.114]


def polygon(points: np.ndarray, size: int) -> np.ndarray:
    """Pixels within a closed line."""
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1)
    return mask.astype(bool)


def grown(mask: np.ndarray, by: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)).astype(bool)


# Order.


def test_frontal_landmarks_are_symmetric(shown: Render) -> None:
    points = shown(64).landmarks
    twin = points[MIRRORED] * [-1, 1] + [63, 0]
    np.testing.assert_allclose(points, twin, atol=0.02)  # pixels; rounding of the projection
    image = shown(256).image.astype(np.int64)
    assert np.abs(image - image[:, ::-1]).mean() < 4  # the parting and the glint of the eyes are on one side


def test_landmark_order(people: Any) -> None:
    for _, found in people:
        x, y = found.landmarks.T
        for run in (
            [0, 8, 16],
            range(17, 22),
            range(22, 27),
            [31, 33, 35],
            [36, 39, 42, 45],
            [48, 51, 54],
            [60, 62, 64],
        ):
            assert (np.diff(x[list(run)]) > 0).all(), run
        for run in ([0, 4, 8], [16, 12, 8], range(27, 31), [30, 33, 51, 62, 57, 8], [19, 37, 41], [24, 44, 46]):
            assert (np.diff(y[list(run)]) > 0).all(), run


def test_landmarks_lie_in_the_image(people: Any) -> None:
    for _, found in people:
        assert found.landmarks.min() > 0 and found.landmarks.max() < 127


# Pose.


def nose(found: Any) -> np.ndarray:
    """From the middle of the eyes' outer corners to the tip of the nose, in parts of their distance."""
    points = found.landmarks
    return (points[30] - points[[36, 45]].mean(axis=0)) / np.linalg.norm(points[45] - points[36])


@pytest.mark.parametrize("value", [0.5, 1.0, 2.0])
def test_yaw_and_pitch_move_the_nose(value: float, shown: Render) -> None:
    ahead = nose(shown(64))
    assert abs(ahead[0]) < 0.01
    right, left = nose(shown(64, yaw=value)), nose(shown(64, yaw=-value))
    assert right[0] > 0.05 * value and left[0] == pytest.approx(-right[0], abs=0.01)
    down, up = nose(shown(64, pitch=value)), nose(shown(64, pitch=-value))
    assert down[1] - ahead[1] > 0.02 * value and ahead[1] - up[1] > 0.02 * value


@pytest.mark.parametrize("value", [-2.0, -1.0, 1.0, 2.0])
def test_roll_rotates_the_eye_line(value: float, faces: Any, made: Make) -> None:
    values = made(roll=value)
    across = np.diff(faces.render(values, 64).landmarks[[36, 45]], axis=0)[0]
    assert np.degrees(np.arctan2(across[1], across[0])) == pytest.approx(faces.describe(values)["roll"], abs=0.05)


def test_turned_face_is_centred(shown: Render) -> None:
    middle = shown(64).landmarks[27:36].mean(axis=0)
    for change in ({"yaw": 2}, {"yaw": -2}, {"pitch": 2}, {"pitch": -2}):
        assert np.abs(shown(64, **change).landmarks[27:36].mean(axis=0) - middle).max() < 64 * 0.1


# Expression.


def test_smile_raises_mouth_corners(shown: Render) -> None:
    heights, widths = [], []
    for value in (-2.0, -1.0, 0.0, 1.0, 2.0):
        points = shown(64, smile=value).landmarks
        heights.append(points[[48, 54], 1].mean() - points[57, 1])
        widths.append(points[54, 0] - points[48, 0])
    assert (np.diff(heights) < -0.3).all()  # pixels; y points down
    assert widths[4] > widths[2] + 1


def test_mouth_open_separates_lips(shown: Render) -> None:
    closed, half, wide = (shown(128, mouth_open=value) for value in (-1.0, 1.0, 2.5))
    gaps = [found.landmarks[66, 1] - found.landmarks[62, 1] for found in (closed, half, wide)]
    assert gaps[0] < 1.5 and gaps[1] > gaps[0] + 2 and gaps[2] > gaps[1] + 2
    # Behind the lips it is dark, and teeth are bright: more contrast than where the lips were.
    inside = polygon(wide.landmarks[60:68], 128)
    assert luminance(wide.image)[inside].std() > 1.5 * luminance(closed.image)[inside].std()
    assert wide.landmarks[8, 1] > closed.landmarks[8, 1] + 3  # the jaw drops


def test_eyes_open_separates_lids(shown: Render) -> None:
    closed, half, wide = (shown(128, eyes_open=value) for value in (-2.0, -1.0, 2.0))
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        gaps = [found.landmarks[lower, 1] - found.landmarks[upper, 1] for found in (closed, half, wide)]
        assert gaps[0] < 1 and gaps[1] > gaps[0] + 1 and gaps[2] > gaps[1] + 1
    for eye in (slice(36, 42), slice(42, 48)):
        inside = polygon(wide.landmarks[eye], 128)
        spread = [luminance(found.image)[inside].std() for found in (closed, wide)]
        assert spread[1] > 1.5 * spread[0]  # white and pupil


def test_brows_rise_and_frown(shown: Render) -> None:
    def brows(**changes: float) -> np.ndarray:
        return np.asarray(shown(64, **changes).landmarks[17:27])

    assert (brows(brow_raise=1)[:, 1] < brows(brow_raise=-1)[:, 1] - 0.5).all()
    inner = [4, 5]
    assert (brows(brow_frown=1.5)[inner, 1] > brows(brow_frown=-1.5)[inner, 1] + 0.5).all()


# Pixels.


def test_pupils_are_darkest(people: Any) -> None:
    for about, found in people:
        light = luminance(cv2.GaussianBlur(found.image, (3, 3), 0))
        for eye in (slice(36, 42), slice(42, 48)):
            points = found.landmarks[eye]
            inside = polygon(points, 128)
            inside[: int(points[:, 1].mean()) - 1] = False  # lashes are dark as well
            x = np.where(inside, light, 999).argmin() % 128
            wide = np.ptp(points[:, 0])
            assert abs(x - points[:, 0].mean() - 0.15 * wide * about["gaze_x"]) < 0.3 * wide
            assert light[inside].min() < 0.6 * light[inside].max()


def test_lips_are_redder_than_skin(people: Any) -> None:
    for _, found in people:
        image = found.image.astype(np.float64)
        red = image[..., 0] / image.sum(axis=2)
        outer, inner = (polygon(found.landmarks[part], 128) for part in (slice(48, 60), slice(60, 68)))
        around = grown(outer, 4) & ~grown(outer, 1)
        assert red[outer & ~inner].mean() > red[around].mean() + 0.01


def test_nostrils_are_dark_below_the_tip(shown: Render) -> None:
    for changes in ({"pitch": -1.0}, {"skin": 1.0, "pitch": -1.0}, {"skin": -1.0, "pitch": -1.0}):
        found = shown(128, **changes)
        light, points = luminance(found.image), found.landmarks
        tip = light[tuple(np.round(points[30, ::-1]).astype(int))]
        for number in (32, 34):
            x, y = np.round(points[number]).astype(int)
            assert light[y - 3 : y + 2, x - 2 : x + 3].min() < 0.65 * tip


def test_brows_are_darker_than_skin(people: Any) -> None:
    for about, found in people:
        if about["skin"] < 0.4 or about["hair_shade"] > 0.6 or about["hair_grey"] > 0.1:
            continue  # light brows may be as light as the skin
        light, points = luminance(found.image), found.landmarks
        for run, eye in ((slice(18, 21), slice(36, 42)), (slice(23, 26), slice(42, 48))):
            line = np.round(points[run]).astype(int)
            between = ((points[run].mean(axis=0) + points[eye].mean(axis=0)) / 2).round().astype(int)
            hair = np.mean([light[y - 1 : y + 4, x].min() for x, y in line])
            assert hair < light[between[1], between[0]] - 8


def test_jaw_lies_on_the_head_outline(shown: Render) -> None:
    for changes in ({}, {"jaw": 1.5}, {"jaw": -1.5, "chin": 1.0}):
        bald = {"hair_length": -3.0, **changes}
        dark, light = (shown(128, back_level=level, **bald) for level in (-2.0, 2.0))
        empty = np.abs(dark.image.astype(int) - light.image).max(axis=2) > 60
        middle = dark.landmarks[30]
        for number in (2, 3, 4, 12, 13, 14):  # below the ears, above the neck
            way = (dark.landmarks[number] - middle) / np.linalg.norm(dark.landmarks[number] - middle)
            inward, outward = (np.round(dark.landmarks[number] + step * way).astype(int) for step in (-3, 3))
            assert not empty[inward[1], inward[0]] and empty[outward[1], outward[0]], number


@pytest.mark.parametrize("value", [-1.5, 1.5])
def test_light_direction(value: float, shown: Render) -> None:
    found = shown(64, light_side=value, hair_length=-3)
    light = luminance(found.image)
    left, right = (polygon(found.landmarks[[*part, 27, 33]], 64) for part in (range(1, 6), range(15, 10, -1)))
    ratio = light[right].mean() / light[left].mean()
    assert ratio > 1.15 if value > 0 else ratio < 1 / 1.15
