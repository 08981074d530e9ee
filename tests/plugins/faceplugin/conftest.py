"""The weight files of Faceplugin, and its extractors on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest

import i2i
from i2i_plugins.faceplugin.identity import FaceIdentity
from i2i_plugins.faceplugin.landmarks import FaceLandmarks
from i2i_plugins.faceplugin.pose import HeadPose

CPU = i2i.choose_device("cpu", "fp32")


@pytest.fixture(scope="session")
def weights(shared: Path) -> Path:
    """The folder with ``fr_*.onnx``."""
    return shared / "weights" / "faceplugin"


@pytest.fixture(scope="session")
def landmarks(weights: Path) -> FaceLandmarks:
    return FaceLandmarks(CPU, weights / "fr_landmark.onnx", weights / "fr_detect.onnx")


@pytest.fixture(scope="session")
def identity(weights: Path) -> FaceIdentity:
    return FaceIdentity(CPU, weights / "fr_feature.onnx")


@pytest.fixture(scope="session")
def pose(weights: Path) -> HeadPose:
    return HeadPose(CPU, weights / "fr_pose.onnx")
