"""The model records of face-alignment's weights."""

from __future__ import annotations

import i2i

HOMEPAGE = "https://github.com/1adrianb/face-alignment"
_FOLDER = "https://www.adrianbulat.com/downloads/python-fan"

FAN_MODEL = i2i.Model(
    name="face-alignment-2dfan4",
    summary="68 landmarks of a face: 2D-FAN with four hourglasses.",
    role="landmarks",
    url=f"{_FOLDER}/2DFAN4-11f355bf06.pth.tar",
    licence="BSD 3-Clause (face-alignment); trained on 300W-LP",
    domain="faces",
    resolution=256,
    sha256="11f355bf0693120222f5955ce3f9dc8fb5763ebb30a47d7906e509490d32e4aa",
    homepage=HOMEPAGE,
)
"""``2DFAN4-cd938726ad.zip``, a TorchScript program of the same network, is read as well."""
S3FD_MODEL = i2i.Model(
    name="s3fd",
    summary="S3FD, the face detector of face-alignment.",
    role="landmarks",
    url=f"{_FOLDER}/s3fd-619a316812.pth",
    licence="BSD 3-Clause (face-alignment); trained on WIDER FACE",
    domain="faces",
    bytes=89_843_225,
    sha256="619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
    homepage=HOMEPAGE,
)
