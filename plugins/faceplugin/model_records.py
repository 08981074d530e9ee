"""The model records of Faceplugin's face networks: four files of one npm package, and of its repository."""

from __future__ import annotations

import i2i

HOMEPAGE = "https://github.com/Faceplugin-ltd/FaceRecognition-LivenessDetection-Javascript"
PACKAGE = "faceplugin-face-recognition-js@0.0.1"
PACKAGE_SHA256 = "7ea06031d9a3f83753254fcff60506a07b81b46fc84d4ee024cd041f260ec1ba"
PACKAGE_BYTES = 41_114_878
_FOLDER = (
    "https://raw.githubusercontent.com/Faceplugin-ltd/FaceRecognition-LivenessDetection-Javascript/"
    "d3c0ae57ef5ac76f859f17d7ca5f7fa0b6703e83/model"
)


def _record(name: str, summary: str, role: str, file: str, sha256: str, size: int, resolution: int) -> i2i.Model:
    """Return the record of one file, which is stored as it is published."""
    return i2i.Model(
        name=name,
        summary=summary,
        role=role,
        url="",
        licence="MIT (Faceplugin)",
        domain="faces",
        resolution=resolution,
        bytes=size,
        sha256=sha256,
        homepage=HOMEPAGE,
        sources=(
            i2i.NpmSource(PACKAGE, PACKAGE_SHA256, {f"package/model/{file}": sha256}, PACKAGE_BYTES),
            i2i.FileSource(f"{_FOLDER}/{file}", sha256, size),
        ),
        bundles=frozenset({"faces"}),
    )


IDENTITY_MODEL = _record(
    "faceplugin-identity",
    "Identity embeddings of faces: a network of 33 PReLU layers, trained as ArcFace.",
    "identity",
    "fr_feature.onnx",
    "87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581",
    4_884_269,
    112,
)
DETECTION_MODEL = _record(
    "faceplugin-detection",
    "A small face detector (RFB), for faces from about 1/50 of the photo's side.",
    "landmarks",
    "fr_detect.onnx",
    "6c0256ccd3164f844736a401faf936ec2930764a87ae39442180887d0c5c8854",
    1_217_758,
    320,
)
LANDMARKS_MODEL = _record(
    "faceplugin-landmarks",
    "68 landmarks of a face, from grey crops.",
    "landmarks",
    "fr_landmark.onnx",
    "f10b0ba1d2a8a099adefede1ebf3733e44fe370715e7303dbeb7f59c02142258",
    1_163_742,
    64,
)
POSE_MODEL = _record(
    "faceplugin-pose",
    "Yaw, pitch and roll of a head.",
    "pose",
    "fr_pose.onnx",
    "72d032ec941b7153bf8d3f2c03a4c165453cc7e63d479041ec7c6ef087e5839d",
    5_811_723,
    224,
)
