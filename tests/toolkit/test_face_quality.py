"""Quality of faces in photos: a rendered face is blurred, made noisy, small or turned."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import pytest

import i2i
from i2i.toolkit.faces.alignment import ffhq_placement
from i2i.toolkit.faces.quality import (
    BLURRED,
    NOISY,
    FaceQuality,
    estimate_noise,
    estimate_yaw,
    measure_quality,
)

SIDE = 512


class Rendered(NamedTuple):
    image: np.ndarray
    landmarks: np.ndarray


def render(yaw: float = 0.0, side: int = SIDE) -> Rendered:
    """A face of the dataset ``faces`` with fine texture, turned by ``yaw`` standard deviations to the right."""
    faces = i2i.load_registry().get("dataset", "faces")()
    values = faces.values(4)
    values[faces.names.index("yaw")] = yaw
    face = faces.render(values, side)
    grain = np.random.default_rng(0).normal(0, 6, (side, side, 1))
    textured = face.image + cv2.GaussianBlur(grain, (0, 0), 1.2)[..., None] * 4
    return Rendered(textured.clip(0, 255).astype(np.uint8), face.landmarks)


def measure(image: np.ndarray, landmarks: np.ndarray) -> FaceQuality:
    return measure_quality(image, ffhq_placement(landmarks), landmarks)


@pytest.fixture(scope="module")
def face() -> Rendered:
    return render()


def test_good_face_has_no_warnings(face: Rendered) -> None:
    assert measure(*face).warnings(1024) == []


def test_blurred_face_is_named(face: Rendered) -> None:
    blurred = measure(cv2.GaussianBlur(face.image, (0, 0), 5), face.landmarks)
    assert blurred.sharpness < BLURRED < measure(*face).sharpness
    (warning,) = blurred.warnings(1024)
    assert warning.startswith("the face is blurred; expect ")


@pytest.mark.parametrize("level", [10.0, 20.0])
def test_noisy_face_is_named_and_not_called_blurred(face: Rendered, level: float) -> None:
    noise = np.random.default_rng(1).normal(0, level, face.image.shape)
    noisy = measure((face.image + noise).clip(0, 255).astype(np.uint8), face.landmarks)
    assert noisy.noise > NOISY
    (warning,) = noisy.warnings(1024)
    assert warning.startswith("the face is noisy (about ")


def test_small_face_is_relative_to_the_generator(face: Rendered) -> None:
    quality = FaceQuality(side=100.0, sharpness=2.0, noise=1.0, yaw=0.0)
    assert quality.warnings(256) == []
    (warning,) = quality.warnings(1024)
    assert warning.startswith("the face is small: its crop has 100 px, and the generator renders 1024 px, so expect ")


@pytest.mark.parametrize(("value", "side"), [(2.5, "right"), (-2.5, "left")])
def test_turned_face_is_named_with_its_side(value: float, side: str) -> None:
    turned = render(value)
    (warning,) = measure(*turned).warnings(1024)
    assert warning.startswith(f"the face is turned to the {side} of the image by about ")


def test_yaw_does_not_depend_on_tilt_and_scale(face: Rendered) -> None:
    points = render(1.5).landmarks.astype(np.float64)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    assert estimate_yaw(points) < -5
    assert estimate_yaw(3 * points @ turn.T + 7) == pytest.approx(estimate_yaw(points))


@pytest.mark.parametrize("level", [2.0, 8.0, 25.0])
def test_noise_is_that_of_a_noisy_ramp(level: float) -> None:
    ramp = np.linspace(60, 190, 128)[None, :, None] + np.linspace(-20, 20, 128)[:, None, None]
    image = ramp + np.random.default_rng(2).normal(0, level, (128, 128, 3))
    assert estimate_noise(image) == pytest.approx(level, rel=0.1)
