"""dlib's identity network: aligned and computed as by dlib itself, and able to tell people apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import i2i
from i2i.toolkit.images import read_image, to_tensor
from i2i_plugins.dlib.identity import DlibIdentity
from i2i_plugins.dlib.model_records import identity_record
from tests.helpers.needing_dlib import require_dlib
from tests.helpers.real_faces import real_faces

CPU = i2i.choose_device("cpu", "fp32")


@pytest.fixture(scope="module")
def identity() -> DlibIdentity:
    require_dlib()
    return DlibIdentity(CPU)


def test_the_record_is_that_of_the_installed_file() -> None:
    require_dlib()
    record = identity_record()
    assert record.path is not None and i2i.model_path(record) == record.path
    assert record.path.stat().st_size == record.bytes


def test_faces_are_described_as_by_dlib_itself(identity: DlibIdentity, shared: Path) -> None:
    dlib: Any = pytest.importorskip("dlib")

    face = next(real_faces(shared))
    array = np.ascontiguousarray(read_image(face.file))
    points = [dlib.point(int(x), int(y)) for x, y in face.landmarks.round().tolist()]
    shape = dlib.full_object_detection(dlib.rectangle(0, 0, 1, 1), points)
    expected = np.array(identity._network.compute_face_descriptor(array, shape))
    aligned = identity.align(to_tensor(array).requires_grad_(), face.landmarks[None])
    assert aligned.shape == (1, 3, 150, 150) and not aligned.requires_grad
    assert np.allclose(identity.descriptors(aligned)[0].numpy(), expected, atol=1e-6)
    vectors = identity(aligned)
    assert vectors.shape == (1, 128) and torch.allclose(vectors.norm(dim=1), torch.ones(1))


def test_people_are_told_apart(identity: DlibIdentity, shared: Path) -> None:
    faces = [face for face, _ in zip(real_faces(shared), range(40), strict=False)]
    vectors = torch.cat(
        [identity.descriptors(identity.align(to_tensor(read_image(face.file)), face.landmarks[None])) for face in faces]
    )
    distances = torch.cdist(vectors, vectors)
    same = [(a, b) for a in range(40) for b in range(a) if faces[a].person == faces[b].person]
    others = [(a, b) for a in range(40) for b in range(a) if faces[a].person != faces[b].person]
    own, foreign = (torch.tensor([float(distances[pair]) for pair in pairs]) for pairs in (same, others))
    # Measured on all 161 faces: medians 0.49 and 0.83, and dlib's own limit is 0.6.
    assert len(same) >= 10 and own.median() < 0.55 and foreign.median() > 0.75


def test_wrong_shapes_and_files_are_refused(identity: DlibIdentity, tmp_path: Path) -> None:
    images = torch.zeros(1, 3, 64, 64)
    assert identity(images[:0]).shape == (0, 128)
    assert identity.align(images[:0], torch.zeros(0, 68, 2)).shape == (0, 3, 150, 150)
    with pytest.raises(ValueError, match="dlib-identity takes images"):
        identity(images[0])
    with pytest.raises(ValueError, match=r"landmarks \(N, 68, 2\)"):
        identity.align(images, torch.zeros(1, 5, 2))
    (tmp_path / "wrong.dat").write_bytes(b"nothing")
    with pytest.raises(i2i.I2IError, match=r"wrong\.dat holds no face recognition network of dlib's"):
        DlibIdentity(CPU, tmp_path / "wrong.dat")
